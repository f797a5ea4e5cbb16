//! The last news of the farm, made once for all who read the stream of events: each reads on from where it is, and who falls
//! behind what is kept is told to load everything again. Nobody's slowness costs memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use tessera_shared::ids::JobId;
use tokio::sync::watch;

/// Batches of news that are kept: half a minute at ten a second.
const BATCHES_MAX: usize = 300;
/// Bytes of kept batches; beyond them the oldest go early.
const BYTES_MAX: usize = 32 << 20;
/// So long after somebody last read or asked where the stream is, news are made: who reloads the page misses none.
const WANTED_MS: u64 = 30_000;

/// What happened in one beat of the pump, as server-sent events.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// For everybody.
    pub general: Vec<u8>,
    /// For who watches a job.
    pub jobs: BTreeMap<JobId, Vec<u8>>,
}

/// A batch that was posted. Readers share its bytes.
#[derive(Debug)]
pub(super) struct Posted {
    /// Ends with the batch's number.
    general: Bytes,
    jobs: BTreeMap<JobId, Bytes>,
}

impl Posted {
    fn new(batch: Batch, number: u64) -> Posted {
        let mut general = batch.general;
        general.extend_from_slice(&seen(number));
        let jobs = batch.jobs.into_iter().map(|(job, bytes)| (job, Bytes::from(bytes)));
        Posted { general: Bytes::from(general), jobs: jobs.collect() }
    }

    /// What a reader gets who watches the job: what happened to its tiles comes before what follows for it.
    pub fn pieces(&self, watching: Option<JobId>) -> impl Iterator<Item = Bytes> + '_ {
        let of_job = watching.and_then(|job| self.jobs.get(&job));
        of_job.into_iter().chain([&self.general]).cloned()
    }

    fn bytes(&self) -> usize {
        self.general.len() + self.jobs.values().map(Bytes::len).sum::<usize>()
    }
}

/// The event that tells a reader where it is.
pub(super) fn seen(number: u64) -> Vec<u8> {
    format!("id: {number}\nevent: seen\ndata: {{}}\n\n").into_bytes()
}

/// What a reader gets next.
#[derive(Debug)]
pub(super) enum News {
    /// These batches, and where the reader is then.
    Batches(Vec<Arc<Posted>>, u64),
    /// Too much was missed; where the reader is then.
    Resync(u64),
}

#[derive(Debug, Default)]
struct Kept {
    /// Of the newest batch; batches count from 1.
    newest: u64,
    batches: VecDeque<Arc<Posted>>,
    bytes: usize,
    /// When somebody last read, or asked where the stream is.
    wanted_ms: Option<u64>,
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
    /// Where the stream is now, for somebody who is to read on from there soon.
    pub fn cursor(&self, now_ms: u64) -> u64 {
        let mut kept = self.kept();
        kept.wanted_ms = Some(now_ms);
        kept.newest
    }

    /// Whether anybody reads or may be about to. If not, what is kept is dropped: what happens from here on is told to nobody, so
    /// who comes back must load everything again.
    pub(super) fn wanted(&self, now_ms: u64) -> bool {
        let mut kept = self.kept();
        if self.newest.receiver_count() > 0 {
            kept.wanted_ms = Some(now_ms);
        }
        let wanted = kept.wanted_ms.is_some_and(|at_ms| now_ms < at_ms.saturating_add(WANTED_MS));
        if !wanted && kept.wanted_ms.take().is_some() {
            kept.batches.clear();
            kept.bytes = 0;
            kept.newest += 1;
        }
        wanted
    }

    /// Counts up with every batch.
    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    pub(super) fn post(&self, batch: Batch) {
        let mut kept = self.kept();
        kept.newest += 1;
        let posted = Posted::new(batch, kept.newest);
        kept.bytes += posted.bytes();
        kept.batches.push_back(Arc::new(posted));
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

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(text: &str) -> Batch {
        Batch { general: text.into(), jobs: BTreeMap::new() }
    }

    /// What a reader of no job is told but for the batches' numbers.
    fn texts(news: News) -> (String, u64) {
        match news {
            News::Batches(batches, cursor) => {
                let pieces = batches.iter().flat_map(|batch| batch.pieces(None));
                let text: String = pieces.map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect();
                let told = text.split("\n\n").map(|part| part.split("id: ").next().unwrap());
                (told.collect(), cursor)
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
    fn each_batch_ends_with_its_number_and_a_jobs_news_come_first() {
        let board = Board::default();
        board.post(batch("a"));
        board.post(Batch { general: "b".into(), jobs: BTreeMap::from([(JobId(7), "t".into())]) });
        let News::Batches(batches, 2) = board.after(1) else { panic!("nothing is missed") };
        let text = |job| {
            let pieces: Vec<_> = batches[0].pieces(job).collect();
            String::from_utf8(pieces.concat()).unwrap()
        };
        assert_eq!(text(Some(JobId(7))), "tbid: 2\nevent: seen\ndata: {}\n\n");
        assert_eq!(text(Some(JobId(8))), text(None));
    }

    #[test]
    fn nothing_is_made_for_nobody_and_who_comes_back_loads_again() {
        let board = Board::default();
        assert!(!board.wanted(0), "nobody has asked yet");
        assert_eq!(board.cursor(1_000), 0);
        assert!(board.wanted(1_000 + WANTED_MS - 1));
        board.post(batch("a"));
        assert!(!board.wanted(1_000 + WANTED_MS));
        assert_eq!(texts(board.after(1)), ("resync".to_owned(), 2));
        assert!(!board.wanted(1_001 + WANTED_MS));
        assert_eq!(texts(board.after(2)), (String::new(), 2), "who has loaded since misses nothing");
        let reader = board.newest();
        assert!(board.wanted(1 << 40));
        drop(reader);
        assert!(board.wanted((1 << 40) + WANTED_MS - 1), "it may only be reloading");
    }

    #[test]
    fn who_falls_behind_loads_again_and_costs_no_memory() {
        let board = Board::default();
        (0..2 * BATCHES_MAX).for_each(|_| board.post(batch("x")));
        assert_eq!(texts(board.after(1)).0, "resync");
        assert_eq!(board.kept().batches.len(), BATCHES_MAX);
        let large = "y".repeat(BYTES_MAX / 4 - seen(u64::MAX).len());
        (0..10).for_each(|_| board.post(batch(&large)));
        assert!(board.kept().bytes <= BYTES_MAX);
        assert_eq!(board.kept().batches.len(), 4);
    }
}
