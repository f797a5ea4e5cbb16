//! What people read when a job stands still, a line a dimension.

use std::fmt::Write;

use expect_test::expect;
use tessera_scheduler_core::Event;
use tessera_scheduler_core::api::Asker;
use tessera_shared::control::{FailureClass, JobOrder, WhyReply, WorkerOrder};
use tessera_shared::ids::{JobId, NodeKey};
use tessera_shared::messages::{JobOptions, JobRefusal, Verify};

use crate::farm::{ALICE, BOB, Farm, unchecked};

fn why(farm: &Farm, job: JobId) -> String {
    let WhyReply::Reasons(reasons) = farm.core.why(farm.now_ms, job, Asker::Wrangler) else {
        panic!("refused")
    };
    reasons.iter().map(|reason| format!("{}: {}\n", reason.dimension, reason.sentence)).collect()
}

/// Every row is a farm of its own.
#[test]
fn a_sentence_a_dimension() {
    let mut table = String::new();
    let mut row = |farm: &Farm, job| writeln!(table, "{}", why(farm, job)).unwrap();
    let mut farm = Farm::new();
    let first = farm.upload(ALICE, 1, unchecked());
    row(&farm, first);
    farm.handle(Event::PackageComplete { job: first });
    row(&farm, first);
    farm.order(first, Asker::Wrangler, JobOrder::Pause).unwrap();
    let second = farm.submit_with(BOB, 2, JobOptions { after: vec![first], ..unchecked() });
    row(&farm, first);
    row(&farm, second);
    let worker = farm.connect(1, "rig");
    farm.order(first, Asker::Wrangler, JobOrder::Resume).unwrap();
    row(&farm, first);
    let mut limited = unchecked();
    limited.limits.tags = vec!["gpu".into(), "big".into()];
    limited.limits.operators = vec![NodeKey([9; 32])];
    limited.limits.pool = Some("night".into());
    let limited = farm.submit_with(BOB, 1, limited);
    row(&farm, limited);
    let urgent = farm.submit_with(BOB, 3, JobOptions { priority: 5, ..unchecked() });
    let waiting = farm.submit(BOB, 1);
    let later = farm.submit(ALICE, 1);
    farm.work();
    row(&farm, urgent);
    row(&farm, waiting);
    row(&farm, later);
    farm.order_worker(worker, Asker::Wrangler, WorkerOrder::Drain).unwrap();
    row(&farm, waiting);
    farm.handle(Event::WorkerAsleep { worker, for_ms: 60_000 });
    row(&farm, waiting);
    farm.cancel(urgent, Asker::Wrangler);
    row(&farm, urgent);
    expect![[r#"
        upload: its upload is not complete; run `tessera submit` again

        workers: no worker is connected

        paused: it is paused; `tessera resume j1` lets it go on

        dependency: it waits until j1 completed

        nothing: 0 % done, 0 of 2 tiles, 1 workers at it

        tags: no connected worker has the tags gpu and big
        operators: no worker of the operators that it names is connected
        pool: no worker of the pool `night` is connected

        nothing: 0 % done, 0 of 6 tiles, 1 workers at it

        share: j4, j1, j6 and 1 more go first: their priority is up to 5, its own 0

        share: j4, j1 go first: their priority is up to 5, its own 0

        drained: workers rig: are drained; `tessera undrain` lets them work again

        asleep: workers rig (for 60 s): sleep by their own schedule

        ended: it was cancelled

    "#]]
    .assert_eq(&table);
}

#[test]
fn failures_are_named_with_the_last_log() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 4);
    let (bad, asleep) = (farm.connect(1, "bad"), farm.connect(2, "night"));
    farm.handle(Event::WorkerAsleep { worker: asleep, for_ms: 60_000 });
    (0..3).for_each(|_| farm.fail(bad, FailureClass::Node, "the device was lost"));
    expect![[r#"
        blocked: workers bad: failed too much of it and get nothing more of it for a while
        asleep: workers night (for 60 s): sleep by their own schedule
        blocked: the last failure (node): the device was lost
    "#]]
    .assert_eq(&why(&farm, job));
    let full = farm.connect(3, "full");
    farm.fail(full, FailureClass::Shortage, "the scene needs 9 GiB of memory");
    farm.handle(Event::WorkerDisconnected { worker: bad });
    farm.handle(Event::WorkerDisconnected { worker: asleep });
    expect![[r#"
        resting: workers full (for 30 s): rest after failures
        shortage: they lack the memory or the disk that it needs: the scene needs 9 GiB of memory
    "#]]
    .assert_eq(&why(&farm, job));
}

#[test]
fn checks_are_said_to_be_owed_and_to_whom() {
    let mut farm = Farm::with(|config| {
        config.referee_in_flight = 0;
        config.held_max = 1;
    });
    let job = farm.submit_with(ALICE, 2, JobOptions { verify: Verify::Double, ..unchecked() });
    farm.connect(1, "alone");
    (farm.work(), farm.work());
    expect![[r#"
        held: 2 tiles wait for their checks, and no more are lent before some are done
        checks: 2 tiles wait for a check: one operator that may check is connected, and none checks its own
    "#]]
    .assert_eq(&why(&farm, job));
    let refused = |by| farm.core.why(0, job, by);
    assert_eq!(refused(Asker::Artist(BOB)), WhyReply::Refused(JobRefusal::Foreign));
}
