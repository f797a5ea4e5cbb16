//! Which records are events for webhooks, and the document that tells of one. Knows no receiver.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::Serialize;
use tessera_scheduler_core::Core;
use tessera_scheduler_core::api::Effect;
use tessera_scheduler_core::jobs::Phase;
use tessera_scheduler_core::record::{JobEnd, Record};
use tessera_scheduler_core::state::State;
use tessera_shared::ids::{FrameNumber, JobId};

use crate::http::json::Job;

/// Frames that one event names; it counts the others.
const FRAMES_MAX: usize = 1000;

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WebhookEvent {
    /// The farm has all of the job's package and would render it.
    JobAccepted,
    /// Something of it is lent for the first time.
    JobStarted,
    JobPaused,
    JobResumed,
    JobCompleted,
    JobFailed,
    JobCancelled,
    /// All of a frame is accepted.
    FrameFinished,
    /// Something that was accepted of frames is doubted or lost, and rendered anew.
    FrameOverturned,
    /// Frames are rendered anew because somebody wants that.
    FrameRequeued,
}

impl WebhookEvent {
    pub const ALL: [WebhookEvent; 10] = [
        WebhookEvent::JobAccepted,
        WebhookEvent::JobStarted,
        WebhookEvent::JobPaused,
        WebhookEvent::JobResumed,
        WebhookEvent::JobCompleted,
        WebhookEvent::JobFailed,
        WebhookEvent::JobCancelled,
        WebhookEvent::FrameFinished,
        WebhookEvent::FrameOverturned,
        WebhookEvent::FrameRequeued,
    ];

    pub fn name(self) -> &'static str {
        match self {
            WebhookEvent::JobAccepted => "job.accepted",
            WebhookEvent::JobStarted => "job.started",
            WebhookEvent::JobPaused => "job.paused",
            WebhookEvent::JobResumed => "job.resumed",
            WebhookEvent::JobCompleted => "job.completed",
            WebhookEvent::JobFailed => "job.failed",
            WebhookEvent::JobCancelled => "job.cancelled",
            WebhookEvent::FrameFinished => "frame.finished",
            WebhookEvent::FrameOverturned => "frame.overturned",
            WebhookEvent::FrameRequeued => "frame.requeued",
        }
    }

    /// Told unless others are chosen: all but those that come by the thousand.
    pub fn usual() -> BTreeSet<WebhookEvent> {
        WebhookEvent::ALL.into_iter().filter(|event| *event != WebhookEvent::FrameFinished).collect()
    }
}

/// No event is called so.
#[derive(Debug, thiserror::Error)]
#[error("no event is called `{name}`; there are {}", WebhookEvent::ALL.map(WebhookEvent::name).join(", "))]
pub struct UnknownEvent {
    name: String,
}

impl FromStr for WebhookEvent {
    type Err = UnknownEvent;

    fn from_str(name: &str) -> Result<WebhookEvent, UnknownEvent> {
        let known = WebhookEvent::ALL.into_iter().find(|event| event.name() == name);
        known.ok_or_else(|| UnknownEvent { name: name.to_owned() })
    }
}

/// Something that happened, with the job as it was right after.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub event: WebhookEvent,
    reason: Option<String>,
    frames: BTreeSet<FrameNumber>,
    job: Job,
}

/// The document that is sent; `docs/api.md` describes it.
#[derive(Debug, Serialize)]
struct Document<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    event: &'static str,
    at_ms: u64,
    reason: Option<&'a str>,
    frames: Vec<u32>,
    frames_count: usize,
    job: &'a Job,
}

impl Notice {
    /// As JSON. `at_ms` counts from 1970.
    pub fn body(&self, id: &str, at_ms: u64) -> String {
        let document = Document {
            id,
            event: self.event.name(),
            at_ms,
            reason: self.reason.as_deref(),
            frames: self.frames.iter().take(FRAMES_MAX).map(|frame| frame.0).collect(),
            frames_count: self.frames.len(),
            job: &self.job,
        };
        serde_json::to_string(&document).expect("this document is JSON")
    }
}

/// Finds the events among records. Keeps which jobs have yet to start.
#[derive(Debug)]
pub(crate) struct Observer {
    wanted: BTreeSet<WebhookEvent>,
    unstarted: BTreeSet<JobId>,
}

