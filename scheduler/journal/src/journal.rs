//! The journal of a scheduler: records in, the state out. Batches of records go to the log; from time to time the sealed
//! segments are folded into a snapshot and removed. Decides when, and nothing about what records mean.

use tessera_scheduler_core::Record;
use tessera_scheduler_core::state::State;

use crate::disk::Disk;
use crate::format::{BATCH_BYTES_MAX, Kind};
use crate::log::{AppendError, Log, OpenError};
use crate::scan::{Segments, Torn};
use crate::snapshot::{self, Snapshot};

/// Snapshots that are kept, each with the segments behind it: should the newest be damaged, the one before still serves.
const SNAPSHOTS_KEPT: usize = 2;
/// Most memory that a batch's records may claim while they are decoded.
const DECODE_BYTES_MAX: usize = 4 * BATCH_BYTES_MAX;

/// How a journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// A segment takes no more batches once it has so many bytes.
    pub segment_bytes: u64,
    /// A snapshot is due after so many bytes of batches, or twice the last snapshot's if that is more.
    pub snapshot_bytes: u64,
}

impl Default for JournalOptions {
    fn default() -> JournalOptions {
        JournalOptions { segment_bytes: 8 << 20, snapshot_bytes: 16 << 20 }
    }
}

/// The end of a journal.
#[derive(Debug)]
pub struct Journal {
    log: Log,
    options: JournalOptions,
    /// Bytes of batches since the last snapshot.
    behind: u64,
    /// Bytes of the last snapshot.
    snapshot_bytes: u64,
}

/// A journal that was read to its end.
#[derive(Debug)]
pub struct Opened {
    pub journal: Journal,
    /// What the records say; the default state of a new journal.
    pub state: State,
    pub replayed: Replayed,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// No record was there.
    pub new: bool,
    /// The snapshot that the state comes from, by the sequence of the first batch after it.
    pub snapshot: Option<u64>,
    /// Batches and records after it.
    pub batches: u64,
    pub records: u64,
    /// Tails that a crash left, passed over.
    pub torn: Vec<Torn>,
    /// Snapshots that are damaged, passed over.
    pub damaged: Vec<String>,
}

/// Sealed segments that a snapshot can replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Number of the first segment that is not folded.
    until: u64,
}

/// What came of a fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// Sequence of the first batch that is not in the snapshot.
    pub next: u64,
    /// Bytes of the snapshot.
    pub bytes: u64,
    pub segments_removed: u32,
}

/// Why a fold came to nothing. The journal is as it was.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    #[error(transparent)]
    Read(#[from] OpenError),
    #[error("the snapshot cannot be written: {0}")]
    Write(std::io::Error),
}

impl Journal {
    /// Reads a journal to its end. Nothing is changed on the disk, so that it can be read as often as one likes.
    pub fn open(disk: &impl Disk, options: JournalOptions) -> Result<Opened, OpenError> {
        Journal::read(disk, options, u64::MAX, |_, _| ())
    }

    /// As [`Journal::open`], for a scheduler that goes on from here: what was read is made durable first, as the process before may
    /// have died between a write and its sync.
    pub fn resume(disk: &impl Disk, options: JournalOptions) -> Result<Opened, OpenError> {
        let opened = Journal::open(disk, options)?;
        for segment in Segments::list(disk, Kind::Records)?.all.iter().rev().take(2) {
            disk.sync(&segment.name).map_err(OpenError::io(&segment.name))?;
        }
        disk.sync_names().map_err(OpenError::io("the journal's folder"))?;
        Ok(opened)
    }

    /// As [`Journal::open`], and shows every record that the newest snapshot has not, with its batch's sequence number.
    pub fn open_and_show(
        disk: &impl Disk,
        options: JournalOptions,
        show: impl FnMut(u64, &Record),
    ) -> Result<Opened, OpenError> {
        Journal::read(disk, options, u64::MAX, show)
    }

    fn read(
        disk: &impl Disk,
        options: JournalOptions,
        until: u64,
        mut show: impl FnMut(u64, &Record),
    ) -> Result<Opened, OpenError> {
        let segments = Segments::list(disk, Kind::Records)?;
        let (snapshot, damaged) = snapshot::newest(disk)?;
        let from = snapshot.as_ref().map(|snapshot| snapshot.next);
        let Snapshot { bytes, mut state, .. } = snapshot.unwrap_or_default();
        let (mut batches, mut records, mut behind) = (0, 0, 0);
        let (next, torn) = segments.read(disk, from.unwrap_or(1), until, |sequence, name, payload| {
            for record in decode(payload).map_err(|reason| undecodable(name, sequence, reason))? {
                show(sequence, &record);
                state.apply(&record);
                records += 1;
            }
            batches += 1;
            behind += payload.len() as u64;
            Ok(())
        })?;
        let log = Log::new(Kind::Records, options.segment_bytes, segments.next_number(), next);
        let journal = Journal { log, options, behind, snapshot_bytes: bytes };
        let new = from.is_none() && batches == 0;
        let replayed = Replayed { new, snapshot: from, batches, records, torn, damaged };
        Ok(Opened { journal, state, replayed })
    }

