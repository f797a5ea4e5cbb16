//! What is lent to whom until when. A lease that ended without an answer stays for a while as a late one.

use tessera_shared::ids::{JobId, WorkerId};

use crate::accounting::OperatorId;
use crate::api::RefereeId;
use crate::known::KnownTile;
use crate::record::{Term, TileCommit};
use crate::tiles::TileKey;

/// How long after its end a lease's late answer may still be used.
pub const LATE_MS: u64 = 600_000;

/// A lease that was granted and not yet answered.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct LentWork {
    pub worker: WorkerId,
    pub operator: OperatorId,
    pub job: JobId,
    pub term: Term,
    pub work: LeaseWork,
    pub hold: Hold,
}

/// Whether the scheduler still counts on the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Hold {
    Live,
    /// It expired or its worker's connection went; its tile-passes are lent anew.
    Late {
        until_ms: u64,
    },
}

/// What was lent.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub enum LeaseWork {
    Render {
        tiles: Vec<TileKey>,
        commit: Option<Vec<TileCommit>>,
    },
    /// `known` are asked along, and wait for nothing. The worker sees both in one order, by tile-pass.
    Check {
        tiles: Vec<CheckTile>,
        known: Vec<KnownTile>,
    },
    /// A request of the referee's with so many blocks, in the hands of a trusted operator. The worker takes it for a check.
    Referee {
        id: RefereeId,
        blocks: u32,
    },
}

/// A tile-pass of a check and how many of its blocks the lease asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct CheckTile {
    pub tile: TileKey,
    pub blocks: u32,
}

impl LentWork {
    pub fn live(&self) -> bool {
        self.hold == Hold::Live
    }

    /// When something becomes due for it.
    pub fn due_ms(&self) -> u64 {
        match self.hold {
            Hold::Live => self.term.expires_ms,
            Hold::Late { until_ms } => until_ms,
        }
    }

    /// The tile-passes that it renders; none for a check and for the referee.
    pub fn rendered(&self) -> &[TileKey] {
        match &self.work {
            LeaseWork::Render { tiles, .. } => tiles,
            LeaseWork::Check { .. } | LeaseWork::Referee { .. } => &[],
        }
    }

    /// What its worker committed to; nothing before it did.
    pub(crate) fn commits_mut(&mut self) -> &mut [TileCommit] {
        match &mut self.work {
            LeaseWork::Render { commit: Some(commits), .. } => commits,
            _ => &mut [],
        }
    }

    pub fn committed(&self) -> bool {
        matches!(&self.work, LeaseWork::Render { commit: Some(_), .. })
    }
}