/// An event before the job's document is made.
type Found = (WebhookEvent, JobId, Option<String>, BTreeSet<FrameNumber>);

impl Observer {
    /// Begins with the jobs that there are.
    pub fn new(wanted: BTreeSet<WebhookEvent>, state: &State) -> Observer {
        let unstarted = state.jobs.iter().filter(|(_, job)| job.phase == Phase::Running && !job.started);
        Observer { wanted, unstarted: unstarted.map(|(id, _)| *id).collect() }
    }

    /// The events of what the core has just recorded, and has applied.
    pub fn observe(
        &mut self,
        core: &Core,
        now_ms: u64,
        records: &[Record],
        effects: &[Effect],
    ) -> Vec<Notice> {
        if self.wanted.is_empty() {
            return Vec::new();
        }
        let finished = effects.iter().filter_map(|effect| match effect {
            Effect::FrameComplete { job, frame, .. } => {
                Some((WebhookEvent::FrameFinished, *job, None, BTreeSet::from([*frame])))
            }
            _ => None,
        });
        let mut found: Vec<Found> = finished.collect();
        found.extend(records.iter().filter_map(|record| self.of_record(core, record)));
        let wanted = found.into_iter().filter(|(event, ..)| self.wanted.contains(event));
        let notices = wanted.filter_map(|(event, job, reason, frames)| {
            let job = crate::http::job_view(core, now_ms, job)?;
            Some(Notice { event, reason, frames, job })
        });
        notices.collect()
    }

