//! What the feed says of a small farm's records. Knows no socket and no page.

use std::sync::Arc;

use tessera_scheduler_core::api::{Asker, Config, Event, RequestId};

use super::*;
use crate::small_farm::{self, OWNER};

/// A farm whose records its feed notes.
struct Farm {
    core: Core,
    feed: Arc<Feed>,
}

impl Farm {
    fn new() -> Farm {
        Farm { core: Core::new(Config::new([1; 32])), feed: Arc::new(Feed::new(true)) }
    }

    fn event(&mut self, event: Event) -> Changes {
        let output = self.core.handle(5, event);
        self.feed.note(&self.core, 5, &output.records);
        self.feed.take()
    }

    /// A job of one frame of four tiles, submitted and whole.
    fn job(&mut self) -> Changes {
        let [submitted, whole] = small_farm::job();
        self.event(submitted);
        self.event(whole)
    }

    fn worker(&mut self) -> Changes {
        self.event(small_farm::worker())
    }
}

fn job_number(farm: &Farm) -> JobId {
    *farm.core.state().jobs.keys().next().unwrap()
}

#[test]
fn a_watched_job_tells_its_tiles_and_others_only_that_they_went_on() {
    let mut farm = Farm::new();
    farm.job();
    let job = job_number(&farm);
    let watching = farm.feed.watch(job);
    let changes = farm.worker();
    let worker = *farm.core.state().workers.keys().next().unwrap();
    assert_eq!(changes.workers_turned, BTreeSet::from([worker]));
    assert_eq!(changes.jobs_went_on, BTreeSet::from([job]));
    assert!(!changes.tiles[&job].is_empty(), "what was lent");
    assert!(changes.tiles[&job].iter().all(|(frame, tile)| *frame == 0 && tile.0 < 4));
    assert_eq!(changes.entries.len(), 1);
    let (_, entry) = &changes.entries[0];
    assert_eq!((entry.kind, entry.text.as_str()), (EntryKind::Joined, "w1 `node` joined with card"));

    let lost = farm.event(Event::WorkerDisconnected { worker });
    assert_eq!(lost.tiles[&job], changes.tiles[&job], "what it held is free again");
    assert_eq!(lost.entries[0].1.text, "w1 `node` left");

    drop(watching);
    let changes = farm.worker();
    assert!(changes.tiles.is_empty(), "nobody watches");
    assert_eq!(changes.jobs_went_on, BTreeSet::from([job]));
    assert_eq!(farm.feed.take(), Changes::default());
}

#[test]
fn a_job_that_turns_is_told_apart_from_one_that_goes_on() {
    let mut farm = Farm::new();
    let changes = farm.job();
    let job = job_number(&farm);
    assert_eq!(changes.jobs_turned, BTreeSet::from([job]));
    let changes = farm.event(Event::Cancel { request: RequestId(3), job, by: Asker::Artist(OWNER) });
    assert_eq!(changes.jobs_turned, BTreeSet::from([job]));
    assert_eq!(changes.entries[0].1.text, format!("{job} is cancelled"));
}

#[test]
fn who_worked_on_a_job_that_is_over_is_told_to_be_free() {
    let mut farm = Farm::new();
    farm.job();
    let job = job_number(&farm);
    farm.worker();
    let worker = *farm.core.state().workers.keys().next().unwrap();
    assert_eq!(farm.core.job_in_hand(worker), Some(job));
    let by = Asker::Artist(OWNER);
    let changes = farm.event(Event::Cancel { request: RequestId(3), job, by });
    assert_eq!(changes.workers_turned, BTreeSet::from([worker]));
    assert_eq!(farm.core.job_in_hand(worker), None);
    assert!(farm.feed.pending().leases.is_empty(), "leases of a job that is over are forgotten");
}

#[test]
fn the_log_is_read_from_any_line_on_and_kept_without_a_pump() {
    let mut farm = Farm::new();
    farm.feed = Arc::new(Feed::new(false));
    assert!(farm.feed.lines(0, 10).is_empty());
    farm.job();
    assert_eq!(farm.worker(), Changes::default(), "nobody would take it");
    let texts = |after, limit| {
        let lines = farm.feed.lines(after, limit).into_iter();
        lines.map(|(number, entry)| format!("{number} {}", entry.text)).collect::<Vec<_>>()
    };
    let all = ["1 j1 `shot` is submitted", "2 w1 `node` joined with card"];
    assert_eq!(
        (texts(0, 10), texts(9, 10)),
        (all.map(String::from).to_vec(), all.map(String::from).to_vec())
    );
    assert_eq!((texts(1, 10), texts(0, 1)), (vec![all[1].to_owned()], vec![all[1].to_owned()]));
    assert!(texts(2, 10).is_empty());
    let mut pending = Pending::default();
    for _ in 0..2 * LINES_MAX {
        let subject = Subject::default();
        pending.write(Entry { at_ms: 0, kind: EntryKind::Job, subject, text: String::new() });
    }
    assert_eq!((pending.lines.len(), pending.lines[0].0), (LINES_MAX, LINES_MAX as u64 + 1));
}
