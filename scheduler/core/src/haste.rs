//! Which results come too fast to have been rendered, by the rays that they claim and the time since their leases were sent, and what
//! follows: they are checked whole and vouch for nobody. Convicts nobody: who was fast and right is known to be that fast.

use std::collections::BTreeMap;

use tessera_shared::film::Rays;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::messages::Verify;

use crate::api::{DeliveredTile, Effect};
use crate::machine::Core;
use crate::record::{DrawnBlock, Record, TileCommit, WholeCheck};
use crate::state::State;
use crate::verify::{Words, draw};

/// Tile-passes of a worker's suspect results that are checked whole at once. The first verdict decides about all that is as fast,
/// so more would cost and tell nothing.
pub const WHOLE_MAX: u32 = 32;
/// Results are judged by at least as much work as would take so long at the pace that is known: less says nothing.
const WORK_MS_MIN: u128 = 100;
/// A first pace is taken from a lease that took so long: a shorter one measures the network.
const FIRST_PACE_MS_MIN: u64 = 100;
/// Results of a worker that are waited for because they would raise its pace, and for how long.
const WAITING_MAX: usize = 64;
const WAITING_MS: u64 = 600_000;
/// The draw of tile-passes to check whole, beside the draws of blocks, which are numbered by their tile-passes.
const WHOLE_DRAW: u32 = u32::MAX;

/// Rays of a tile-pass that say how long it took. Camera rays count up to the number of the others: those that meet nothing
/// cost next to nothing.
fn effort(rays: &Rays) -> u64 {
    let light = rays.bounce.saturating_add(rays.shadow);
    light.saturating_add(rays.camera.min(light))
}

/// How long a delivered lease took, by the scheduler's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub sent_ms: u64,
    /// From when the lease was sent to its commit: at least what its rendering took, whatever was in hand before it and however
    /// messages bunch.
    pub taken_ms: u64,
    /// Nothing was fetched meanwhile, so that it is not much more either.
    pub warm: bool,
}

/// A result that is so fast, in rays a second of one device, where so much was the most to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Haste {
    pub rate: u64,
    pub limit: u64,
}

/// How fast a worker has been on this connection.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Rays a second of one device in the fastest delivery; `None` before one says it.
    seen: Option<u64>,
    /// The same of those that were found right.
    proven: Option<u64>,
    /// Deliveries that would raise it.
    waiting: BTreeMap<LeaseId, Fast>,
}

#[derive(Clone, Copy, Debug)]
struct Fast {
    rate: u64,
    at_ms: u64,
    suspect: bool,
    /// Tile-passes of it that are checked whole for it.
    whole: u32,
}

impl Pace {
    /// What is known of the device: of what was found right, or where nothing is checked of what was delivered.
    fn known(&self, checked: bool) -> Option<u64> {
        if checked { self.proven } else { self.seen.max(self.proven) }
    }

    /// How many tile-passes more may be checked whole.
    fn room(&self, now_ms: u64) -> u32 {
        let waits = self.waiting.values().filter(|fast| fast.at_ms + WAITING_MS > now_ms);
        WHOLE_MAX.saturating_sub(waits.map(|fast| fast.whole).sum())
    }

    fn delivered(&mut self, lease: LeaseId, span: Span, fast: Fast) {
        let says = fast.suspect || (span.warm && span.taken_ms >= FIRST_PACE_MS_MIN);
        let raises = |known: Option<u64>| known.map_or(says, |known| fast.rate > known);
        if raises(self.seen) {
            self.seen = Some(fast.rate);
        }
        if raises(self.proven) {
            self.waiting.retain(|_, earlier| earlier.at_ms + WAITING_MS > fast.at_ms);
            if self.waiting.len() < WAITING_MAX || fast.whole > 0 {
                self.waiting.insert(lease, fast);
            }
        }
    }

    /// Something of the lease was found right, and `whole` if all blocks of a tile-pass were. Returns the pace that it proves.
    fn found_right(&mut self, lease: LeaseId, whole: bool) -> Option<u64> {
        let fast = self.waiting.get(&lease).filter(|fast| whole || !fast.suspect)?;
        let proven = self.proven.map_or(fast.rate, |proven| proven.max(fast.rate));
        self.proven = Some(proven);
        self.waiting.retain(|_, fast| fast.rate > proven);
        Some(proven)
    }
}

