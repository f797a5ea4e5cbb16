//! Pixels of delivered tile-passes, from before their record until they are part of a finished film. They lie in segments as
//! records do, under the root of their digests, each content once. Decides nothing about whose pixels are right.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use tessera_shared::digest::Digest;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, TileIndex};
use tessera_shared::lease::TilePass;

use crate::disk::Disk;
use crate::format::{Kind, checksum, name};
use crate::log::{AppendError, Log, OpenError, Place};
use crate::scan::{Segments, headers};

/// Bytes in front of an entry's pixels: lease, job, frame, tile, samples, root, checksum of those.
const HEAD_BYTES: usize = 80;
/// A segment takes no more once it has so many bytes.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A tile-pass of a delivery whose pixels are held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldPixels {
    pub lease: LeaseId,
    pub job: JobId,
    pub pass: TilePass,
    /// [`tessera_scheduler_core::tile_root`] of the digests of its blocks. Equal roots mean equal pixels.
    pub root: Digest,
}

/// Pixels that cannot be had. They have to be rendered anew.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("they are not held")]
    Absent,
    #[error("{name} is damaged at byte {offset}")]
    Damaged { name: String, offset: u64 },
    #[error("{name}: {source}")]
    Io { name: String, source: std::io::Error },
}

/// The pixels of deliveries on a disk. Shared: one writes at a time, reading waits for no write.
#[derive(Debug)]
pub struct TileStore<D> {
    disk: D,
    log: Mutex<Log>,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    held: BTreeMap<(LeaseId, TilePass), Entry>,
    content: BTreeMap<Digest, Content>,
    /// Entries and contents in use by segment, the open one's plus one.
    uses: BTreeMap<u64, u64>,
    open: Option<u64>,
}

#[derive(Debug)]
struct Entry {
    job: JobId,
    root: Digest,
    /// Where it is written down.
    segment: u64,
}

#[derive(Debug)]
struct Content {
    place: Place,
    entries: u64,
    /// It could not be read: when it comes again it is written again.
    damaged: bool,
}

impl<D: Disk> TileStore<D> {
    /// Reads what is held. Contents are verified when they are read; entries that are not whole are none.
    pub fn open(disk: D, segment_bytes: u64) -> Result<TileStore<D>, OpenError> {
        let segments = Segments::list(&disk, Kind::Tiles)?;
        let mut index = Index::default();
        for segment in &segments.all {
            index.uses.insert(segment.number, 0);
            for (offset, header) in headers(&disk, segment)? {
                if (header.length as usize) < HEAD_BYTES {
                    continue;
                }
                let mut head = [0u8; HEAD_BYTES];
                disk.read_at(&segment.name, offset, &mut head).map_err(OpenError::io(&segment.name))?;
                let Some(held) = decode(&head) else { continue };
                let place = Place {
                    segment: segment.number,
                    offset,
                    length: header.length,
                    checksum: header.checksum,
                };
                index.enter(&held, place);
            }
        }
        let log = Log::new(Kind::Tiles, segment_bytes, segments.next_number(), 1);
        let store = TileStore { disk, log: Mutex::new(log), index: Mutex::new(index) };
        store.sweep();
        Ok(store)
    }

    /// Holds pixels, all or none: they are durable when it returns. A content that is there already is not written again.
    pub fn put(&self, tiles: &[(HeldPixels, &[u8])]) -> Result<(), AppendError> {
        let mut log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let known: Vec<bool> = {
            let mut index = self.index();
            // What is referred to may not go before the reference is written.
            tiles.iter().map(|(held, _)| index.sound(&held.root) && index.refer(&held.root)).collect()
        };
        let heads: Vec<_> = tiles.iter().map(|(held, _)| encode(held)).collect();
        let payloads: Vec<[&[u8]; 2]> = heads
            .iter()
            .zip(tiles.iter().zip(&known))
            .map(|(head, ((_, pixels), known))| [&head[..], if *known { &[] } else { *pixels }])
            .collect();
        let payloads: Vec<&[&[u8]]> = payloads.iter().map(|parts| &parts[..]).collect();
        let written = log.append(&self.disk, &payloads);
        let mut index = self.index();
        index.opened(log.open_segment());
        let outcome = written.map(|places| {
            tiles.iter().zip(places).for_each(|((held, _), place)| index.enter(held, place));
        });
        for ((held, _), _) in tiles.iter().zip(&known).filter(|(_, known)| **known) {
            index.forget(&held.root);
        }
        drop(index);
        drop(log);
        self.sweep();
        outcome
    }

