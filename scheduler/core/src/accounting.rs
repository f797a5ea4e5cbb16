//! Who did how much: operators, their standing, and the rays they rendered and checked. Decides nothing.

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
    Good,
    Quarantined(Evidence),
}

/// An operator's key and standing.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Operator {
    pub key: NodeKey,
    pub standing: Standing,
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
    /// The operator of the key, entered if it is new.
    pub fn enter(&mut self, key: NodeKey) -> OperatorId {
        let next = OperatorId(self.all.len() as u32);
        let id = *self.by_key.entry(key).or_insert(next);
        if id == next {
            self.all.push(Operator { key, standing: Standing::Good });
        }
        id
    }

    pub fn find(&self, key: &NodeKey) -> Option<OperatorId> {
        self.by_key.get(key).copied()
    }

    pub fn quarantine(&mut self, id: OperatorId, evidence: Evidence) {
        self.all[id.0 as usize].standing = Standing::Quarantined(evidence);
    }

    pub fn quarantined(&self, id: OperatorId) -> bool {
        self.evidence(id).is_some()
    }

    pub fn evidence(&self, id: OperatorId) -> Option<&Evidence> {
        match &self.all[id.0 as usize].standing {
            Standing::Good => None,
            Standing::Quarantined(evidence) => Some(evidence),
        }
    }

    pub fn key(&self, id: OperatorId) -> NodeKey {
        self.all[id.0 as usize].key
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
