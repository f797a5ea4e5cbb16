//! A log of batches in segments: appending. A batch is durable when `append` returns, and what fails is as if it had never
//! been. Knows no content; reading is in [`crate::scan`].

use crate::disk::Disk;
use crate::format::{
    BATCH_BYTES_MAX, BATCH_HEADER_BYTES, BatchHeader, Kind, SEGMENT_HEADER_BYTES, SegmentHeader, name,
};

/// Batches of one sync are written together up to about so many bytes.
const WRITE_BYTES: usize = 1 << 20;

/// Why a log cannot be opened. Nothing is deleted or changed then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "{name} has version {version}, and this build reads up to {known}: it was written by a newer Tessera; start that one, or give another --data"
    )]
    Newer { name: String, version: u32, known: u32 },
    #[error(
        "{name} is damaged at byte {offset}, and intact data follows: this is no torn write; restore the file from a copy, or move the folder away to begin anew"
    )]
    Damaged { name: String, offset: u64 },
    #[error(
        "batch {expected} is missing before {name}, which begins with {found}: a file of the journal is gone; restore it from a copy, or move the folder away to begin anew"
    )]
    Gap { name: String, expected: u64, found: u64 },
    #[error("{name} holds a batch {sequence} that this build cannot read: {reason}")]
    Undecodable { name: String, sequence: u64, reason: String },
    #[error("{name}: {source}")]
    Io { name: String, source: std::io::Error },
}

impl OpenError {
    pub(crate) fn io(name: &str) -> impl FnOnce(std::io::Error) -> OpenError {
        let name = name.to_owned();
        |source| OpenError::Io { name, source }
    }
}

/// A batch could not be made durable. Nothing of it counts; the same batch may be appended again, and goes to a new segment.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("{name}: {source}")]
    Io { name: String, source: std::io::Error },
    #[error("a batch of {bytes} bytes; at most {BATCH_BYTES_MAX} are kept as one")]
    TooLarge { bytes: usize },
}

impl AppendError {
    /// There is no room on the disk.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, AppendError::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}

/// Where a batch's payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the segment.
    pub segment: u64,
    /// Of the payload's first byte.
    pub offset: u64,
    /// Bytes of the payload.
    pub length: u32,
    pub checksum: [u8; 16],
}

/// The end of a log.
#[derive(Debug)]
pub struct Log {
    kind: Kind,
    /// A segment takes no more once it has so many bytes.
    segment_bytes: u64,
    current: Option<Current>,
    next_segment: u64,
    next_sequence: u64,
}

#[derive(Debug)]
struct Current {
    number: u64,
    length: u64,
}

impl Log {
    /// Goes on behind what a scan found; a new segment begins, so that nothing is ever written behind what another process wrote.
    pub fn new(kind: Kind, segment_bytes: u64, next_segment: u64, next_sequence: u64) -> Log {
        Log { kind, segment_bytes, current: None, next_segment, next_sequence }
    }

    /// The sequence number of the next batch.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// The number of the segment that the next batch opens, or that is open.
    pub fn open_segment(&self) -> u64 {
        self.current.as_ref().map_or(self.next_segment, |current| current.number)
    }

    /// The next batch begins a new segment.
    pub fn seal(&mut self) {
        self.current = None;
    }

    /// Appends payloads, a batch each, with one sync. All are durable when it returns; after an error none counts.
    pub fn append(&mut self, disk: &impl Disk, payloads: &[&[&[u8]]]) -> Result<Vec<Place>, AppendError> {
        let sizes = payloads.iter().map(|parts| parts.iter().map(|part| part.len()).sum::<usize>());
        if let Some(bytes) = sizes.max().filter(|bytes| *bytes > BATCH_BYTES_MAX) {
            return Err(AppendError::TooLarge { bytes });
        }
        let number = match self.current.take().filter(|current| current.length < self.segment_bytes) {
            Some(current) => {
                self.current = Some(current);
                self.open_segment()
            }
            None => self.begin(disk)?,
        };
        let name = name(number, self.kind.ending());
        // What fails half way is left behind: the next batch goes to another segment, whose first sequence cuts this one.
        let Current { length, .. } = self.current.take().expect("a segment is open");
        let failed = |source| AppendError::Io { name: name.clone(), source };
        let (mut places, mut end) = (Vec::with_capacity(payloads.len()), length);
        let mut waiting = Vec::new();
        let written = payloads.iter().enumerate().try_for_each(|(at, parts)| {
            let header_at = waiting.len();
            waiting.resize(header_at + BATCH_HEADER_BYTES, 0);
            parts.iter().for_each(|part| waiting.extend_from_slice(part));
            let header =
                BatchHeader::new(self.next_sequence + at as u64, &waiting[header_at + BATCH_HEADER_BYTES..]);
            waiting[header_at..header_at + BATCH_HEADER_BYTES].copy_from_slice(&header.encode());
            let offset = end + BATCH_HEADER_BYTES as u64;
            let (length, checksum) = (header.length, header.checksum);
            places.push(Place { segment: number, offset, length, checksum });
            end = offset + u64::from(length);
            match waiting.len() >= WRITE_BYTES || at + 1 == payloads.len() {
                true => disk.append(&name, &waiting).map(|()| waiting.clear()),
                false => Ok(()),
            }
        });
        if let Err(source) = written.and_then(|()| disk.sync(&name)) {
            // Gives room back where that is what lacks. Where it fails, the cut by the next segment's first sequence stands.
            let _ = disk.truncate(&name, length);
            return Err(failed(source));
        }
        self.current = Some(Current { number, length: end });
        self.next_sequence += payloads.len() as u64;
        Ok(places)
    }

    /// Begins a segment. Its header is durable before any batch, so that a header that is not whole has none behind it.
    fn begin(&mut self, disk: &impl Disk) -> Result<u64, AppendError> {
        let number = self.next_segment;
        let name = name(number, self.kind.ending());
        let header = SegmentHeader { kind: self.kind, number, first: self.next_sequence };
        let begun = disk
            .create(&name)
            .and_then(|()| disk.append(&name, &header.encode()))
            .and_then(|()| disk.sync(&name))
            .and_then(|()| disk.sync_names());
        self.next_segment += 1;
        match begun {
            Ok(()) => {
                self.current = Some(Current { number, length: SEGMENT_HEADER_BYTES as u64 });
                Ok(number)
            }
            Err(source) => {
                // It holds nothing; what is left of it is passed over.
                let _ = disk.remove(&name);
                Err(AppendError::Io { name, source })
            }
        }
    }
}