    /// The pixels, verified.
    pub fn read(&self, lease: LeaseId, pass: &TilePass) -> Result<Vec<u8>, ReadError> {
        let (root, place) = {
            let index = self.index();
            let entry = index.held.get(&(lease, pass.clone())).ok_or(ReadError::Absent)?;
            (entry.root, index.content.get(&entry.root).ok_or(ReadError::Absent)?.place)
        };
        let name = name(place.segment, Kind::Tiles.ending());
        let mut payload = vec![0u8; place.length as usize];
        if let Err(source) = self.disk.read_at(&name, place.offset, &mut payload) {
            return Err(ReadError::Io { name, source });
        }
        match checksum(&payload) == place.checksum {
            true => Ok(payload.split_off(HEAD_BYTES)),
            false => {
                self.index().doubt(&root, place);
                Err(ReadError::Damaged { name, offset: place.offset })
            }
        }
    }

    /// Whether the tile-pass of the lease is held.
    pub fn holds(&self, lease: LeaseId, pass: &TilePass) -> bool {
        let index = self.index();
        let entry = index.held.get(&(lease, pass.clone()));
        entry.is_some_and(|entry| index.sound(&entry.root))
    }

    /// Everything that is held, by lease and tile-pass.
    pub fn held(&self) -> Vec<HeldPixels> {
        let index = self.index();
        let held = index.held.iter().map(|((lease, pass), entry)| HeldPixels {
            lease: *lease,
            job: entry.job,
            pass: pass.clone(),
            root: entry.root,
        });
        held.collect()
    }

