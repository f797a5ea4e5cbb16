//! What must hold between any two events. Tests and the simulator ask after every one; the farm itself does not.

use std::collections::BTreeSet;

use tessera_shared::ids::{JobId, LeaseId};

use crate::connected::Connected;
use crate::jobs::Job;
use crate::known::{KNOWN_BLOCKS_MAX, KNOWN_TILES_MAX};
use crate::leases::{Hold, LeaseWork, LentWork};
use crate::machine::Core;
use crate::record::Claim;
use crate::tiles::{Checker, TileKey, TileLife};

impl Core {
    /// Panics with the first thing that is wrong.
    pub fn sanity_check(&self) {
        let state = &self.state;
        let mut held = 0;
        for (job, entry) in &state.jobs {
            check_counts(*job, entry);
            for (key, life) in &entry.open {
                assert!(entry.accepted(*key).is_none(), "{job} {key:?} is accepted and {life:?}");
                self.check_life(entry, *job, *key, life);
                held += u64::from(life.delivery().is_some());
                held += u64::from(
                    matches!(life, TileLife::Disputed { claim, .. } if matches!(**claim, Claim::Delivery(_))),
                );
            }
            let turn = (std::cmp::Reverse(entry.spec.options.priority), *job);
            assert_eq!(state.service.contains(*job), entry.lendable() && entry.pending() > 0, "{job} ready");
            assert_eq!(state.owing.contains(&turn), entry.running() && !entry.owed.is_empty(), "{job} owing");
            let known: BTreeSet<_> = entry.known.tiles().map(|known| known.tile).collect();
            assert_eq!(known.len(), entry.known.tiles().count(), "{job} knows a tile-pass twice");
            assert!(
                known.len() <= KNOWN_TILES_MAX && entry.known.blocks() <= KNOWN_BLOCKS_MAX,
                "{job} known"
            );
            assert!(entry.running() || known.is_empty(), "{job} has ended and keeps known blocks");
        }
        let waits = |(job, entry): (&JobId, &Job)| {
            entry.waits_for.iter().map(|earlier| (*earlier, *job)).collect::<Vec<_>>()
        };
        let waits: BTreeSet<_> = state.jobs.iter().flat_map(waits).collect();
        assert_eq!(waits, state.successors, "jobs that wait for others");
        let open = |earlier: &JobId| state.jobs.get(earlier).is_some_and(|earlier| !earlier.ended());
        assert!(waits.iter().all(|(earlier, job)| earlier < job && open(earlier)), "{waits:?}");
        state.service.check();
        self.check_overturnable();
        assert_eq!(held, state.held, "tile-passes whose pixels are held");
        state.leases.iter().for_each(|(id, lease)| self.check_lease(*id, lease));
        let rates: u64 = self.sessions.values().map(|session| session.rate_total()).sum();
        assert_eq!(rates, self.rate_total, "sum of rates");
        self.check_connected();
        self.trials.check();
    }

    fn check_connected(&self) {
        let mut anew = Connected::default();
        for (worker, session) in &self.sessions {
            anew.join(session.operator, *worker);
            let clean = self.state.operators.conduct(session.operator).clean;
            anew.note(session.operator, clean, self.proven(session.operator));
        }
        assert_eq!(anew, self.connected, "operators that are connected");
    }

