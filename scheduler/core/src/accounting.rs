//! Who did how much and how well: operators, their conduct and standing, and the rays they rendered and checked. Decides nothing.

use std::collections::BTreeMap;

use tessera_shared::film::Rays;
use tessera_shared::ids::NodeKey;

use crate::api::Evidence;

/// An operator by the order of first joining; shorter than its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub struct OperatorId(pub u32);

/// What the farm thinks of an operator.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub enum Standing {
    /// Nothing stands against it. Whether it is on probation follows from [`Conduct::clean`].
    Good,
    /// A result was wrong, which hardware can do: it may come back after a while, on probation again.
    Quarantined { evidence: Evidence, at_ms: u64 },
    /// Wrong again too soon to be chance, which is fraud, or [`Evidence::Ordered`]. It stays out.
    Banned(Evidence),
}

/// What an operator has done on this farm, in tile-passes. Kept for as long as the records are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Conduct {
    /// Delivered, whatever became of them.
    pub delivered: u64,
    /// Found right by somebody else, in one block at least.
    pub checked: u64,
    /// The same since it last was wrong, or since it came: its clean record.
    pub clean: u64,
    /// Results that were wrong: each ended in a quarantine.
    pub wrong: u64,
    /// [`Conduct::delivered`] when it last was wrong.
    pub delivered_when_wrong: u64,
    /// Checks in which it was wrong.
    pub wrong_checks: u64,
    /// Leases of which it missed the deadline, or that it failed: faults, which prove no ill will.
    pub late: u64,
    pub failed: u64,
    /// Times that it came back from a quarantine or a ban.
    pub readmitted: u64,
}

/// An operator's key, standing and conduct.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Operator {
    pub key: NodeKey,
    pub standing: Standing,
    pub conduct: Conduct,
    /// It was overruled as a checker, and checks nothing more.
    pub overruled: Option<Evidence>,
    /// Rays of its accepted tile-passes of jobs that are forgotten.
    pub settled: u64,
}

impl Operator {
    /// It has done nothing that anybody need know.
    pub fn is_new(&self) -> bool {
        let Operator { key: _, standing, conduct, overruled, settled } = self;
        *standing == Standing::Good && *conduct == Conduct::default() && overruled.is_none() && *settled == 0
    }
}

/// What one operator did for one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Account {
    /// Tile-passes that were accepted from it.
    pub tiles: u64,
    /// Rays of those.
    pub rendered: Rays,
    /// Rays that it says its checks took; a claim, bounded by what checks were lent.
    pub checked: Rays,
    /// Blocks that it checked.
    pub blocks_checked: u64,
}

/// All operators ever seen.
#[derive(Clone, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Operators {
    by_key: BTreeMap<NodeKey, OperatorId>,
    all: Vec<Operator>,
}

impl Operators {
    /// How many are in quarantine or banned.
    pub fn out(&self) -> u64 {
        self.all.iter().filter(|operator| operator.standing != Standing::Good).count() as u64
    }

    /// The operator of the key, entered if it is new.
    pub fn enter(&mut self, key: NodeKey) -> OperatorId {
        let next = OperatorId(self.all.len() as u32);
        let id = *self.by_key.entry(key).or_insert(next);
        if id == next {
            let (standing, conduct) = (Standing::Good, Conduct::default());
            self.all.push(Operator { key, standing, conduct, overruled: None, settled: 0 });
        }
        id
    }

    /// All of them, in the order of their ids.
    pub fn all(&self) -> &[Operator] {
        &self.all
    }

    /// Enters operators as they were known before; quarantines begin anew.
    pub fn remember(&mut self, operators: &[Operator]) {
        for operator in operators {
            let id = self.enter(operator.key);
            self.all[id.0 as usize] = operator.clone();
        }
        self.restart();
    }

    pub fn find(&self, key: &NodeKey) -> Option<OperatorId> {
        self.by_key.get(key).copied()
    }

    pub fn operator(&self, id: OperatorId) -> &Operator {
        &self.all[id.0 as usize]
    }

    pub fn conduct(&self, id: OperatorId) -> &Conduct {
        &self.operator(id).conduct
    }

    pub fn conduct_mut(&mut self, id: OperatorId) -> &mut Conduct {
        &mut self.all[id.0 as usize].conduct
    }

    /// A result was wrong: its clean record is gone, and with `fraud` its place for good.
    pub fn convict(&mut self, id: OperatorId, evidence: Evidence, at_ms: u64, fraud: bool) {
        let operator = &mut self.all[id.0 as usize];
        operator.standing = match fraud {
            true => Standing::Banned(evidence),
            false => Standing::Quarantined { evidence, at_ms },
        };
        operator.conduct.wrong += 1;
        operator.conduct.clean = 0;
        operator.conduct.delivered_when_wrong = operator.conduct.delivered;
    }

    /// It is out for good by order: no result was wrong, but its clean record is gone.
    pub fn ban(&mut self, id: OperatorId, reason: String) {
        let operator = &mut self.all[id.0 as usize];
        operator.standing = Standing::Banned(Evidence::Ordered { reason });
        operator.conduct.clean = 0;
    }

    /// It was wrong as a checker.
    pub fn overrule(&mut self, id: OperatorId, evidence: Evidence) {
        let operator = &mut self.all[id.0 as usize];
        operator.conduct.wrong_checks += 1;
        operator.overruled.get_or_insert(evidence);
    }

    /// It is back from its quarantine or its ban.
    pub fn readmit(&mut self, id: OperatorId) {
        let operator = &mut self.all[id.0 as usize];
        operator.standing = Standing::Good;
        operator.conduct.readmitted += 1;
    }

    /// A job is forgotten: what was accepted from the operator stays accepted.
    pub fn settle(&mut self, id: OperatorId, rays: u64) {
        self.all[id.0 as usize].settled += rays;
    }

    /// The clock starts again.
    pub fn restart(&mut self) {
        for operator in &mut self.all {
            if let Standing::Quarantined { at_ms, .. } = &mut operator.standing {
                *at_ms = 0;
            }
        }
    }

    /// Out for now or for good.
    pub fn quarantined(&self, id: OperatorId) -> bool {
        self.evidence(id).is_some()
    }

    pub fn evidence(&self, id: OperatorId) -> Option<&Evidence> {
        match &self.operator(id).standing {
            Standing::Good => None,
            Standing::Quarantined { evidence, .. } | Standing::Banned(evidence) => Some(evidence),
        }
    }

    pub fn key(&self, id: OperatorId) -> NodeKey {
        self.operator(id).key
    }

    /// Whether the id is one of these.
    pub fn knows(&self, id: OperatorId) -> bool {
        (id.0 as usize) < self.all.len()
    }
}

/// `total` less `part`, which it holds.
pub fn rays_less(total: &mut Rays, part: Rays) {
    total.camera -= part.camera;
    total.bounce -= part.bounce;
    total.shadow -= part.shadow;
}