    /// Drops tile-passes of leases; segments of which nothing is needed go.
    pub fn remove<'a>(&self, gone: impl IntoIterator<Item = (LeaseId, &'a TilePass)>) {
        {
            let mut index = self.index();
            for (lease, pass) in gone {
                index.remove(&(lease, pass.clone()));
            }
        }
        self.sweep();
    }

    /// Drops everything of a lease.
    pub fn remove_lease(&self, lease: LeaseId) {
        let held: Vec<TilePass> = {
            let index = self.index();
            let from = TilePass { frame: FrameNumber(0), tile: TileIndex(0), sample_start: 0, sample_end: 0 };
            let mine = index.held.range((lease, from)..).take_while(|((of, _), _)| *of == lease);
            mine.map(|((_, pass), _)| pass.clone()).collect()
        };
        self.remove(held.iter().map(|pass| (lease, pass)));
    }

    /// Drops everything that is not wanted. Returns how many tile-passes that were.
    pub fn keep(&self, wanted: impl Fn(&HeldPixels) -> bool) -> usize {
        let orphans: Vec<HeldPixels> = self.held().into_iter().filter(|held| !wanted(held)).collect();
        self.remove(orphans.iter().map(|held| (held.lease, &held.pass)));
        orphans.len()
    }

    /// Drops everything of a job.
    pub fn remove_job(&self, job: JobId) {
        self.keep(|held| held.job != job);
    }

    /// Removes segments of which nothing is in use.
    fn sweep(&self) {
        let idle: Vec<u64> = {
            let mut index = self.index();
            let open = index.open;
            let idle =
                |(number, uses): (&u64, &u64)| (*uses == 0 && Some(*number) != open).then_some(*number);
            let idle: Vec<u64> = index.uses.iter().filter_map(idle).collect();
            index.uses.retain(|number, _| !idle.contains(number));
            idle
        };
        for number in idle {
            // What stays is found by the next start, and nothing in it is wanted then.
            let _ = self.disk.remove(&name(number, Kind::Tiles.ending()));
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Index {
    /// The segment that is written to from here on.
    fn opened(&mut self, number: u64) {
        self.uses.entry(number).or_default();
        self.open = Some(number);
    }

    /// Whether a content is there and can be read, as far as it is known.
    fn sound(&self, root: &Digest) -> bool {
        self.content.get(root).is_some_and(|content| !content.damaged)
    }

    /// One more reference to a content, if it is there.
    fn refer(&mut self, root: &Digest) -> bool {
        let content = self.content.get_mut(root);
        content.map(|content| content.entries += 1).is_some()
    }

    fn enter(&mut self, held: &HeldPixels, place: Place) {
        let key = (held.lease, held.pass.clone());
        // The same again, where the first was not acknowledged.
        let before = self.held.remove(&key);
        *self.uses.entry(place.segment).or_default() += 1;
        if place.length as usize == HEAD_BYTES {
            self.refer(&held.root);
        } else {
            // Written whole again: the copy before was given up, or is what a crash has left of one. The later one counts.
            *self.uses.entry(place.segment).or_default() += 1;
            match self.refer(&held.root) {
                true => self.move_content(&held.root, place),
                false => drop(self.content.insert(held.root, Content { place, entries: 1, damaged: false })),
            }
        }
        let entry = Entry { job: held.job, root: held.root, segment: place.segment };
        self.held.insert(key, entry);
        if let Some(before) = before {
            self.release(&before);
        }
    }

    /// The content was not what it should be at that place; it may have come again since.
    fn doubt(&mut self, root: &Digest, place: Place) {
        let there = self.content.get_mut(root).filter(|content| content.place == place);
        there.into_iter().for_each(|content| content.damaged = true);
    }

    fn move_content(&mut self, root: &Digest, place: Place) {
        let Some(content) = self.content.get_mut(root) else { return };
        let before = std::mem::replace(&mut content.place, place);
        content.damaged = false;
        self.unuse(before.segment);
    }

    fn remove(&mut self, key: &(LeaseId, TilePass)) {
        if let Some(entry) = self.held.remove(key) {
            self.release(&entry);
        }
    }

    fn release(&mut self, entry: &Entry) {
        self.unuse(entry.segment);
        self.forget(&entry.root);
    }

    /// One reference to a content less.
    fn forget(&mut self, root: &Digest) {
        let Some(content) = self.content.get_mut(root) else { return };
        content.entries -= 1;
        if content.entries == 0 {
            let segment = content.place.segment;
            self.content.remove(root);
            self.unuse(segment);
        }
    }

    fn unuse(&mut self, segment: u64) {
        if let Some(uses) = self.uses.get_mut(&segment) {
            *uses = uses.saturating_sub(1);
        }
    }
}

fn encode(held: &HeldPixels) -> [u8; HEAD_BYTES] {
    let TilePass { frame, tile, sample_start, sample_end } = &held.pass;
    let mut head = Vec::with_capacity(HEAD_BYTES);
    head.extend(held.lease.0.to_le_bytes());
    head.extend(held.job.0.to_le_bytes());
    for word in [frame.0, tile.0, *sample_start, *sample_end] {
        head.extend(word.to_le_bytes());
    }
    head.extend(held.root.0);
    head.extend(checksum(&head));
    head.try_into().expect("eighty bytes")
}

fn decode(head: &[u8; HEAD_BYTES]) -> Option<HeldPixels> {
    let (said, sum) = head.split_at(HEAD_BYTES - 16);
    if checksum(said) != *sum {
        return None;
    }
    let long = |at: usize| u64::from_le_bytes(said[at..at + 8].try_into().expect("eight bytes"));
    let word = |at: usize| u32::from_le_bytes(said[at..at + 4].try_into().expect("four bytes"));
    let pass = TilePass {
        frame: FrameNumber(word(16)),
        tile: TileIndex(word(20)),
        sample_start: word(24),
        sample_end: word(28),
    };
    let root = Digest(said[32..64].try_into().expect("32 bytes"));
    Some(HeldPixels { lease: LeaseId(long(0)), job: JobId(long(8)), pass, root })
}