    fn of_record(&mut self, core: &Core, record: &Record) -> Option<Found> {
        let plain = |event, job: &JobId| Some((event, *job, None, BTreeSet::new()));
        let frames = |job: &JobId, indices: &mut dyn Iterator<Item = u32>| -> BTreeSet<FrameNumber> {
            let Some(entry) = core.state().jobs.get(job) else { return BTreeSet::new() };
            indices.filter_map(|index| entry.spec.frames.get(index as usize).copied()).collect()
        };
        match record {
            Record::PackageComplete { job } => {
                self.unstarted.insert(*job);
                plain(WebhookEvent::JobAccepted, job)
            }
            Record::Granted { job, .. } if self.unstarted.remove(job) => plain(WebhookEvent::JobStarted, job),
            Record::Paused { job, paused: true, .. } => plain(WebhookEvent::JobPaused, job),
            Record::Paused { job, paused: false, .. } => plain(WebhookEvent::JobResumed, job),
            Record::JobCompleted { job, .. } => plain(WebhookEvent::JobCompleted, job),
            Record::JobEnded { job, end, .. } => {
                self.unstarted.remove(job);
                match end {
                    JobEnd::Cancelled => plain(WebhookEvent::JobCancelled, job),
                    JobEnd::Failed(reason) => {
                        Some((WebhookEvent::JobFailed, *job, Some(reason.clone()), BTreeSet::new()))
                    }
                }
            }
            Record::Overturned { job, tiles } => {
                let reason = "an operator whose results it rests on was found to be wrong".to_owned();
                let frames = frames(job, &mut tiles.iter().map(|tile| tile.frame));
                Some((WebhookEvent::FrameOverturned, *job, Some(reason), frames))
            }
            Record::PixelsLost { job, tiles } => {
                let reason = "the scheduler's disk has lost pixels of it".to_owned();
                let frames = frames(job, &mut tiles.iter().map(|tile| tile.frame));
                Some((WebhookEvent::FrameOverturned, *job, Some(reason), frames))
            }
            Record::FramesRequeued { job, frames: indices, .. } => {
                let frames = frames(job, &mut indices.iter().copied());
                Some((WebhookEvent::FrameRequeued, *job, None, frames))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use tessera_scheduler_core::api::{Asker, Config, Event, RequestId};
    use tessera_shared::control::JobOrder;

    use super::*;
    use crate::small_farm::{self, OWNER};

    /// A farm whose events are noted.
    struct Farm {
        core: Core,
        observer: Observer,
    }

    impl Farm {
        fn telling(wanted: impl IntoIterator<Item = WebhookEvent>) -> Farm {
            let core = Core::new(Config::new([1; 32]));
            let observer = Observer::new(wanted.into_iter().collect(), core.state());
            Farm { core, observer }
        }

        fn event(&mut self, event: Event) -> Vec<Notice> {
            let output = self.core.handle(5, event);
            self.observer.observe(&self.core, 5, &output.records, &output.effects)
        }

        /// Names of what is told.
        fn told(&mut self, event: Event) -> Vec<&'static str> {
            self.event(event).iter().map(|notice| notice.event.name()).collect()
        }
    }

    fn order(order: JobOrder) -> Event {
        Event::Order { request: RequestId(3), job: JobId(1), by: Asker::Artist(OWNER), order }
    }

    #[test]
    fn a_job_is_told_of_from_its_beginning_to_its_end() {
        let mut farm = Farm::telling(WebhookEvent::ALL);
        let [submitted, whole] = small_farm::job();
        assert!(farm.told(submitted).is_empty(), "the farm has none of it yet");
        assert_eq!(farm.told(whole), ["job.accepted"]);
        assert_eq!(farm.told(order(JobOrder::Pause)), ["job.paused"]);
        assert_eq!(farm.told(order(JobOrder::Resume)), ["job.resumed"]);
        assert_eq!(farm.told(small_farm::worker()), ["job.started"]);
        assert!(farm.told(small_farm::worker()).is_empty(), "it starts once");
        let cancel = Event::Cancel { request: RequestId(4), job: JobId(1), by: Asker::Artist(OWNER) };
        assert_eq!(farm.told(cancel), ["job.cancelled"]);
    }

    #[test]
    fn a_restart_does_not_start_jobs_again() {
        let mut farm = Farm::telling(WebhookEvent::ALL);
        small_farm::job().into_iter().for_each(|event| drop(farm.event(event)));
        let waiting = Observer::new(WebhookEvent::usual(), farm.core.state());
        farm.event(small_farm::worker());
        let started = Observer::new(WebhookEvent::usual(), farm.core.state());
        assert_eq!((waiting.unstarted.len(), started.unstarted.len()), (1, 0));
    }

    #[test]
    fn what_nobody_wants_is_not_told() {
        let mut farm = Farm::telling([WebhookEvent::JobPaused]);
        small_farm::job().into_iter().for_each(|event| assert!(farm.told(event).is_empty()));
        assert_eq!(farm.told(order(JobOrder::Pause)), ["job.paused"]);
    }

    #[test]
    fn the_document_says_what_happened_to_which_job() {
        let mut farm = Farm::telling(WebhookEvent::ALL);
        let [submitted, whole] = small_farm::job();
        farm.event(submitted);
        let mut notice = farm.event(whole).remove(0);
        notice.frames = (0..2000).map(FrameNumber).collect();
        let body = notice.body("evt_1", 1_764_598_000_123);
        let mut document: serde_json::Value = serde_json::from_str(&body).unwrap();
        let frames = document["frames"].take();
        assert_eq!(frames.as_array().map(Vec::len), Some(FRAMES_MAX));
        expect![[r#"
            {
              "at_ms": 1764598000123,
              "frames": null,
              "frames_count": 2000,
              "id": "evt_1",
              "job": {
                "elapsed_ms": 0,
                "frames_done": 0,
                "frames_total": 1,
                "height_px": 16,
                "job": 1,
                "left_ms": null,
                "mode": "exact",
                "name": "shot",
                "owner": "0909090909090909090909090909090909090909090909090909090909090909",
                "package": "0101010101010101010101010101010101010101010101010101010101010101",
                "priority": 0,
                "rays": {
                  "bounce": 0,
                  "camera": 0,
                  "shadow": 0
                },
                "rays_checked": 0,
                "reason": null,
                "samples": 1,
                "samples_done": 0,
                "samples_total": 256,
                "state": "queued",
                "tile_px": 8,
                "tiles_done": 0,
                "tiles_overturned": 0,
                "tiles_total": 4,
                "unserved": false,
                "verify": "spot",
                "width_px": 16,
                "workers": 0
              },
              "reason": null,
              "type": "job.accepted"
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&document).unwrap());
    }

    #[test]
    fn events_are_chosen_by_their_names() {
        for event in WebhookEvent::ALL {
            assert_eq!(event.name().parse::<WebhookEvent>().unwrap(), event);
        }
        assert!(
            "job.done".parse::<WebhookEvent>().unwrap_err().to_string().contains("there are job.accepted,")
        );
    }
}
