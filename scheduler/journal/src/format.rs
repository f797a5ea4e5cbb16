//! The bytes of segments, batches and snapshots: headers, versions, checksums. `docs/journal.md` has the table of which reader
//! reads which writer. Knows no disk.

use tessera_shared::digest::Digest;

/// Version of segments that this build writes, and the last that it reads.
pub const SEGMENT_VERSION: u32 = 1;
/// Version of snapshots that this build writes, and the last that it reads. It moves with the layout of
/// [`tessera_scheduler_core::state::State`].
pub const SNAPSHOT_VERSION: u32 = 1;

const SEGMENT_MAGIC: [u8; 8] = *b"tesserJ\n";
const SNAPSHOT_MAGIC: [u8; 8] = *b"tesserS\n";
const BATCH_MAGIC: [u8; 4] = *b"tBa\n";

/// Bytes of a segment's header: magic, version, kind, number, first sequence, checksum; little-endian.
pub const SEGMENT_HEADER_BYTES: usize = 48;
/// Bytes of a batch's header: magic, length, sequence, checksum of the payload, checksum of the header.
pub const BATCH_HEADER_BYTES: usize = 48;
/// Bytes of a snapshot's header: magic, version, zero, next sequence, length, checksum of the payload, checksum of the header.
pub const SNAPSHOT_HEADER_BYTES: usize = 64;
/// Most bytes of a batch.
pub const BATCH_BYTES_MAX: usize = 64 << 20;

/// What a segment's batches hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records of the core.
    Records,
    /// Pixels of tile-passes.
    Tiles,
}

impl Kind {
    fn number(self) -> u32 {
        match self {
            Kind::Records => 1,
            Kind::Tiles => 2,
        }
    }

    /// Ending of its segments' names.
    pub fn ending(self) -> &'static str {
        match self {
            Kind::Records => ".log",
            Kind::Tiles => ".tiles",
        }
    }
}

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    pub kind: Kind,
    pub number: u64,
    /// Sequence number of its first batch.
    pub first: u64,
}

/// A batch's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Bytes of the payload.
    pub length: u32,
    /// One more than the batch before it.
    pub sequence: u64,
    pub checksum: [u8; 16],
}

/// A snapshot's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// Every batch before this one is in it.
    pub next: u64,
    /// Bytes of the payload.
    pub length: u64,
    pub checksum: [u8; 16],
}

/// The bytes are not the header they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHeader {
    /// Torn, damaged or none at all.
    Damaged,
    /// Written by a newer build.
    Newer { version: u32 },
}

/// The first half of the blake3 digest.
pub fn checksum(bytes: &[u8]) -> [u8; 16] {
    let [half, _] = split(Digest::of(bytes).0);
    half
}

fn split(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    halves[0].copy_from_slice(&bytes[..16]);
    halves[1].copy_from_slice(&bytes[16..]);
    halves
}

/// Appends the checksum of everything so far.
fn sealed<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut bytes = [0u8; N];
    let mut at = 0;
    for part in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    let seal = checksum(&bytes[..N - 16]);
    bytes[N - 16..].copy_from_slice(&seal);
    bytes
}

fn opened<const N: usize>(bytes: &[u8]) -> Option<&[u8; N]> {
    let bytes: &[u8; N] = bytes.first_chunk()?;
    (checksum(&bytes[..N - 16]) == bytes[N - 16..]).then_some(bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Checks magic and version, which every version has at the same place, then the seal.
fn versioned<const N: usize>(bytes: &[u8], magic: [u8; 8], known: u32) -> Result<&[u8; N], BadHeader> {
    let Some(start) = bytes.first_chunk::<12>().filter(|start| start[..8] == magic) else {
        return Err(BadHeader::Damaged);
    };
    let version = u32_at(start, 8);
    match version {
        0 => Err(BadHeader::Damaged),
        version if version > known => Err(BadHeader::Newer { version }),
        _ => opened(bytes).ok_or(BadHeader::Damaged),
    }
}

impl SegmentHeader {
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let (version, kind) = (SEGMENT_VERSION.to_le_bytes(), self.kind.number().to_le_bytes());
        let (number, first) = (self.number.to_le_bytes(), self.first.to_le_bytes());
        sealed(&[&SEGMENT_MAGIC, &version, &kind, &number, &first])
    }

    pub fn decode(bytes: &[u8]) -> Result<SegmentHeader, BadHeader> {
        let bytes = versioned::<SEGMENT_HEADER_BYTES>(bytes, SEGMENT_MAGIC, SEGMENT_VERSION)?;
        let kind = match u32_at(bytes, 12) {
            1 => Kind::Records,
            2 => Kind::Tiles,
            _ => return Err(BadHeader::Damaged),
        };
        Ok(SegmentHeader { kind, number: u64_at(bytes, 16), first: u64_at(bytes, 24) })
    }
}

impl BatchHeader {
    pub fn new(sequence: u64, payload: &[u8]) -> BatchHeader {
        BatchHeader { length: payload.len() as u32, sequence, checksum: checksum(payload) }
    }

    pub fn encode(&self) -> [u8; BATCH_HEADER_BYTES] {
        let (length, sequence) = (self.length.to_le_bytes(), self.sequence.to_le_bytes());
        sealed(&[&BATCH_MAGIC, &length, &sequence, &self.checksum])
    }

    pub fn decode(bytes: &[u8]) -> Option<BatchHeader> {
        let magic = bytes.first_chunk::<4>()?;
        if *magic != BATCH_MAGIC {
            return None;
        }
        let bytes = opened::<BATCH_HEADER_BYTES>(bytes)?;
        let length = u32_at(bytes, 4);
        let checksum = bytes[16..32].try_into().expect("16 bytes");
        let fits = length as usize <= BATCH_BYTES_MAX;
        fits.then_some(BatchHeader { length, sequence: u64_at(bytes, 8), checksum })
    }
}

impl SnapshotHeader {
    pub fn new(next: u64, payload: &[u8]) -> SnapshotHeader {
        SnapshotHeader { next, length: payload.len() as u64, checksum: checksum(payload) }
    }

    pub fn encode(&self) -> [u8; SNAPSHOT_HEADER_BYTES] {
        let version = SNAPSHOT_VERSION.to_le_bytes();
        let (next, length) = (self.next.to_le_bytes(), self.length.to_le_bytes());
        sealed(&[&SNAPSHOT_MAGIC, &version, &[0; 4], &next, &length, &self.checksum])
    }

    pub fn decode(bytes: &[u8]) -> Result<SnapshotHeader, BadHeader> {
        let bytes = versioned::<SNAPSHOT_HEADER_BYTES>(bytes, SNAPSHOT_MAGIC, SNAPSHOT_VERSION)?;
        let checksum = bytes[32..48].try_into().expect("16 bytes");
        Ok(SnapshotHeader { next: u64_at(bytes, 16), length: u64_at(bytes, 24), checksum })
    }
}

/// The name of a numbered file.
pub fn name(number: u64, ending: &str) -> String {
    format!("{number:016x}{ending}")
}

/// The number in a file's name.
pub fn number(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending).filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}
