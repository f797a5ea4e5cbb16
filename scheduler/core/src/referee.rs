//! The referee's time and rays: which requests are out and since when, what they are charged, and whether another one may
//! be asked. Does not know what is asked or answered.

use std::collections::BTreeMap;

use tessera_shared::film::Rays;
use tessera_shared::ids::JobId;

use crate::api::{Effect, RefereeId};
use crate::machine::Core;
use crate::state::{RefereeWork, State};
use crate::tiles::{TileKey, TileLife};

const MINUTE_MS: i128 = 60_000;

/// What came of the referee's requests since the first record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct RefereeTally {
    /// Rays of its answers.
    pub rays: Rays,
    /// Requests without an answer.
    pub inconclusive: u64,
    /// Of those, requests that it did not answer in time.
    pub late: u64,
    /// Tile-passes that were rendered anew for want of an answer.
    pub tile_passes_anew: u64,
}

/// Where the referee stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefereeStatus {
    pub tally: RefereeTally,
    /// Requests out, disputes among them.
    pub requests: u32,
    /// Delivered tile-passes that wait for it alone and are not asked for yet.
    pub tile_passes_waiting: u64,
    /// What is left of its budget; its own checks wait while it is not above 0. Disputes may take it far below.
    pub rays_left: i64,
}

/// The budget, a bucket that fills all the time and holds a minute's worth, and the clock of the oldest request. None of it
/// is recorded: a restart begins with a full bucket.
#[derive(Clone, Debug)]
pub(crate) struct RefereeClock {
    rays_per_minute: u64,
    /// Rays left × [`MINUTE_MS`], so that every millisecond fills in a whole number.
    credit: i128,
    at_ms: u64,
    /// Rays that each request out was charged in advance.
    charged: BTreeMap<RefereeId, u64>,
    /// The oldest request and when it became that: the referee answers in order.
    oldest: Option<(RefereeId, u64)>,
}

impl RefereeClock {
    pub fn new(rays_per_minute: u64) -> RefereeClock {
        let rays_per_minute = rays_per_minute.max(1);
        RefereeClock {
            rays_per_minute,
            credit: i128::from(rays_per_minute) * MINUTE_MS,
            at_ms: 0,
            charged: BTreeMap::new(),
            oldest: None,
        }
    }

    /// It is so late now.
    pub fn pass(&mut self, now_ms: u64) {
        let elapsed_ms = now_ms.saturating_sub(self.at_ms);
        self.at_ms = now_ms;
        self.add(i128::from(self.rays_per_minute) * i128::from(elapsed_ms));
    }

    fn add(&mut self, credit: i128) {
        self.credit = (self.credit + credit).min(i128::from(self.rays_per_minute) * MINUTE_MS);
    }

    /// Whether a check of its own may be asked for.
    pub fn affords(&self) -> bool {
        self.credit > 0
    }

    /// When it affords one again; `None` if it does now.
    fn affords_at_ms(&self) -> Option<u64> {
        let wait_ms = (-self.credit / i128::from(self.rays_per_minute) + 1) as u64;
        (!self.affords()).then_some(self.at_ms.saturating_add(wait_ms))
    }

    /// A request is out that should take so many rays.
    pub fn asked(&mut self, id: RefereeId, rays: u64) {
        self.add(-i128::from(rays) * MINUTE_MS);
        self.charged.insert(id, rays);
    }

    /// The request took so many rays.
    pub fn answered(&mut self, id: RefereeId, rays: u64) {
        let charged = self.charged.remove(&id).unwrap_or(0);
        self.add((i128::from(charged) - i128::from(rays)) * MINUTE_MS);
    }

    /// Requests that are over without an answer cost nothing, as they were withdrawn or failed early; only those that the
    /// referee was late with have been charged for good.
    fn refund(&mut self, out: &BTreeMap<RefereeId, RefereeWork>) {
        let over: Vec<RefereeId> = self.charged.keys().filter(|id| !out.contains_key(id)).copied().collect();
        over.into_iter().for_each(|id| self.answered(id, 0));
    }

    /// The oldest request, which is this one, and since when it is that.
    fn watch(&mut self, first: Option<RefereeId>) -> Option<(RefereeId, u64)> {
        if self.oldest.map(|(id, _)| id) != first {
            self.oldest = first.map(|id| (id, self.at_ms));
        }
        self.oldest
    }
}

impl Core {
    /// Where the referee stands.
    pub fn referee(&self) -> RefereeStatus {
        let waiting = self.state.owing_referee.iter().map(|(_, job)| self.state.jobs[job].owed_referee.len());
        RefereeStatus {
            tally: self.state.referee_tally,
            requests: self.state.referee.len() as u32,
            tile_passes_waiting: waiting.sum::<usize>() as u64,
            rays_left: (self.referee.credit / MINUTE_MS).clamp(i64::MIN.into(), i64::MAX.into()) as i64,
        }
    }

