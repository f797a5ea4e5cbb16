//! The scheduler's records and pixels through the real log, on two simulated disks. Knows which batch holds which records, so
//! that what a crash leaves can be compared with what was made.

use tessera_journal::journal::{Fold, Folded};
use tessera_journal::{AppendError, HeldPixels, Journal, JournalOptions, OpenError, Opened, TileStore};
use tessera_scheduler_core::record::Record;
use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, LeaseId};
use tessera_shared::lease::TilePass;

use crate::disk::SimDisk;
use crate::random::Random;

/// Bytes of a segment of pixels.
const TILES_SEGMENT_BYTES: u64 = 64 << 10;

/// Two disks and what is open on them.
pub(crate) struct Storage {
    pub records: SimDisk,
    pub pixels: SimDisk,
    options: JournalOptions,
    journal: Option<Journal>,
    store: Option<TileStore<SimDisk>>,
    /// Records up to each batch, that of the last attempt included.
    ends: Vec<usize>,
}

impl Storage {
    pub fn new(random: &mut Random, options: JournalOptions, lies_permille: u64) -> Storage {
        let mut disk = || SimDisk::new(Random::new(random.word()), lies_permille);
        let (records, pixels) = (disk(), disk());
        Storage { records, pixels, options, journal: None, store: None, ends: Vec::new() }
    }

    /// Reads what is there. Returns the state and how many records it tells.
    pub fn open(&mut self) -> Result<(Opened, usize), OpenError> {
        let mut opened = Journal::resume(&self.records, self.options)?;
        self.store = Some(TileStore::open(self.pixels.clone(), TILES_SEGMENT_BYTES)?);
        let batches = opened.journal.next_sequence() as usize - 1;
        self.ends.truncate(batches);
        let kept = self.ends.last().copied().unwrap_or(0);
        let journal =
            std::mem::replace(&mut opened.journal, Journal::open(&SimDisk::default(), self.options)?.journal);
        self.journal = Some(journal);
        Ok((opened, kept))
    }

    /// Makes records durable; with them there are so many.
    pub fn append(&mut self, records: &[Record], end: usize) -> Result<(), AppendError> {
        let journal = self.journal.as_mut().expect("it is open");
        let batch = journal.next_sequence() as usize - 1;
        self.ends.truncate(batch);
        self.ends.push(end);
        journal.append(&self.records, records)
    }

    pub fn fold_due(&mut self) -> Option<Fold> {
        self.journal.as_mut().and_then(Journal::fold_due)
    }

    pub fn folded(&mut self, folded: &Folded) {
        self.journal.as_mut().expect("it is open").folded(folded);
    }

    fn store(&self) -> &TileStore<SimDisk> {
        self.store.as_ref().expect("it is open")
    }

    /// Makes a delivery's pixels durable.
    pub fn put(
        &self,
        job: JobId,
        lease: LeaseId,
        tiles: &[(TilePass, Digest, &[u64])],
    ) -> Result<(), AppendError> {
        let bytes: Vec<Vec<u8>> = tiles
            .iter()
            .map(|(_, _, pixels)| pixels.iter().flat_map(|word| word.to_le_bytes()).collect())
            .collect();
        let held =
            tiles.iter().map(|(pass, root, _)| HeldPixels { lease, job, pass: pass.clone(), root: *root });
        let tiles: Vec<(HeldPixels, &[u8])> = held.zip(bytes.iter().map(Vec::as_slice)).collect();
        self.store().put(&tiles)
    }

    /// A tile-pass's pixels, if they are there and whole.
    pub fn pixels(&self, lease: LeaseId, pass: &TilePass) -> Option<Vec<u64>> {
        let bytes = self.store().read(lease, pass).ok()?;
        let words =
            bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
        Some(words.collect())
    }

    pub fn remove<'a>(&self, lease: LeaseId, passes: impl Iterator<Item = &'a TilePass>) {
        self.store().remove(passes.map(|pass| (lease, pass)));
    }

    pub fn remove_job(&self, job: JobId) {
        self.store().remove_job(job);
    }

    pub fn keep(&self, wanted: impl Fn(&HeldPixels) -> bool) {
        self.store().keep(wanted);
    }

    /// The power fails; nothing is open any more.
    pub fn crash(&mut self) {
        (self.journal, self.store) = (None, None);
        self.records.crash();
        self.pixels.crash();
    }
}
