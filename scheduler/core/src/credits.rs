//! Who rendered a finished frame and on whose word it was accepted, counted: what its receipt says, and what stays of a frame's
//! ledger when its job has ended. Decides nothing.

use std::collections::BTreeMap;

use tessera_shared::film::Rays;
use tessera_shared::ids::{FrameNumber, JobId, NodeKey};
use tessera_shared::receipt::{Checked, Checker, Rendered};

use crate::accounting::OperatorId;
use crate::jobs::{Job, Ledger};
use crate::machine::Core;
use crate::record::Proof;

/// What operators did for one frame, as far as it was accepted.
#[derive(Clone, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Credits {
    /// Tile-passes and their rays.
    pub rendered: BTreeMap<OperatorId, (u64, Rays)>,
    /// Tile-passes by what they were accepted for.
    pub checked: BTreeMap<Proof, u64>,
}

impl Credits {
    pub fn of(ledger: &Ledger) -> Credits {
        let mut credits = Credits::default();
        for entry in ledger.entries.iter().flatten() {
            let (tile_passes, rays) = credits.rendered.entry(entry.by).or_default();
            *tile_passes += 1;
            *rays += entry.rays;
            *credits.checked.entry(entry.proof).or_default() += 1;
        }
        credits
    }
}

/// A finished frame's credits by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameCredits {
    pub rays: Rays,
    /// Tile-passes that were accepted once, overturned, and rendered anew.
    pub overturned: u64,
    /// By key, ascending.
    pub rendered: Vec<Rendered>,
    /// By checker, ascending.
    pub checked: Vec<Checked>,
}

impl Core {
    /// Who made a frame; `None` unless every tile-pass of it is accepted.
    pub fn frame_credits(&self, job: JobId, frame: FrameNumber) -> Option<FrameCredits> {
        let entry = self.state.jobs.get(&job)?;
        let index = entry.frame_index(frame)?;
        let credits = entry.credits(index)?;
        let key = |id: OperatorId| self.state.operators.key(id);
        let by_key: BTreeMap<NodeKey, (u64, Rays)> =
            credits.rendered.iter().map(|(id, done)| (key(*id), *done)).collect();
        let checker = |proof: &Proof| match proof {
            Proof::Unverified => Checker::Nobody,
            Proof::Operator(id) | Proof::Trusted(id) => Checker::Operator(key(*id)),
            Proof::Referee => Checker::Referee,
        };
        let mut by_checker: BTreeMap<Checker, u64> = BTreeMap::new();
        for (proof, tile_passes) in &credits.checked {
            *by_checker.entry(checker(proof)).or_default() += tile_passes;
        }
        let mut rays = Rays::default();
        by_key.values().for_each(|(_, more)| rays += *more);
        let rendered = |(operator, (tile_passes, rays))| Rendered { operator, tile_passes, rays };
        Some(FrameCredits {
            rays,
            overturned: entry.overturned.get(&index).copied().unwrap_or(0),
            rendered: by_key.into_iter().map(rendered).collect(),
            checked: by_checker.into_iter().map(|(by, tile_passes)| Checked { by, tile_passes }).collect(),
        })
    }
}

impl Job {
    /// Of a frame by its index, if all of it is accepted.
    fn credits(&self, frame: u32) -> Option<Credits> {
        let whole = |ledger: &&Ledger| ledger.accepted == self.shape.tile_passes;
        let counted = self.ledgers.get(&frame).filter(whole).map(Credits::of);
        counted.or_else(|| self.credits.get(&frame).cloned())
    }

    /// Counts what the ledgers of finished frames hold, before these are dropped.
    pub(crate) fn keep_credits(&mut self) {
        let whole = self.ledgers.iter().filter(|(_, ledger)| ledger.accepted == self.shape.tile_passes);
        let counted: Vec<_> = whole.map(|(frame, ledger)| (*frame, Credits::of(ledger))).collect();
        self.credits.extend(counted);
    }
}

#[cfg(test)]
mod tests {
    use tessera_shared::digest::Digest;
    use tessera_shared::grid::Grid;
    use tessera_shared::ids::{LeaseId, WorkerId};
    use tessera_shared::messages::JobOptions;
    use tessera_shared::package::Settings;

    use super::*;
    use crate::api::{Config, JobSpec, WorkerHello};
    use crate::record::{Landing, Record, Term, TileCommit};
    use crate::tiles::TileKey;

    const JOB: JobId = JobId(1);
    const FIRST: NodeKey = NodeKey([9; 32]);
    const SECOND: NodeKey = NodeKey([2; 32]);

    fn rays(camera: u64) -> Rays {
        Rays { camera, ..Rays::default() }
    }