    /// Ends requests that take too long and asks for what waits.
    pub(crate) fn attend_referee(&mut self) {
        self.attend_desk();
        self.referee.refund(&self.state.referee);
        let timeout_ms = u64::from(self.config.referee_timeout_ms);
        while let Some((id, since_ms)) = self.referee.watch(self.oldest_of_own())
            && self.now_ms >= since_ms.saturating_add(timeout_ms)
        {
            let work = self.state.referee[&id].clone();
            self.referee.charged.remove(&id);
            self.effect(Effect::RefereeCancel { id });
            self.inconclusive(id, work, &format!("it gave no answer within {timeout_ms} ms"), true);
        }
        self.ask_referee();
        self.referee.watch(self.oldest_of_own());
    }

    /// The oldest request that the scheduler's own referee has.
    fn oldest_of_own(&self) -> Option<RefereeId> {
        self.state.referee.keys().find(|id| !self.desk.holds(**id)).copied()
    }

    /// When a request is late, or the budget affords what waits.
    pub(crate) fn referee_due_ms(&self) -> Option<u64> {
        let timeout_ms = u64::from(self.config.referee_timeout_ms);
        let late_ms = self.referee.oldest.map(|(_, since_ms)| since_ms.saturating_add(timeout_ms));
        let waits = !self.state.owing.is_empty() || !self.state.owing_referee.is_empty();
        let budget_ms = self.referee.affords_at_ms().filter(|_| waits);
        late_ms.into_iter().chain(budget_ms).min()
    }

    /// Rays that the drawn blocks of delivered tile-passes are expected to take.
    pub(crate) fn check_rays(&self, job: JobId, tiles: &[TileKey]) -> u64 {
        let entry = &self.state.jobs[&job];
        let drawn = |key: &TileKey| {
            entry.open.get(key).and_then(TileLife::delivery).map_or(0, |held| held.commit.drawn.len())
        };
        tiles.iter().map(|key| entry.cost_of_blocks(*key, drawn(key))).sum()
    }
}

impl State {
    pub(crate) fn referee_done(&mut self, id: RefereeId, rays: Rays) {
        let job = self.referee.remove(&id).and_then(|work| self.jobs.get_mut(&work.job()));
        if let Some(entry) = job {
            entry.rays_refereed += rays.total();
        }
        self.referee_tally.rays += rays;
    }

    pub(crate) fn inconclusive(&mut self, id: RefereeId, job: JobId, tiles: &[TileKey], late: bool) {
        self.referee.remove(&id);
        self.referee_tally.inconclusive += 1;
        self.referee_tally.late += u64::from(late);
        self.referee_tally.tile_passes_anew += tiles.len() as u64;
        self.requeue(job, tiles, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER_MINUTE: u64 = 600;

    #[test]
    fn the_budget_is_spent_in_advance_corrected_afterwards_and_fills_with_time() {
        let mut clock = RefereeClock::new(PER_MINUTE);
        clock.asked(RefereeId(1), 500);
        assert!(clock.affords());
        clock.asked(RefereeId(2), 200);
        assert!(!clock.affords());
        // 100 rays below nothing, at 10 a second.
        assert_eq!(clock.affords_at_ms(), Some(10_001));
        clock.answered(RefereeId(1), 450);
        assert_eq!(clock.affords_at_ms(), Some(5_001));
        clock.pass(5_000);
        assert!(!clock.affords());
        clock.pass(5_001);
        assert!(clock.affords() && clock.affords_at_ms().is_none());
        clock.pass(3_600_000);
        clock.asked(RefereeId(3), PER_MINUTE);
        assert!(!clock.affords(), "an idle hour saves no more than a minute");
    }

    #[test]
    fn what_is_withdrawn_is_given_back() {
        let mut clock = RefereeClock::new(PER_MINUTE);
        clock.asked(RefereeId(1), 10_000);
        let out = BTreeMap::from([(RefereeId(1), RefereeWork::Check { job: JobId(1), tiles: Vec::new() })]);
        clock.refund(&out);
        assert!(!clock.affords());
        clock.refund(&BTreeMap::new());
        assert_eq!(clock.credit, i128::from(PER_MINUTE) * MINUTE_MS);
    }

    #[test]
    fn the_clock_of_a_request_starts_when_the_one_before_is_over() {
        let mut clock = RefereeClock::new(PER_MINUTE);
        clock.pass(100);
        assert_eq!(clock.watch(Some(RefereeId(4))), Some((RefereeId(4), 100)));
        clock.pass(300);
        assert_eq!(clock.watch(Some(RefereeId(4))), Some((RefereeId(4), 100)));
        assert_eq!(clock.watch(Some(RefereeId(5))), Some((RefereeId(5), 300)));
        assert_eq!(clock.watch(None), None);
    }
}
