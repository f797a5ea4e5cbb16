//! The journal's thread: batches of records are made durable in the order in which they come, as many with one sync as wait.
//! A disk that fails is tried again until it does not; nothing that waits for a batch is released before. Decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use tessera_journal::Journal;
use tessera_scheduler_core::Record;
use tokio::sync::watch;

use crate::storage::{Observer, SharedDisk, Storage, insist};

/// Records of one sync at most.
const RECORDS_MAX: usize = 1 << 16;

struct Batch {
    number: u64,
    records: Vec<Record>,
}

/// The way to the journal's thread.
#[derive(Debug)]
pub(crate) struct Writer {
    batches: Option<Sender<Batch>>,
    synced: watch::Receiver<u64>,
    stopping: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. Batches are numbered from 1.
    pub fn start(storage: &Storage, journal: Journal) -> std::io::Result<Writer> {
        let (batches, inbox) = channel();
        let (synced, seen) = watch::channel(0);
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("journal".to_owned());
        let (disk, observer) = (storage.journal.clone(), storage.observer.clone());
        let keeper = Keeper { disk, observer, journal, synced, stopping: stopping.clone(), folding: None };
        let thread = thread.spawn(move || keeper.run(&inbox))?;
        Ok(Writer { batches: Some(batches), synced: seen, stopping, thread: Some(thread) })
    }

    /// Hands over a batch. False: the thread is gone.
    pub fn append(&self, number: u64, records: Vec<Record>) -> bool {
        self.batches.as_ref().is_some_and(|batches| batches.send(Batch { number, records }).is_ok())
    }

    /// The number of the last batch that is durable; an error when the thread is gone.
    pub fn synced(&self) -> watch::Receiver<u64> {
        self.synced.clone()
    }

    /// Ends the thread once everything is durable, or at once where the disk fails. Blocks.
    pub fn finish(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Keeper {
    disk: SharedDisk,
    observer: Option<Observer>,
    journal: Journal,
    synced: watch::Sender<u64>,
    stopping: Arc<AtomicBool>,
    folding: Option<Receiver<tessera_journal::journal::Folded>>,
}

impl Keeper {
    fn run(mut self, inbox: &Receiver<Batch>) {
        while let Ok(Batch { mut number, mut records }) = inbox.recv() {
            while records.len() < RECORDS_MAX
                && let Ok(more) = inbox.try_recv()
            {
                number = more.number;
                records.extend(more.records);
            }
            if !self.keep(&records) {
                return;
            }
            if let Some(observer) = &self.observer {
                observer(&records);
            }
            self.synced.send_replace(number);
            self.fold();
        }
    }

    /// Appends until it is done; false if the scheduler stops before.
    fn keep(&mut self, records: &[Record]) -> bool {
        let what = "nothing is lent or accepted until the journal can be written";
        let Keeper { disk, journal, stopping, .. } = self;
        let kept = insist(what, || journal.append(disk, records), || stopping.load(Ordering::Relaxed));
        if let Err(error) = &kept {
            tracing::error!(%error, records = records.len(), "stopping without these records; nobody was told what they say");
        }
        kept.is_ok()
    }

    /// Folds old segments into a snapshot on a thread of its own, one at a time.
    fn fold(&mut self) {
        if let Some(folding) = &self.folding {
            match folding.try_recv() {
                Ok(folded) => self.journal.folded(&folded),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {}
            }
            self.folding = None;
        }
        let Some(fold) = self.journal.fold_due() else { return };
        let (done, folding) = channel();
        let disk = self.disk.clone();
        let thread = std::thread::Builder::new().name("snapshot".to_owned());
        let begun = thread.spawn(move || match fold.run(&disk) {
            Ok(folded) => {
                tracing::debug!(next = folded.next, bytes = folded.bytes, "snapshot written");
                let _ = done.send(folded);
            }
            Err(error) => {
                tracing::warn!(%error, "no snapshot is written: the journal grows until the next try")
            }
        });
        if let Err(error) = begun {
            tracing::warn!(%error, "no thread for a snapshot");
        }
        self.folding = Some(folding);
    }
}
