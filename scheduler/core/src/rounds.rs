//! In which order workers with room are asked whether there is work for them, and how many in one event: first those that an event
//! has freed, then the others in turn, as many as time allows. Decides no lease.

use std::ops::Bound;

use tessera_shared::ids::WorkerId;

use crate::lending::DUPLICATES_EVERY_MS;
use crate::limits::{JOBS_SEARCHED, LIMITED_SEARCHED};
use crate::machine::Core;

/// Workers that may be asked for nothing in every event, and in every millisecond that passes; fewer where each looks through many
/// jobs. On a farm of thousands hardly any may be able to do what there is.
const REFUSALS_AN_EVENT: u64 = 8;
const REFUSALS_A_MS: u64 = 24;
/// What is saved up at most.
const REFUSALS_MAX: u64 = 256;
/// Workers that are asked out of turn, of those that an event has freed.
const FREED_ASKED: usize = 8;
/// When a round goes on that had to stop.
const ROUND_EVERY_MS: u64 = 10;

/// Who is asked next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds {
    /// Where a round goes on that had to stop.
    round: Option<Round>,
    /// Workers that the event has freed.
    freed: Vec<WorkerId>,
    /// When workers were last asked.
    asked_ms: u64,
}

/// Where in the order of workers the next one is asked, and how many have not been asked since something last happened.
#[derive(Clone, Copy, Debug)]
struct Round {
    next: WorkerId,
    unasked: usize,
}

impl Rounds {
    /// A worker has room.
    pub fn freed(&mut self, worker: WorkerId) {
        if self.freed.len() < FREED_ASKED && self.freed.last() != Some(&worker) {
            self.freed.push(worker);
        }
    }

    pub fn wake_at(&self, now_ms: u64) -> Option<u64> {
        self.round.is_some_and(|round| round.unasked > 0).then_some(now_ms + ROUND_EVERY_MS)
    }
}

impl Core {
    /// Lets workers with room find work.
    pub(crate) fn fill(&mut self) {
        let endgame = self.now_ms >= self.duplicates_ms && self.only_limited_ready();
        if endgame {
            self.duplicates_ms = self.now_ms + DUPLICATES_EVERY_MS;
        }
        let freed = std::mem::take(&mut self.rounds.freed);
        if self.hungry.is_empty() || !self.work_left(endgame) {
            self.rounds.round.iter_mut().for_each(|round| round.unasked = 0);
            return;
        }
        let elapsed_ms = self.now_ms.saturating_sub(self.rounds.asked_ms);
        self.rounds.asked_ms = self.now_ms;
        let refusals_max = (REFUSALS_AN_EVENT + elapsed_ms.saturating_mul(REFUSALS_A_MS)).min(REFUSALS_MAX);
        for worker in freed {
            self.ask(worker, endgame);
        }
        if self.work_left(endgame) {
            self.go_round(endgame, refusals_max as usize);
        }
        // Whoever was lent something has been asked as well.
        self.rounds.freed.clear();
    }

    fn work_left(&self, endgame: bool) -> bool {
        !self.state.service.is_empty() || !self.state.owing.is_empty() || endgame
    }

    /// Lends a worker what it has room for; whether that was anything.
    fn ask(&mut self, worker: WorkerId, endgame: bool) -> bool {
        let mut granted = false;
        while self.hungry.contains(&worker) && self.grant_one(worker, endgame) {
            granted = true;
        }
        granted
    }

    fn go_round(&mut self, endgame: bool, refusals_max: usize) {
        let Round { next: first, unasked } = self.rounds.round.take().unwrap_or_else(|| self.fresh_round());
        let weight = 1 + self.state.service.len().min(LIMITED_SEARCHED) / JOBS_SEARCHED;
        let (mut asked, mut refusals) = (0, 0);
        for range in [(Bound::Included(first), Bound::Unbounded), (Bound::Unbounded, Bound::Excluded(first))]
        {
            let mut range: (Bound<WorkerId>, Bound<WorkerId>) = range;
            while let Some(worker) = self.hungry.range(range).next().copied() {
                range.0 = Bound::Excluded(worker);
                let granted = self.ask(worker, endgame);
                asked += 1;
                refusals += if granted { 0 } else { weight };
                if !self.work_left(endgame) {
                    return;
                }
                if refusals >= refusals_max {
                    let unasked = unasked.saturating_sub(asked);
                    self.rounds.round = Some(Round { next: WorkerId(worker.0 + 1), unasked });
                    return;
                }
            }
        }
    }

    /// A round that begins where what was lent says, so that low ids are not preferred.
    fn fresh_round(&self) -> Round {
        let first = self.state.next_lease.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.state.next_worker.max(1);
        Round { next: WorkerId(first), unasked: self.hungry.len() }
    }

    /// Something has happened that may be work for anybody, or so much time has passed: those who were asked are asked
    /// again, the others first.
    pub(crate) fn restart_round(&mut self, tick: bool) {
        let unasked = self.hungry.len();
        let stopped = self.rounds.round.iter_mut();
        stopped.filter(|round| !tick || round.unasked == 0).for_each(|round| round.unasked = unasked);
    }
}
