//! Workers that the farm's owner trusts to referee: they convict, they fail, and they never judge themselves.

use std::collections::BTreeSet;

use tessera_scheduler_core::api::{Evidence, Judge, Record, RefereeId};
use tessera_scheduler_core::record::{LeaseEnd, Proof};
use tessera_shared::ids::LeaseId;
use tessera_sim::{Cheat, Farm, Outcome, Shot, operator_key};

fn long() -> Shot {
    Shot { frames: 8, samples: 64, pass_samples: 16, ..Shot::default() }
}

/// One job complete, no wrong tile in it.
fn right(outcome: &Outcome) {
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended, outcome.wrong_survived), (1, 0, 0));
}

fn count(outcome: &Outcome, wanted: impl Fn(&Record) -> bool) -> usize {
    outcome.records.iter().filter(|record| wanted(record)).count()
}

/// The leases that were requests of the referee's.
fn requests(outcome: &Outcome) -> BTreeSet<LeaseId> {
    let lent = outcome.records.iter().filter_map(|record| match record {
        Record::RefereeLent { lease, .. } => Some(*lease),
        _ => None,
    });
    lent.collect()
}

/// Requests that the scheduler's own referee was left with.
fn own_requests(outcome: &Outcome) -> usize {
    let asked = |record: &Record| match record {
        Record::RefereeAsked { id, .. } | Record::Disputed { id, .. } => Some(*id),
        _ => None,
    };
    let asked: BTreeSet<RefereeId> = outcome.records.iter().filter_map(asked).collect();
    let lent = |record: &Record| match record {
        Record::RefereeLent { id, .. } => Some(*id),
        _ => None,
    };
    let lent: BTreeSet<RefereeId> = outcome.records.iter().filter_map(lent).collect();
    asked.difference(&lent).count()
}

/// Who judged where somebody was wrong.
fn judges(outcome: &Outcome) -> BTreeSet<Option<u64>> {
    let evidence = outcome.records.iter().filter_map(|record| match record {
        Record::Quarantined { evidence, .. } | Record::Overruled { evidence, .. } => Some(evidence),
        _ => None,
    });
    let judges = evidence.filter_map(|evidence| match evidence {
        Evidence::PixelsUnlikeCommit { .. } | Evidence::Ordered { .. } => None,
        Evidence::WrongPixels { judge, .. }
        | Evidence::WrongCheck { judge, .. }
        | Evidence::WrongTile { judge, .. }
        | Evidence::WrongKnown { judge, .. } => Some(judge),
    });
    let place = |judge: &Judge| match judge {
        Judge::Scheduler => None,
        Judge::Trusted(key) => (0..20).find(|operator| operator_key(*operator) == *key),
    };
    judges.map(place).collect()
}

#[test]
fn a_trusted_worker_convicts_a_forger_and_the_evidence_names_it() {
    let mut trusted = 0;
    for (seed, cheat) in (0..12).zip([Cheat::ForgeAll, Cheat::Denier].into_iter().cycle()) {
        let farm = Farm::seed(seed).workers(4).cheat(2, cheat).trusted(&[0]).job(long());
        let farm = farm.config(|config| {
            config.known_permille = 0;
            config.referee_in_flight = 64;
        });
        let outcome = farm.run();
        right(&outcome);
        assert_eq!(outcome.caught, [2], "seed {seed}");
        // What its own word is part of, as a renderer's or a checker's, the scheduler decides.
        let judges = judges(&outcome);
        assert!(judges.is_subset(&BTreeSet::from([None, Some(0)])), "seed {seed}: {judges:?}");
        trusted += usize::from(judges.contains(&Some(0)));
        let by_trusted =
            count(&outcome, |record| matches!(record, Record::Accepted { by: Proof::Trusted(_), .. }));
        assert!(by_trusted > 0, "seed {seed}");
    }
    assert!(trusted >= 4, "the trusted worker convicted in {trusted} farms of 12");
}

/// The simulation asks after every event whether a request is with somebody whose work it is about.
#[test]
fn a_trusted_operators_own_tiles_are_left_to_others() {
    let mut own = 0;
    for seed in 0..6 {
        let farm = Farm::seed(seed).workers(2).trusted(&[0]).job(long());
        let outcome = farm.config(|config| config.referee_permille = 300).run();
        right(&outcome);
        assert!(outcome.caught.is_empty() && !requests(&outcome).is_empty(), "seed {seed}");
        own += own_requests(&outcome);
    }
    assert!(own > 0, "the scheduler's referee was never asked about the trusted worker's tiles");
}

/// Two operators that the owner trusts judge each other, and the scheduler's processor has nothing to do.
#[test]
fn two_trusted_operators_leave_nothing_to_the_scheduler() {
    let farm = Farm::seed(5).workers(4).cheat(3, Cheat::ForgeAll).trusted(&[0, 1]).job(long());
    let farm = farm.config(|config| {
        config.referee_permille = 200;
        config.referee_in_flight = 64;
        config.referee_rays_per_minute = 1;
    });
    let outcome = farm.run();
    right(&outcome);
    assert_eq!(outcome.caught, [3]);
    assert_eq!((own_requests(&outcome), outcome.referee.rays.total()), (0, 0));
    assert!(requests(&outcome).len() > 4);
}

#[test]
fn a_trusted_worker_that_dies_or_stands_still_is_replaced_by_the_scheduler() {
    let mut unanswered = 0;
    for seed in 0..16 {
        let farm = Farm::seed(seed).workers(4).cheat(2, Cheat::Denier).trusted(&[0]).speed(0, 400);
        let farm = farm.config(|config| {
            config.referee_permille = 300;
            config.known_permille = 0;
        });
        let farm = farm.job(long());
        let farm = match seed % 2 {
            0 => farm.kill(0).at(4_000),
            _ => farm.stop(0, 60_000).at(4_000),
        };
        let outcome = farm.run();
        right(&outcome);
        assert_eq!(outcome.caught, [2], "seed {seed}");
        let lent = requests(&outcome);
        unanswered += count(&outcome, |record| {
            let let_down = |end: &LeaseEnd| matches!(end, LeaseEnd::Lost | LeaseEnd::Expired);
            matches!(record, Record::LeaseEnded { lease, end, .. } if lent.contains(lease) && let_down(end))
        });
    }
    assert!(unanswered > 3, "only {unanswered} requests were left unanswered");
}

/// What a trusted operator said counts for nothing any more once it is convicted itself.
#[test]
fn a_trusted_operator_that_is_convicted_takes_its_word_with_it() {
    let mut overturned = 0;
    for seed in 0..8 {
        let farm = Farm::seed(seed).workers(3).trusted(&[0]).job(long());
        let farm = farm.config(|config| config.referee_permille = 300).turn(0, Cheat::ForgeAll).at(6_000);
        let outcome = farm.run();
        right(&outcome);
        assert_eq!(outcome.caught, [0], "seed {seed}");
        overturned += outcome.tiles_reset;
    }
    assert!(overturned > 0);
}
