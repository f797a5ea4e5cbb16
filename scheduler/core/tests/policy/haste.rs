//! Results that come too fast to have been rendered, and those that only look so.

use tessera_scheduler_core::Event;
use tessera_scheduler_core::api::{Asker, Effect};
use tessera_scheduler_core::haste::WHOLE_MAX;
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{LeaseId, WorkerId};
use tessera_shared::lease::Work;
use tessera_shared::messages::{JobOptions, JobState, Verify, WorkerState};

use crate::farm::{ALICE, Farm, RIGHT};

const SECOND_MS: u64 = 1_000;
/// Rays of a tile that takes a second, of which as many are the camera's as there is light.
const TILE: Rays = Rays { camera: 500_000, bounce: 300_000, shadow: 200_000 };
/// What is believed of a device that traced that.
const LIMIT: u64 = 16_000_000;

fn verified(verify: Verify) -> JobOptions {
    JobOptions { verify, ..JobOptions::default() }
}

/// A job under this policy and a worker, whose operator is alone, so that the referee checks at once.
fn farm(verify: Verify) -> (Farm, WorkerId) {
    let mut farm = Farm::with(|config| {
        config.referee_in_flight = 99;
        config.first_rate = 100_000;
    });
    farm.submit_with(ALICE, 400, verified(verify));
    let worker = farm.connect(1, "w");
    (farm, worker)
}

/// The same where the worker was right about some tiles, a second each: a million rays a second.
fn known(verify: Verify) -> (Farm, WorkerId) {
    let (mut farm, worker) = farm(verify);
    for _ in 0..3 {
        answer(&mut farm, worker, SECOND_MS);
        farm.referee();
    }
    assert_eq!(too_fast(&farm), 0);
    (farm, worker)
}

/// The worker answers what it holds after so long. Returns the blocks that the referee is asked for.
fn answer(farm: &mut Farm, worker: WorkerId, after_ms: u64) -> usize {
    answer_with(farm, worker, after_ms, vec![RIGHT; 64], TILE)
}

fn answer_with(farm: &mut Farm, worker: WorkerId, after_ms: u64, blocks: Vec<Digest>, rays: Rays) -> usize {
    let lease = held(farm, worker);
    let before: usize = farm.asked.iter().map(|(_, blocks)| blocks).sum();
    farm.now_ms += after_ms;
    farm.answer(lease, blocks, rays);
    farm.asked.iter().map(|(_, blocks)| blocks).sum::<usize>() - before
}

fn held(farm: &Farm, worker: WorkerId) -> LeaseId {
    farm.held_by(worker).unwrap_or_else(|| panic!("{worker} holds nothing")).id
}

/// What is counted of the first operator.
fn too_fast(farm: &Farm) -> u64 {
    farm.core.workers(farm.now_ms, None, 9)[0].standing.too_fast
}

/// Rate, limit and tile-passes of what was told.
fn told(farm: &Farm) -> Vec<(u64, u64, u32)> {
    let told = |effect: &Effect| match effect {
        Effect::TooFast { rate, limit, tile_passes, .. } => Some((*rate, *limit, *tile_passes)),
        _ => None,
    };
    farm.effects.iter().filter_map(told).collect()
}

#[test]
fn what_is_answered_at_once_is_checked_whole_counted_and_told_and_nobody_is_sent_away() {
    let (mut farm, worker) = known(Verify::Blocks(1));
    assert_eq!(answer(&mut farm, worker, 10), 64);
    assert_eq!((too_fast(&farm), told(&farm)), (1, vec![(100_000_000, LIMIT, 1)]));
    assert_eq!(farm.worker(worker), WorkerState::Busy, "it gets the next lease");
    farm.referee();
    assert_eq!(farm.core.state().workers[&worker].tiles_accepted, 4);
    // It was right, so it is that fast.
    assert_eq!(answer(&mut farm, worker, 10), 1);
    assert_eq!(answer(&mut farm, worker, SECOND_MS), 1, "and may be slow again");
    assert_eq!(too_fast(&farm), 1);
    farm.restart();
}

#[test]
fn one_wrong_block_of_what_came_at_once_is_found() {
    let (mut farm, worker) = known(Verify::Blocks(1));
    let mut blocks = vec![RIGHT; 64];
    blocks[37] = Digest([4; 32]);
    answer_with(&mut farm, worker, 1, blocks, TILE);
    farm.referee();
    assert!(matches!(farm.worker(worker), WorkerState::Quarantined(_)));
}

#[test]
fn a_machine_that_is_sixteen_times_as_fast_as_before_is_believed() {
    for (after_ms, suspect) in [(70, false), (63, false), (62, true), (0, true)] {
        let (mut farm, worker) = known(Verify::Blocks(1));
        answer(&mut farm, worker, after_ms);
        assert_eq!(too_fast(&farm), u64::from(suspect), "{after_ms} ms");
    }
}