    fn check_lease(&self, id: LeaseId, lease: &LentWork) {
        let entry = &self.state.jobs[&lease.job];
        assert!(entry.running(), "{id} of a job that has ended");
        assert!(
            !self.state.operators.quarantined(lease.operator),
            "{id} in the hands of a quarantined operator"
        );
        if lease.hold == Hold::Live {
            let limits = &entry.spec.options.limits;
            assert!(self.admits_operator(limits, lease.operator), "{id} is lent to whom the job shuts out");
            if let Some(session) = self.sessions.get(&lease.worker) {
                let tagged = limits.tags.iter().all(|tag| session.tags.contains(tag));
                assert!(tagged, "{id} is lent to a worker without the job's tags");
            }
            assert!(self.sessions.contains_key(&lease.worker), "{id} is live, {} is gone", lease.worker);
            assert!(entry.holders.contains_key(&lease.worker), "{id} is not counted");
            assert!(self.deadlines.contains(&(lease.due_ms(), id)), "{id} never expires");
        }
        let distinct: BTreeSet<_> = lease.rendered().iter().collect();
        assert_eq!(distinct.len(), lease.rendered().len(), "{id} names a tile-pass twice");
        if let LeaseWork::Check { tiles, known } = &lease.work {
            let names = tiles.iter().map(|check| check.tile).chain(known.iter().map(|known| known.tile));
            let distinct: BTreeSet<_> = names.collect();
            assert_eq!(distinct.len(), tiles.len() + known.len(), "{id} asks for a tile-pass twice");
            let own = known.iter().any(|known| known.operator == lease.operator);
            assert!(!own, "{id} asks an operator for known blocks that it delivered");
        }
        if let LeaseWork::Referee { id: request, .. } = &lease.work {
            self.check_request(id, lease.operator, *request);
        }
    }

    fn check_life(&self, entry: &Job, job: tessera_shared::ids::JobId, key: TileKey, life: &TileLife) {
        let at = format!("{job} {key:?}");
        assert_eq!(
            entry.returned.contains(&key),
            *life == TileLife::Pending,
            "{at} in the queue and {life:?}"
        );
        if let Some(delivery) = life.delivery() {
            assert!(
                !self.state.operators.quarantined(delivery.operator),
                "{at} rests on a quarantined operator"
            );
        }
        let live = |id| self.state.leases.get(&id).is_some_and(|lease| lease.live());
        match life {
            TileLife::Pending => {}
            TileLife::Leased { lease, duplicate } => {
                for id in std::iter::once(*lease).chain(*duplicate) {
                    assert!(live(id), "{at} is leased by {id}, which is over");
                    assert!(self.state.leases[&id].rendered().contains(&key), "{at} is not part of {id}");
                }
                assert_ne!(Some(*lease), *duplicate, "{at} duplicates itself");
            }
            TileLife::Delivered { delivery, since_ms, .. } => {
                let owed = match delivery.commit.referee {
                    true => entry.owed_referee.contains(&key),
                    false => entry.owed.contains(&(*since_ms, key)),
                };
                assert!(owed, "{at} is delivered and its check is not owed");
            }
            TileLife::Checking { delivery, by: Checker::Worker(id), .. } => {
                assert!(live(*id), "{at} is checked by {id}, which is over");
                let lease = &self.state.leases[id];
                assert_ne!(lease.operator, delivery.operator, "{at} is checked by its own operator");
                let LeaseWork::Check { tiles, .. } = &lease.work else { panic!("{at}: {id} is no check") };
                assert!(tiles.iter().any(|check| check.tile == key), "{at} is not part of {id}");
            }
            TileLife::Checking { by: Checker::Referee(id), .. } | TileLife::Disputed { by: id, .. } => {
                assert!(self.state.referee.contains_key(id), "{at} waits for {id:?}, which is over");
            }
        }
    }
}

fn check_counts(job: tessera_shared::ids::JobId, entry: &Job) {
    if !entry.overturnable() {
        return;
    }
    let accepted: u64 = entry.ledgers.values().map(|ledger| u64::from(ledger.accepted)).sum();
    assert_eq!(accepted, entry.tiles_done, "{job} accepted");
    assert_eq!(accepted + entry.open.len() as u64, entry.cursor, "{job} lost or doubled a tile-pass");
    let rays: u64 = entry.ledgers.values().map(|ledger| ledger.rays.total()).sum();
    assert_eq!(rays, entry.rays.total(), "{job} rays");
    let paid: u64 = entry.accounts.values().map(|account| account.rendered.total()).sum();
    assert_eq!(paid, entry.rays.total(), "{job} rays of its accounts");
    let lists = entry.owed.len() + entry.owed_referee.len();
    let delivered = entry.open.values().filter(|life| matches!(life, TileLife::Delivered { .. })).count();
    assert_eq!(lists, delivered, "{job} owed checks");
    for ledger in entry.ledgers.values() {
        let entries = ledger.entries.iter().flatten().count();
        assert_eq!(entries, ledger.accepted as usize, "{job} ledger");
    }
}
