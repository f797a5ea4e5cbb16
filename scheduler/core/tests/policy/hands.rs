//! Who holds a tile-pass that comes back, and whom nothing is asked of.

use tessera_scheduler_core::Event;
use tessera_scheduler_core::api::{Asker, Record};
use tessera_scheduler_core::tiles::TileKey;
use tessera_shared::control::{FailureClass, FrameRange, JobOrder, WorkerOrder};
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, WorkerId};
use tessera_shared::messages::{JobOptions, Verify, WorkerState};

use crate::farm::{ALICE, Farm};

/// The first tile of the first frame.
const FIRST: TileKey = TileKey { frame: 0, index: 0 };

/// A paused job the first tile of which is accepted, by a late delivery, while another worker still renders it with a second
/// tile, by this lease.
fn accepted_and_in_hand() -> (Farm, JobId, LeaseId) {
    let mut farm = Farm::with(|config| {
        config.lease_tiles_max = 2;
        config.first_lease_grace_ms = 0;
        config.lease_grace_ms = 1_000;
    });
    let job = farm.submit(ALICE, 16);
    let slow = farm.connect(1, "slow");
    let late = farm.held_by(slow).expect("the first tile is lent").id;
    farm.order_worker(slow, Asker::Wrangler, WorkerOrder::Drain).unwrap();
    let quick = farm.connect(2, "quick");
    while farm.now_ms < 3_000 {
        // Quick at first, so that its leases have two tiles, then slow enough for the late one to expire.
        farm.now_ms += if farm.now_ms < 30 { 10 } else { 400 };
        farm.finish(farm.held_by(quick).expect("tiles wait").id);
        let entry = &farm.core.state().jobs[&job];
        let lease = farm.held_by(quick).expect("tiles wait").id;
        if farm.core.state().leases[&lease].rendered().contains(&FIRST) {
            let open = entry.open.keys().filter(|key| **key != FIRST).count();
            assert!(open > 0, "it has a second tile");
            farm.order(job, Asker::Wrangler, JobOrder::Pause).unwrap();
            farm.finish(late);
            assert!(farm.core.state().jobs[&job].accepted(FIRST).is_some());
            assert!(farm.held_by(quick).is_some());
            return (farm, job, lease);
        }
    }
    panic!("the late tile is never lent again");
}

/// The tile is in the hands that hold it, not in the queue, and their delivery is taken.
fn stays_in_hand(mut farm: Farm, job: JobId, lease: LeaseId) {
    let entry = &farm.core.state().jobs[&job];
    assert!(entry.accepted(FIRST).is_none());
    assert!(entry.queue().all(|key| key != FIRST), "a tile that somebody renders waits to be lent");
    farm.finish(lease);
    assert!(farm.core.state().jobs[&job].accepted(FIRST).is_some());
    farm.restart();
}

#[test]
fn a_tile_that_is_wanted_anew_stays_in_the_hands_that_still_render_it() {
    let (mut farm, job, lease) = accepted_and_in_hand();
    let frame = FrameRange { first: FrameNumber(1), last: FrameNumber(1) };
    farm.order(job, Asker::Wrangler, JobOrder::Requeue(vec![frame])).unwrap();
    stays_in_hand(farm, job, lease);
}

#[test]
fn a_tile_whose_pixels_are_lost_stays_in_the_hands_that_still_render_it() {
    let (mut farm, job, lease) = accepted_and_in_hand();
    let passes = vec![farm.core.state().jobs[&job].pass(FIRST)];
    farm.handle(Event::PixelsLost { job, passes });
    stays_in_hand(farm, job, lease);
}

const TRUSTED: u8 = 9;

/// Whether a trusted worker is asked to referee a stranger's tile; otherwise the scheduler's own referee is.
fn trusted_is_asked(prepare: impl FnOnce(&mut Farm, WorkerId)) -> bool {
    let mut farm = Farm::with(|config| {
        config.trusted = [NodeKey([TRUSTED; 32])].into();
        config.referee_permille = 1000;
    });
    let boss = farm.connect(TRUSTED, "boss");
    prepare(&mut farm, boss);
    farm.submit_with(ALICE, 1, JobOptions { verify: Verify::Blocks(1), ..JobOptions::default() });
    let stranger = farm.connect(1, "stranger");
    let lease = farm.held_by(stranger).expect("a tile is lent").id;
    farm.finish(lease);
    let lent = farm.records.iter().any(|record| matches!(record, Record::RefereeLent { .. }));
    assert_eq!(farm.asked.is_empty(), lent, "somebody is asked");
    farm.restart();
    lent
}

#[test]
fn a_trusted_worker_that_takes_no_leases_is_asked_nothing() {
    assert!(trusted_is_asked(|_, _| ()));
    assert!(!trusted_is_asked(|farm, boss| {
        farm.order_worker(boss, Asker::Wrangler, WorkerOrder::Drain).unwrap();
    }));
    assert!(!trusted_is_asked(|farm, worker| {
        farm.handle(Event::WorkerAsleep { worker, for_ms: 60_000 });
    }));
    assert!(!trusted_is_asked(|farm, boss| {
        let job = farm.submit(ALICE, 1);
        farm.fail(boss, FailureClass::Shortage, "no room on the disk");
        assert!(matches!(farm.worker(boss), WorkerState::Resting { .. }));
        farm.cancel(job, Asker::Wrangler);
    }));
}