#[test]
fn background_and_little_work_are_never_too_fast() {
    let (mut farm, worker) = known(Verify::Blocks(1));
    let background = Rays { camera: 1 << 35, bounce: 0, shadow: 0 };
    let little = Rays { camera: 50_000, bounce: 30_000, shadow: 19_000 };
    for rays in [background, little, Rays::default()] {
        assert_eq!(answer_with(&mut farm, worker, 0, vec![RIGHT; 64], rays), 1);
    }
    assert_eq!((too_fast(&farm), told(&farm)), (0, vec![]));
}

#[test]
fn where_nothing_is_checked_it_is_told_and_where_all_is_nothing_more_is_checked() {
    let (mut farm, worker) = known(Verify::None);
    assert_eq!(answer(&mut farm, worker, 10), 0);
    assert_eq!((too_fast(&farm), told(&farm)), (1, vec![(100_000_000, LIMIT, 0)]));
    // Nothing proves it right, and it is taken at its word.
    answer(&mut farm, worker, 10);
    assert_eq!(too_fast(&farm), 1);
    let (mut farm, worker) = known(Verify::Double);
    assert_eq!(answer(&mut farm, worker, 10), 64);
    assert_eq!((too_fast(&farm), told(&farm)), (1, vec![(100_000_000, LIMIT, 0)]));
    farm.referee();
    assert_eq!((answer(&mut farm, worker, 10), too_fast(&farm)), (64, 1));
}

#[test]
fn a_pace_that_nobody_has_checked_excuses_nothing_where_it_matters() {
    let (mut farm, worker) = known(Verify::Blocks(1));
    farm.submit_with(ALICE, 5, JobOptions { priority: 1, ..verified(Verify::None) });
    // The one in hand, then two of the job that nobody checks.
    for _ in 0..3 {
        answer(&mut farm, worker, SECOND_MS);
    }
    let before = too_fast(&farm);
    answer(&mut farm, worker, 1);
    assert_eq!(too_fast(&farm), before + 1);
    farm.at(farm.now_ms);
    let checked = farm.core.jobs(farm.now_ms, None, 9).pop().unwrap().job;
    while farm.held_by(worker).unwrap().job != checked {
        answer(&mut farm, worker, SECOND_MS);
    }
    assert_eq!(answer(&mut farm, worker, 1), 64);
}

#[test]
fn a_first_lease_of_a_package_says_nothing_of_the_pace() {
    // Ten seconds for the package, then its first tile; the second waited with it.
    let (mut farm, worker) = farm(Verify::Blocks(1));
    answer(&mut farm, worker, 10 * SECOND_MS);
    for _ in 0..9 {
        farm.referee();
        answer(&mut farm, worker, 50);
    }
    assert_eq!(too_fast(&farm), 0);
}

#[test]
fn leases_that_wait_for_each_other_tell_the_pace_as_well() {
    let mut farm = Farm::with(|config| config.pipeline = 2);
    farm.submit_with(ALICE, 400, verified(Verify::Blocks(1)));
    let worker = farm.connect(1, "w");
    for _ in 0..5 {
        answer(&mut farm, worker, SECOND_MS);
        farm.referee();
    }
    assert_eq!(too_fast(&farm), 0);
    // Each was sent a lease ahead, so twice the time counts.
    (0..3).for_each(|_| assert!(answer(&mut farm, worker, 10) <= 64));
    assert!(too_fast(&farm) > 0);
}

#[test]
fn newcomers_are_measured_by_the_fastest_that_was_ever_right() {
    let four = Rays { camera: 4 * TILE.camera, bounce: 4 * TILE.bounce, shadow: 4 * TILE.shadow };
    for (after_ms, suspect) in [(16, false), (15, true)] {
        let (mut farm, _) = known(Verify::Blocks(1));
        let newcomer = farm.connect(2, "new");
        answer(&mut farm, newcomer, SECOND_MS);
        farm.referee();
        // 16 times 16 million rays a second at most.
        answer_with(&mut farm, newcomer, after_ms, vec![RIGHT; 64], four);
        let counted = farm.core.workers(farm.now_ms, None, 9)[1].standing.too_fast;
        assert_eq!(counted, u64::from(suspect), "{after_ms} ms");
    }
}