    /// One frame, number 7, of three tile-passes of one tile; two workers have joined.
    fn opening() -> Vec<Record> {
        let settings = Settings {
            grid: Grid::new(8, 8, 8).unwrap(),
            samples: 3,
            pass_samples: 1,
            seed: 0,
            max_bounces: 0,
            roulette_start: 0,
            film_scale_log2: 20,
            sample_clamp: 1.0,
        };
        let spec = JobSpec {
            owner: FIRST,
            package: Digest([0; 32]),
            name: "one".into(),
            settings,
            frames: vec![FrameNumber(7)],
            options: JobOptions::default(),
        };
        let joined = |worker, operator| {
            let hello = WorkerHello {
                operator,
                name: String::new(),
                kernel_version: 2,
                devices: vec![],
                tags: vec![],
            };
            Record::Joined { worker: WorkerId(worker), at_ms: 0, hello }
        };
        let submitted = Record::Submitted { job: JOB, at_ms: 0, spec };
        vec![submitted, Record::PackageComplete { job: JOB }, joined(1, FIRST), joined(2, SECOND)]
    }

    /// A tile-pass's way from a worker to its frame.
    fn rendered(index: u32, worker: u64, cost: u64, by: Proof) -> [Record; 4] {
        let tiles = vec![TileKey { frame: 0, index }];
        let lease = LeaseId(100 * worker + u64::from(index));
        let term = Term { granted_ms: 0, expected_ms: 1, expires_ms: 2 };
        let commit = TileCommit { root: Digest([1; 32]), drawn: vec![], referee: false };
        [
            Record::Granted { lease, worker: WorkerId(worker), job: JOB, term, tiles: tiles.clone() },
            Record::Committed { lease, tiles: vec![commit] },
            Record::Delivered { lease, at_ms: 1, tiles: vec![Landing::Held { rays: rays(cost) }] },
            Record::Accepted { job: JOB, tiles, by },
        ]
    }

    fn credits(records: &[Record]) -> Option<FrameCredits> {
        Core::replay(Config::new([0; 32]), records).frame_credits(JOB, FrameNumber(7))
    }

    #[test]
    fn a_frame_has_credits_when_it_is_whole_and_after_its_job() {
        // Operators have ids by the order of joining; keys ascend the other way.
        let [first, second] = [crate::accounting::OperatorId(0), crate::accounting::OperatorId(1)];
        let mut records = opening();
        records.extend(rendered(0, 1, 10, Proof::Operator(second)));
        records.extend(rendered(1, 2, 20, Proof::Referee));
        assert_eq!(credits(&records), None);
        records.extend(rendered(2, 1, 30, Proof::Operator(second)));
        let found = credits(&records).unwrap();
        let by = |operator, tile_passes, cost| Rendered { operator, tile_passes, rays: rays(cost) };
        assert_eq!(found.rendered, [by(SECOND, 1, 20), by(FIRST, 2, 40)]);
        let checked = |by, tile_passes| Checked { by, tile_passes };
        assert_eq!(found.checked, [checked(Checker::Referee, 1), checked(Checker::Operator(SECOND), 2)]);
        assert_eq!((found.rays, found.overturned), (rays(60), 0));

        // Overturned and rendered anew by another.
        records.push(Record::Overturned { job: JOB, tiles: vec![TileKey { frame: 0, index: 1 }] });
        assert_eq!(credits(&records), None);
        records.extend(rendered(1, 1, 25, Proof::Operator(first)));
        let anew = credits(&records).unwrap();
        assert_eq!((anew.rendered.clone(), anew.overturned), (vec![by(FIRST, 3, 65)], 1));
        records.push(Record::JobCompleted { job: JOB, at_ms: 9 });
        assert_eq!(credits(&records), Some(anew.clone()));

        // Overturned after its job had completed: no credits until it is whole again, and the same once it is archived.
        let archived = Record::Archived { job: JOB, at_ms: 10 };
        let mut reopened = records.clone();
        records.push(archived.clone());
        assert_eq!(credits(&records), Some(anew));
        reopened.push(Record::Overturned { job: JOB, tiles: vec![TileKey { frame: 0, index: 0 }] });
        assert_eq!(credits(&reopened), None);
        reopened.extend(rendered(0, 2, 11, Proof::Referee));
        reopened.push(Record::JobCompleted { job: JOB, at_ms: 12 });
        let again = credits(&reopened).unwrap();
        assert_eq!(
            (again.rendered.clone(), again.overturned),
            (vec![by(SECOND, 1, 11), by(FIRST, 2, 55)], 2)
        );
        reopened.push(archived);
        assert_eq!(credits(&reopened), Some(again));
    }
}
