//! Limits at the machine's door: what is refused, what a job waits for, and how long a lease opens its package.

use std::collections::BTreeSet;

use tessera_scheduler_core::api::{Answer, JobSpec, RequestId, WorkerHello};
use tessera_scheduler_core::leases::LATE_MS;
use tessera_scheduler_core::{Config, Core, Event, Output, Record};
use tessera_shared::digest::Digest;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId, NodeKey, WorkerId};
use tessera_shared::limits::{JobLimits, TAGS_MAX};
use tessera_shared::messages::{JobOptions, ToWorker};
use tessera_shared::package::manifest::Settings;

const ONE: NodeKey = NodeKey([1; 32]);
const TWO: NodeKey = NodeKey([2; 32]);
const PACKAGE: Digest = Digest([6; 32]);

fn config(pool: &[NodeKey]) -> Config {
    let pools = [("night".to_owned(), pool.iter().copied().collect())].into();
    Config { pools, ..Config::new([7; 32]) }
}

/// A machine and the records that it has made.
struct Farm {
    core: Core,
    records: Vec<Record>,
}

impl Farm {
    fn new() -> Farm {
        Farm { core: Core::new(config(&[ONE])), records: Vec::new() }
    }

    fn handle(&mut self, now_ms: u64, event: Event) -> Output {
        let output = self.core.handle(now_ms, event);
        self.core.sanity_check();
        self.records.extend(output.records.iter().cloned());
        output
    }

    fn submit(&mut self, limits: JobLimits) -> Result<JobId, String> {
        let settings = Settings {
            grid: Grid { width_px: 64, height_px: 64, tile_px: 64 },
            samples: 1,
            pass_samples: 1,
            seed: 0,
            max_bounces: 8,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 10.0,
        };
        let (name, frames) = ("job".to_owned(), vec![FrameNumber(1)]);
        let options = JobOptions { limits, ..JobOptions::default() };
        let spec =
            Box::new(JobSpec { owner: NodeKey([9; 32]), package: PACKAGE, name, settings, frames, options });
        match self.handle(0, Event::Submit { request: RequestId(1), spec }).replies.remove(0).1 {
            Answer::Submitted(job) => {
                self.handle(0, Event::PackageComplete { job });
                Ok(job)
            }
            Answer::Refused(reason) => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    /// A worker, and how many leases its coming lent.
    fn connect(&mut self, operator: NodeKey, tags: &[&str]) -> (WorkerId, usize) {
        let hello = Box::new(WorkerHello {
            operator,
            name: "w".into(),
            kernel_version: tessera_shared::KERNEL_VERSION,
            devices: Vec::new(),
            tags: tags.iter().map(|tag| tag.to_string()).collect(),
        });
        let output = self.handle(0, Event::WorkerConnected { request: RequestId(2), hello });
        let leases =
            output.messages.iter().filter(|outbound| matches!(outbound.message, ToWorker::Lease(_))).count();
        match output.replies[0].1 {
            Answer::Welcome(worker) => (worker, leases),
            ref other => panic!("{other:?}"),
        }
    }
}

fn pool(name: &str) -> JobLimits {
    JobLimits { pool: Some(name.into()), ..JobLimits::default() }
}

fn tags(tags: &[&str]) -> JobLimits {
    JobLimits { tags: tags.iter().map(|tag| tag.to_string()).collect(), ..JobLimits::default() }
}

#[test]
fn what_the_farm_cannot_keep_is_refused_with_what_to_do() {
    let mut farm = Farm::new();
    let refused = farm.submit(pool("day")).unwrap_err();
    assert!(refused.contains("no pool `day`; ask its owner"), "{refused}");
    assert!(farm.submit(tags(&["x"; TAGS_MAX + 1])).unwrap_err().contains("give at most 16"));
    assert!(farm.submit(tags(&["a b"])).unwrap_err().contains("`a b` is no name"));
    assert_eq!(farm.submit(pool("night")), Ok(JobId(1)));
}

#[test]
fn a_job_says_whether_anybody_may_serve_it() {
    let mut farm = Farm::new();
    let unserved = |farm: &Farm, job| farm.core.job(0, job).unwrap().unserved;
    let job = farm.submit(tags(&["gpu", "a"])).unwrap();
    assert!(unserved(&farm, job));
    assert_eq!(farm.connect(TWO, &["gpu"]).1, 0);
    assert!(unserved(&farm, job));
    assert_eq!(farm.connect(TWO, &["a", "b", "gpu"]).1, 1);
    assert!(!unserved(&farm, job));
    let job = farm.submit(pool("night")).unwrap();
    assert!(unserved(&farm, job));
    farm.connect(ONE, &[]);
    assert!(!unserved(&farm, job));
    let open = farm.submit(JobLimits::default()).unwrap();
    assert!(!unserved(&farm, open));
}

#[test]
fn a_lease_opens_its_package_until_its_answer_would_be_too_late() {
    let mut farm = Farm::new();
    farm.submit(pool("night")).unwrap();
    let (stranger, _) = farm.connect(TWO, &[]);
    let (worker, leases) = farm.connect(ONE, &[]);
    let (sibling, _) = farm.connect(ONE, &[]);
    assert_eq!(leases, 1);
    let package = BTreeSet::from([PACKAGE]);
    assert_eq!(farm.core.packages_in_hand(worker), package);
    assert_eq!(farm.core.packages_lent(0, sibling), package, "its operator's other connection");
    assert!(farm.core.packages_in_hand(stranger).is_empty());
    assert!(farm.core.packages_lent(0, stranger).is_empty());

    // Neither is lent it anew once it has expired.
    farm.handle(0, Event::WorkerLeaving { worker });
    farm.handle(0, Event::WorkerLeaving { worker: sibling });
    let expired_ms = farm.core.state().leases.values().next().unwrap().due_ms();
    farm.handle(expired_ms, Event::Tick);
    assert!(farm.core.packages_in_hand(worker).is_empty());
    assert_eq!(farm.core.packages_lent(expired_ms + LATE_MS - 1, worker), package, "late");
    assert!(farm.core.packages_lent(expired_ms + LATE_MS, worker).is_empty(), "too late");
}

#[test]
fn who_is_taken_out_of_a_pool_loses_the_way_in_with_the_restart() {
    for (kept, opens) in [(&[ONE][..], 1), (&[TWO][..], 0)] {
        let mut farm = Farm::new();
        farm.submit(pool("night")).unwrap();
        assert_eq!(farm.connect(ONE, &[]).1, 1);
        farm.core = Core::replay(config(kept), &farm.records);
        farm.handle(0, Event::Restarted);
        let (worker, lent) = farm.connect(ONE, &[]);
        assert_eq!((farm.core.packages_lent(0, worker).len(), lent), (opens, opens));
    }
}