#[test]
fn leases_of_another_life_or_connection_and_of_a_clock_that_stood_are_not_judged() {
    // What was in flight when the scheduler started anew.
    let (mut farm, worker) = known(Verify::Blocks(1));
    let (lease, lent) = (held(&farm, worker), farm.lent.clone());
    farm.restart();
    let back = farm.connect(1, "w");
    farm.lent = lent.into_iter().map(|(id, (_, lease))| (id, (back, lease))).collect();
    farm.answer(lease, vec![RIGHT; 64], TILE);
    assert_eq!((too_fast(&farm), farm.asked.last().map(|(_, blocks)| *blocks)), (0, Some(1)));
    // What was kept over a broken connection.
    let (mut farm, worker) = known(Verify::Blocks(1));
    let lease = held(&farm, worker);
    let kept = farm.lent[&lease].1.clone();
    farm.handle(Event::WorkerDisconnected { worker });
    let back = farm.connect(1, "w");
    farm.lent.insert(lease, (back, kept));
    farm.answer(lease, vec![RIGHT; 64], TILE);
    assert_eq!(too_fast(&farm), 0);
    // A clock that jumped ahead and was put back stands until it is where it was.
    let (mut farm, worker) = known(Verify::Blocks(1));
    let now_ms = farm.now_ms;
    farm.at(now_ms + 60 * SECOND_MS);
    for second in 1..9 {
        farm.now_ms = now_ms + second * SECOND_MS;
        answer(&mut farm, worker, 0);
        farm.referee();
    }
    assert_eq!(too_fast(&farm), 0);
    farm.at(now_ms + 61 * SECOND_MS);
    answer(&mut farm, worker, 0);
    assert_eq!(answer(&mut farm, worker, 1), 64, "and then time tells again");
}

/// A worker of whom leases of many tiles come at once all the time.
fn rush(farm: &mut Farm, worker: WorkerId, leases: usize) -> (usize, usize) {
    let (mut tiles, mut blocks) = (0, 0);
    for _ in 0..leases {
        let Some(lease) = farm.held_by(worker) else { break };
        let Work::Render(passes) = &lease.work else { panic!("a check") };
        tiles += passes.len();
        blocks += answer(farm, worker, 1);
    }
    (tiles, blocks)
}

#[test]
fn when_everything_is_suspect_at_most_so_much_is_checked_whole_until_the_first_verdict() {
    let many = |config: &mut tessera_scheduler_core::Config| {
        config.lease_tiles_max = 64;
        config.referee_in_flight = 9_999;
        config.referee_rays_per_minute = 1 << 50;
    };
    let mut farm = Farm::with(many);
    let job = farm.submit_with(ALICE, 400, verified(Verify::Blocks(1)));
    let worker = farm.connect(1, "w");
    for _ in 0..3 {
        answer(&mut farm, worker, SECOND_MS);
        farm.referee();
    }
    let (tiles, blocks) = rush(&mut farm, worker, 9);
    assert!(tiles > 100, "{tiles}");
    assert_eq!(blocks, tiles + 63 * WHOLE_MAX as usize);
    assert_eq!(told(&farm).iter().map(|(.., whole)| *whole).sum::<u32>(), WHOLE_MAX);
    assert_eq!(too_fast(&farm), 9, "all are counted");
    farm.referee();
    // All of the job, and it is over.
    let (_, blocks) = rush(&mut farm, worker, 999);
    assert!(blocks <= 800, "{blocks}");
    farm.referee();
    assert_eq!(farm.state(job), JobState::Completed);
    farm.restart();
}

#[test]
fn a_suspect_result_vouches_for_nobody() {
    let (mut farm, slow) = known(Verify::Blocks(1));
    let first = farm.core.jobs(0, None, 1)[0].job;
    farm.cancel(first, Asker::Wrangler);
    let job = farm.submit_with(ALICE, 1, verified(Verify::Blocks(1)));
    let fast = farm.connect(2, "fast");
    answer(&mut farm, fast, SECOND_MS);
    // Both hold the last tile, as `slow` has not answered; it delivers first, and its check waits.
    farm.at(farm.now_ms + 20 * SECOND_MS);
    assert_eq!(farm.lent.values().filter(|(worker, _)| [slow, fast].contains(worker)).count(), 2);
    let tile_of = |farm: &Farm, worker| farm.held_by(worker).map(|lease| lease.work.clone());
    assert_eq!(tile_of(&farm, slow), tile_of(&farm, fast));
    let copy = held(&farm, fast);
    answer(&mut farm, slow, 0);
    assert_eq!(farm.state(job), JobState::Running);
    farm.answer(copy, vec![RIGHT; 64], Rays { bounce: 1 << 36, ..TILE });
    assert_eq!(farm.core.job(farm.now_ms, job).unwrap().tiles_done, 0, "a copy proves nothing");
    let checks: Vec<LeaseId> = farm.lent.keys().copied().collect();
    checks.into_iter().for_each(|check| farm.check(check));
    farm.referee();
    assert_eq!(farm.state(job), JobState::Completed);
}