/// Whether people are told of a suspect result: not of those that follow while enough of the worker's is being checked.
pub fn is_news(verify: Verify, whole: &[WholeCheck]) -> bool {
    !whole.is_empty() || matches!(verify, Verify::None | Verify::Double)
}

impl Core {
    /// Judges the time that a delivery took. A suspect one is noted, and its commits ask for whole checks from here on.
    pub(crate) fn time_delivery(
        &mut self,
        job: JobId,
        lease: LeaseId,
        worker: WorkerId,
        arrived: &[DeliveredTile],
        commits: &mut [TileCommit],
    ) -> Option<Haste> {
        let span =
            self.sessions.get(&worker)?.span(lease).filter(|span| span.sent_ms >= self.steady_from_ms)?;
        let verify = self.state.jobs[&job].spec.options.verify;
        let effort = arrived.iter().map(|tile| effort(&tile.rays)).fold(0, u64::saturating_add);
        let rate = (u128::from(effort) * 1000 / u128::from(span.taken_ms.max(1))).min(1 << 62) as u64;
        let haste = self.haste(worker, effort, rate, verify != Verify::None);
        let whole = match haste {
            Some(_) => self.whole_checks(lease, worker, verify, arrived, commits),
            None => Vec::new(),
        };
        let (at_ms, suspect) = (self.now_ms, haste.is_some());
        let fast = Fast { rate, at_ms, suspect, whole: whole.len() as u32 };
        self.sessions.get_mut(&worker)?.pace.delivered(lease, span, fast);
        let Haste { rate, limit } = haste?;
        for check in &whole {
            commits[check.at as usize].drawn = check.drawn.clone();
        }
        if is_news(verify, &whole) {
            let tile_passes = whole.len() as u32;
            let operator = self.state.operators.key(self.sessions[&worker].operator);
            self.effect(Effect::TooFast { operator, worker, job, lease, rate, limit, tile_passes });
        }
        self.record(Record::TooFast { lease, at_ms, rate, limit, whole });
        haste
    }

    /// Whether a worker's device was never known to be nearly as fast, and before anything is known of it nobody on the farm.
    fn haste(&self, worker: WorkerId, effort: u64, rate: u64, checked: bool) -> Option<Haste> {
        let factor = u64::from(self.config.too_fast_factor.max(1));
        let fastest = (self.fastest > 0).then(|| self.fastest.saturating_mul(factor));
        let known = self.sessions.get(&worker)?.pace.known(checked).or(fastest)?.max(1);
        let limit = known.saturating_mul(factor);
        let enough = u128::from(effort) * 1000 / u128::from(known) >= WORK_MS_MIN;
        (enough && rate > limit).then_some(Haste { rate, limit })
    }

    /// Which tile-passes of a suspect delivery are checked whole: as many as there is room for, drawn, of those that are not anyway.
    fn whole_checks(
        &self,
        lease: LeaseId,
        worker: WorkerId,
        verify: Verify,
        arrived: &[DeliveredTile],
        commits: &[TileCommit],
    ) -> Vec<WholeCheck> {
        let partly = |(_, (tile, commit)): &(u32, (&DeliveredTile, &TileCommit))| {
            commit.drawn.len() < tile.blocks.len()
        };
        let partly: Vec<_> = (0..).zip(arrived.iter().zip(commits)).filter(partly).collect();
        let (Some((_, (_, first))), Verify::Blocks(_) | Verify::Confidence { .. }) = (partly.first(), verify)
        else {
            return Vec::new();
        };
        let room = self.sessions.get(&worker).map_or(0, |session| session.pace.room(self.now_ms));
        let mut words = Words::new(&self.config.secret, lease, WHOLE_DRAW, &first.root);
        let chosen = draw(&mut words, room, partly.len() as u32).into_iter().map(|at| partly[at as usize]);
        let whole = chosen.map(|(at, (tile, _))| {
            let drawn = (0..).zip(&tile.blocks).map(|(at, digest)| DrawnBlock { at, digest: *digest });
            WholeCheck { at, drawn: drawn.collect() }
        });
        whole.collect()
    }