    /// Makes records durable, all or none. After an error the same records may be appended again.
    pub fn append(&mut self, disk: &impl Disk, records: &[Record]) -> Result<(), AppendError> {
        let payload = encode(records);
        self.log.append(disk, &[&[&payload]])?;
        self.behind += payload.len() as u64;
        Ok(())
    }

    /// Seals what is there if a snapshot is due. The fold may then run beside further appends, on another thread.
    pub fn fold_due(&mut self) -> Option<Fold> {
        let due = self.behind >= self.options.snapshot_bytes.max(2 * self.snapshot_bytes);
        due.then(|| self.begin_fold())
    }

    /// Seals what is there for a snapshot.
    pub fn begin_fold(&mut self) -> Fold {
        self.log.seal();
        self.behind = 0;
        Fold { until: self.log.open_segment() }
    }

    /// A fold is done.
    pub fn folded(&mut self, folded: &Folded) {
        self.snapshot_bytes = folded.bytes;
    }

    /// The sequence number of the next batch.
    pub fn next_sequence(&self) -> u64 {
        self.log.next_sequence()
    }
}

impl Fold {
    /// Replays the last snapshot and the sealed segments into a new snapshot, then removes what is not needed any more.
    pub fn run(self, disk: &impl Disk) -> Result<Folded, FoldError> {
        let opened = Journal::read(disk, JournalOptions::default(), self.until, |_, _| ())?;
        let next = opened.journal.next_sequence();
        let bytes = snapshot::write(disk, next, &opened.state).map_err(FoldError::Write)?;
        // What cannot be removed now is removed by the next fold.
        let segments_removed = prune(disk).unwrap_or(0);
        Ok(Folded { next, bytes, segments_removed })
    }
}

/// Removes old snapshots, and the segments that lie before the oldest one kept.
fn prune(disk: &impl Disk) -> Result<u32, OpenError> {
    let snapshots = snapshot::list(disk)?;
    let Some(oldest) = snapshots.len().checked_sub(SNAPSHOTS_KEPT).map(|at| snapshots[at]) else {
        return Ok(0);
    };
    let segments = Segments::list(disk, Kind::Records)?;
    let over = |at: &usize| segments.first_after(*at).is_some_and(|first| first <= oldest);
    let mut removed = 0;
    // Oldest first: a crash between two leaves no gap.
    for at in (0..segments.all.len()).take_while(over) {
        let name = &segments.all[at].name;
        disk.remove(name).and_then(|()| disk.sync_names()).map_err(OpenError::io(name))?;
        removed += 1;
    }
    snapshot::remove(disk, |next| next < oldest).map_err(OpenError::io("an old snapshot"))?;
    Ok(removed)
}

/// Records as a batch's payload: one after the other.
pub fn encode(records: &[Record]) -> Vec<u8> {
    let mut payload = Vec::new();
    for record in records {
        bincode::encode_into_std_write(record, &mut payload, bincode::config::standard())
            .expect("writing to memory cannot fail");
    }
    payload
}

/// Shows every record that is still there, those that the newest snapshot has too, with its batch's sequence number, until
/// `show` has enough. Returns the sequence number of the first batch that is there (the next one if none is), and the tails that
/// were passed over. Of a damaged journal everything before the damage is shown, then that is the error.
pub fn records(
    disk: &impl Disk,
    mut show: impl FnMut(u64, &Record) -> bool,
) -> Result<(u64, Vec<Torn>), OpenError> {
    let (segments, unreadable) = Segments::readable(disk, Kind::Records)?;
    let first = segments.all.iter().find_map(|segment| Some(segment.header?.first));
    let mut goes_on = true;
    let (next, torn) = segments.read(disk, first.unwrap_or(1), u64::MAX, |sequence, name, payload| {
        if goes_on {
            let records = decode(payload).map_err(|reason| undecodable(name, sequence, reason))?;
            goes_on = records.iter().all(|record| show(sequence, record));
        }
        Ok(())
    })?;
    match unreadable {
        Some(error) => Err(error),
        None => Ok((first.unwrap_or(next), torn)),
    }
}

/// The records of a batch's payload; the reason why not is for people.
pub fn decode(mut payload: &[u8]) -> Result<Vec<Record>, String> {
    let config = bincode::config::standard().with_limit::<DECODE_BYTES_MAX>();
    let mut records = Vec::new();
    while !payload.is_empty() {
        let (record, used) =
            bincode::decode_from_slice(payload, config).map_err(|error| error.to_string())?;
        records.push(record);
        payload = &payload[used..];
    }
    Ok(records)
}

fn undecodable(name: &str, sequence: u64, reason: String) -> OpenError {
    OpenError::Undecodable { name: name.to_owned(), sequence, reason }
}
