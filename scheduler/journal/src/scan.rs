//! A log of batches in segments: reading. Torn tails are passed over, damage before intact data is an error. Knows no content
//! of batches, and changes nothing.

use crate::disk::{Disk, read_whole};
use crate::format::{
    BATCH_HEADER_BYTES, BadHeader, BatchHeader, Kind, SEGMENT_HEADER_BYTES, SEGMENT_VERSION, SegmentHeader,
    checksum, number,
};
use crate::log::OpenError;

/// A segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub name: String,
    pub number: u64,
    pub bytes: u64,
    /// `None`: nothing whole is in it.
    pub header: Option<SegmentHeader>,
}

/// The segments of a log in order.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    pub all: Vec<Segment>,
}

/// A tail that was cut off: what a crash left of a batch that nobody was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    pub name: String,
    pub offset: u64,
    pub bytes: u64,
}

impl Segments {
    /// Lists a log's segments and reads their headers.
    pub fn list(disk: &impl Disk, kind: Kind) -> Result<Segments, OpenError> {
        match Segments::readable(disk, kind)? {
            (segments, None) => Ok(segments),
            (_, Some(error)) => Err(error),
        }
    }

    /// The same up to the first segment whose header cannot be read, and why it cannot.
    pub fn readable(disk: &impl Disk, kind: Kind) -> Result<(Segments, Option<OpenError>), OpenError> {
        let names = disk.list().map_err(OpenError::io("the journal's folder"))?;
        let numbered = names.into_iter().filter_map(|name| Some((number(&name, kind.ending())?, name)));
        let mut numbered: Vec<(u64, String)> = numbered.collect();
        numbered.sort();
        let mut all = Vec::with_capacity(numbered.len());
        for (number, name) in numbered {
            match segment(disk, kind, number, name) {
                Ok(segment) => all.push(segment),
                Err(error) => return Ok((Segments { all }, Some(error))),
            }
        }
        Ok((Segments { all }, None))
    }

    /// The number of the next segment.
    pub fn next_number(&self) -> u64 {
        self.all.last().map_or(1, |last| last.number + 1)
    }

    /// First sequence of the segment after this place in the list, if one is there.
    pub fn first_after(&self, at: usize) -> Option<u64> {
        self.all.get(at + 1..)?.iter().find_map(|segment| Some(segment.header?.first))
    }

    /// Calls `visit` with the sequence, the segment's name and the payload of every batch from `from` on, in order, up to the
    /// segment of the number `until`. Returns the next sequence number and the tails that were passed over.
    pub fn read(
        &self,
        disk: &impl Disk,
        from: u64,
        until: u64,
        mut visit: impl FnMut(u64, &str, &[u8]) -> Result<(), OpenError>,
    ) -> Result<(u64, Vec<Torn>), OpenError> {
        let (mut expected, mut torn) = (from, Vec::new());
        let segments = self.all.iter().enumerate().filter(|(_, segment)| segment.number < until);
        for (at, segment) in segments {
            let Some(header) = segment.header else { continue };
            let end = self.first_after(at).unwrap_or(u64::MAX);
            if end <= from {
                continue;
            }
            if header.first > expected {
                return Err(OpenError::Gap { name: segment.name.clone(), expected, found: header.first });
            }
            let content = read_whole(disk, &segment.name).map_err(OpenError::io(&segment.name))?;
            let mut batches =
                Batches { content: &content, offset: SEGMENT_HEADER_BYTES, sequence: header.first };
            while batches.sequence < end
                && let Some((sequence, payload)) = batches.next()
            {
                if sequence >= expected {
                    visit(sequence, &segment.name, payload)?;
                }
            }
            // Behind the next segment's first sequence lies what failed and was written again.
            if batches.sequence < end && batches.offset < content.len() {
                let offset = batches.offset as u64;
                if batches.intact_later() {
                    return Err(OpenError::Damaged { name: segment.name.clone(), offset });
                }
                torn.push(Torn { name: segment.name.clone(), offset, bytes: content.len() as u64 - offset });
            }
            expected = expected.max(batches.sequence);
        }
        Ok((expected, torn))
    }
}

fn segment(disk: &impl Disk, kind: Kind, number: u64, name: String) -> Result<Segment, OpenError> {
    let bytes = disk.length(&name).map_err(OpenError::io(&name))?;
    let mut start = vec![0u8; (bytes as usize).min(SEGMENT_HEADER_BYTES)];
    disk.read_at(&name, 0, &mut start).map_err(OpenError::io(&name))?;
    let header = match SegmentHeader::decode(&start) {
        Ok(header) if header.number == number && header.kind == kind => Some(header),
        Err(BadHeader::Newer { version }) => {
            return Err(OpenError::Newer { name, version, known: SEGMENT_VERSION });
        }
        // Headers are durable before batches: what follows a bad one are no batches, or it was damaged later.
        Ok(_) | Err(BadHeader::Damaged) => match bytes > SEGMENT_HEADER_BYTES as u64 {
            true => return Err(OpenError::Damaged { name, offset: 0 }),
            false => None,
        },
    };
    Ok(Segment { name, number, bytes, header })
}

/// The batches of a segment's content, one after the other, until one is not whole.
struct Batches<'a> {
    content: &'a [u8],
    offset: usize,
    /// Of the batch that comes next.
    sequence: u64,
}

impl<'a> Batches<'a> {
    fn next(&mut self) -> Option<(u64, &'a [u8])> {
        let (payload, sequence) = batch_at(self.content, self.offset)?;
        if sequence != self.sequence {
            return None;
        }
        self.offset += BATCH_HEADER_BYTES + payload.len();
        self.sequence += 1;
        Some((sequence, payload))
    }

    /// Whether a whole batch that must have been written later lies behind this place.
    fn intact_later(&self) -> bool {
        (self.offset + 1..self.content.len())
            .any(|at| batch_at(self.content, at).is_some_and(|(_, sequence)| sequence > self.sequence))
    }
}

fn batch_at(content: &[u8], offset: usize) -> Option<(&[u8], u64)> {
    let rest = content.get(offset..)?;
    let header = BatchHeader::decode(rest)?;
    let payload = rest.get(BATCH_HEADER_BYTES..BATCH_HEADER_BYTES + header.length as usize)?;
    (checksum(payload) == header.checksum).then_some((payload, header.sequence))
}

/// The headers of a segment's batches with the offsets of their payloads, until one is not whole. Payloads are not read.
pub fn headers(disk: &impl Disk, segment: &Segment) -> Result<Vec<(u64, BatchHeader)>, OpenError> {
    let (mut found, mut offset) = (Vec::new(), SEGMENT_HEADER_BYTES as u64);
    let mut bytes = [0u8; BATCH_HEADER_BYTES];
    while segment.header.is_some() && offset + BATCH_HEADER_BYTES as u64 <= segment.bytes {
        disk.read_at(&segment.name, offset, &mut bytes).map_err(OpenError::io(&segment.name))?;
        let Some(header) = BatchHeader::decode(&bytes) else { break };
        let payload = offset + BATCH_HEADER_BYTES as u64;
        if payload + u64::from(header.length) > segment.bytes {
            break;
        }
        found.push((payload, header));
        offset = payload + u64::from(header.length);
    }
    Ok(found)
}
