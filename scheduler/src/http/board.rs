//! The last news of the farm, made once for all who read the stream of events: each reads on from where it is, and who falls
//! behind what is kept is told to load everything again. Nobody's slowness costs memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use tessera_shared::ids::JobId;
use tokio::sync::watch;

use super::json::Entry;

/// Batches of news that are kept: half a minute at ten a second.
const BATCHES_MAX: usize = 300;
/// Bytes of kept batches; beyond them the oldest go early.
const BYTES_MAX: usize = 32 << 20;
/// Lines of the log that are kept.
const LINES_MAX: usize = 4096;

/// What happened in one beat of the pump, as server-sent events.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// For everybody.
    pub general: Bytes,
    /// For who watches a job.
    pub jobs: BTreeMap<JobId, Bytes>,
}

impl Batch {
    fn bytes(&self) -> usize {
        self.general.len() + self.jobs.values().map(Bytes::len).sum::<usize>()
    }
}

/// What a reader gets next.
#[derive(Debug)]
pub(super) enum News {
    /// These batches, and where the reader is then.
    Batches(Vec<Arc<Batch>>, u64),
    /// Too much was missed; where the reader is then.
    Resync(u64),
}

#[derive(Debug, Default)]
struct Kept {
    /// Of the newest batch; batches count from 1.
    newest: u64,
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    lines: VecDeque<Entry>,
    next_line: u64,
}

/// The board.
#[derive(Debug)]
pub(crate) struct Board {
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

impl Default for Board {
    fn default() -> Board {
        Board { kept: Mutex::default(), newest: watch::channel(0).0 }
    }
}

impl Board {
    /// Where the stream is now.
    pub fn cursor(&self) -> u64 {
        self.kept().newest
    }

    /// Counts up with every batch.
    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Gives lines of the log their numbers and keeps them; returns them.
    pub(super) fn write(
        &self,
        lines: impl IntoIterator<Item = crate::feed::Entry>,
        start_unix_ms: u64,
    ) -> Vec<Entry> {
        let mut kept = self.kept();
        let mut written = Vec::new();
        for line in lines {
            kept.next_line += 1;
            let line = Entry::new(kept.next_line, line, start_unix_ms);
            written.push(line.clone());
            kept.lines.push_back(line);
        }
        let extra = kept.lines.len().saturating_sub(LINES_MAX);
        kept.lines.drain(..extra);
        written
    }

    pub(super) fn post(&self, batch: Batch) {
        let mut kept = self.kept();
        kept.newest += 1;
        kept.bytes += batch.bytes();
        kept.batches.push_back(Arc::new(batch));
        while kept.batches.len() > BATCHES_MAX || (kept.bytes > BYTES_MAX && kept.batches.len() > 1) {
            let gone = kept.batches.pop_front().map_or(0, |gone| gone.bytes());
            kept.bytes -= gone;
        }
        let newest = kept.newest;
        drop(kept);
        self.newest.send_replace(newest);
    }

    /// What came after a reader's place.
    pub(super) fn after(&self, cursor: u64) -> News {
        let kept = self.kept();
        let first = kept.newest - kept.batches.len() as u64;
        // A place of an earlier scheduler may lie ahead of this one's.
        if cursor < first || cursor > kept.newest {
            return News::Resync(kept.newest);
        }
        let new = kept.batches.iter().skip((cursor - first) as usize).cloned().collect();
        News::Batches(new, kept.newest)
    }

    /// At most `limit` lines older than `before`, newest first.
    pub(super) fn lines(&self, before: Option<u64>, limit: usize) -> Vec<Entry> {
        let kept = self.kept();
        let older = kept.lines.iter().rev().filter(|line| before.is_none_or(|before| line.id < before));
        older.take(limit).cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(text: &str) -> Batch {
        Batch { general: Bytes::copy_from_slice(text.as_bytes()), jobs: BTreeMap::new() }
    }

    fn texts(news: News) -> (String, u64) {
        match news {
            News::Batches(batches, cursor) => {
                let text = batches.iter().map(|batch| std::str::from_utf8(&batch.general).unwrap());
                (text.collect(), cursor)
            }
            News::Resync(cursor) => ("resync".to_owned(), cursor),
        }
    }

    #[test]
    fn readers_read_on_from_where_they_are() {
        let board = Board::default();
        assert_eq!(texts(board.after(0)), (String::new(), 0));
        board.post(batch("a"));
        board.post(batch("b"));
        assert_eq!(texts(board.after(0)), ("ab".to_owned(), 2));
        assert_eq!(texts(board.after(1)), ("b".to_owned(), 2));
        assert_eq!(texts(board.after(2)), (String::new(), 2));
        assert_eq!(texts(board.after(3)), ("resync".to_owned(), 2), "of an earlier scheduler");
    }

    #[test]
    fn who_falls_behind_loads_again_and_costs_no_memory() {
        let board = Board::default();
        (0..2 * BATCHES_MAX).for_each(|_| board.post(batch("x")));
        assert_eq!(texts(board.after(1)).0, "resync");
        assert_eq!(board.kept().batches.len(), BATCHES_MAX);
        let large = "y".repeat(BYTES_MAX / 4);
        (0..10).for_each(|_| board.post(batch(&large)));
        assert!(board.kept().bytes <= BYTES_MAX);
        assert_eq!(board.kept().batches.len(), 4);
    }
}