    /// Something of a worker's lease was found right.
    pub(crate) fn found_right(&mut self, worker: WorkerId, lease: LeaseId, whole: bool) {
        let Some(session) = self.sessions.get_mut(&worker) else { return };
        if let Some(proven) = session.pace.found_right(lease, whole) {
            self.fastest = self.fastest.max(proven);
        }
    }
}

impl State {
    pub(crate) fn too_fast(&mut self, lease: LeaseId, whole: &[WholeCheck]) {
        let Some(lent) = self.leases.get_mut(&lease) else { return };
        *self.too_fast.entry(lent.operator).or_default() += 1;
        let commits = lent.commits_mut();
        for check in whole {
            if let Some(commit) = commits.get_mut(check.at as usize) {
                commit.drawn = check.drawn.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { sent_ms: 0, taken_ms: 1_000, warm: true };

    fn fast(rate: u64) -> Fast {
        Fast { rate, at_ms: 0, suspect: false, whole: 0 }
    }

    fn lease(number: u64) -> LeaseId {
        LeaseId(number)
    }

    #[test]
    fn rays_that_meet_nothing_do_not_count() {
        let rays = |camera, bounce, shadow| effort(&Rays { camera, bounce, shadow });
        assert_eq!(rays(1 << 30, 0, 0), 0);
        assert_eq!(rays(1_000, 30, 20), 100);
        assert_eq!(rays(1_000, 3_000, 2_000), 6_000);
        assert_eq!(rays(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn only_what_was_found_right_raises_the_pace() {
        let mut pace = Pace::default();
        pace.delivered(lease(1), SPAN, fast(50));
        assert_eq!((pace.known(true), pace.known(false)), (None, Some(50)));
        assert_eq!(pace.found_right(lease(2), true), None);
        assert_eq!(pace.found_right(lease(1), false), Some(50));
        pace.delivered(lease(3), SPAN, fast(40));
        assert_eq!(pace.found_right(lease(3), true), None, "it is known to be faster");
        // What is suspect proves nothing by a block.
        pace.delivered(lease(4), SPAN, Fast { suspect: true, whole: 3, ..fast(5_000) });
        assert_eq!((pace.room(0), pace.found_right(lease(4), false)), (WHOLE_MAX - 3, None));
        assert_eq!((pace.found_right(lease(4), true), pace.room(0)), (Some(5_000), WHOLE_MAX));
    }

    #[test]
    fn a_first_pace_is_not_taken_from_what_was_short_or_waited_for_a_package() {
        for span in [Span { taken_ms: 99, ..SPAN }, Span { warm: false, ..SPAN }] {
            let mut pace = Pace::default();
            pace.delivered(lease(1), span, fast(50));
            assert_eq!((pace.known(false), pace.found_right(lease(1), true)), (None, None));
            // But it may raise one.
            pace.delivered(lease(2), SPAN, fast(20));
            pace.delivered(lease(3), span, fast(30));
            assert_eq!((pace.known(false), pace.found_right(lease(3), true)), (Some(30), None));
            assert_eq!(pace.found_right(lease(2), true), Some(20));
        }
    }

    #[test]
    fn what_never_gets_a_verdict_is_forgotten() {
        let mut pace = Pace::default();
        pace.delivered(lease(0), SPAN, Fast { suspect: true, whole: WHOLE_MAX, ..fast(9) });
        (1..1_000).for_each(|number| pace.delivered(lease(number), SPAN, fast(10)));
        assert_eq!((pace.waiting.len(), pace.room(WAITING_MS - 1)), (WAITING_MAX, 0));
        assert_eq!(pace.room(WAITING_MS), WHOLE_MAX);
        pace.delivered(lease(2_000), SPAN, Fast { at_ms: WAITING_MS, ..fast(11) });
        assert_eq!(pace.waiting.len(), 1);
    }
}
