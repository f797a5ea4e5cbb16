//! The facts that rebuild the scheduler's state, one enum for the journal. Released variants are frozen; changes are new
//! variants at the end. Deciding is not here: a record says what was decided.

use tessera_shared::control::Failure;
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};

use crate::accounting::{Operator, OperatorId};
use crate::admission::Examined;
use crate::api::{Evidence, JobSpec, RefereeId, WorkerHello};
use crate::tiles::TileKey;

/// One fact.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub enum Record {
    Submitted {
        job: JobId,
        at_ms: u64,
        spec: JobSpec,
    },
    PackageComplete {
        job: JobId,
    },
    JobEnded {
        job: JobId,
        at_ms: u64,
        end: JobEnd,
    },
    JobCompleted {
        job: JobId,
        at_ms: u64,
    },
    JobForgotten {
        job: JobId,
    },
    Joined {
        worker: WorkerId,
        at_ms: u64,
        hello: WorkerHello,
    },
    Left {
        worker: WorkerId,
        at_ms: u64,
    },
    Leaving {
        worker: WorkerId,
    },
    Restarted,
    /// Tile-passes are lent. Those that another lease holds already are duplicates.
    Granted {
        lease: LeaseId,
        worker: WorkerId,
        job: JobId,
        term: Term,
        tiles: Vec<TileKey>,
    },
    /// The drawn blocks of these delivered tile-passes are lent for a check.
    CheckGranted {
        lease: LeaseId,
        worker: WorkerId,
        job: JobId,
        term: Term,
        tiles: Vec<TileKey>,
    },
    Committed {
        lease: LeaseId,
        tiles: Vec<TileCommit>,
    },
    /// What became of each tile-pass of the lease's delivery, in the lease's order. The lease is over.
    Delivered {
        lease: LeaseId,
        at_ms: u64,
        tiles: Vec<Landing>,
    },
    /// A check was answered; the lease is over.
    Checked {
        lease: LeaseId,
        rays: Rays,
    },
    LeaseEnded {
        lease: LeaseId,
        at_ms: u64,
        end: LeaseEnd,
    },
    /// A late lease's answer would not be used any more.
    LeaseForgotten {
        lease: LeaseId,
    },
    /// The referee checks the drawn blocks of these delivered tile-passes.
    RefereeAsked {
        id: RefereeId,
        job: JobId,
        tiles: Vec<TileKey>,
    },
    /// Somebody contradicts a delivery; the referee decides.
    Disputed {
        id: RefereeId,
        job: JobId,
        tile: TileKey,
        claim: Claim,
    },
    /// The referee's request is over: answered, with the rays that it took, or not needed.
    RefereeDone {
        id: RefereeId,
        rays: Rays,
    },
    Accepted {
        job: JobId,
        tiles: Vec<TileKey>,
        by: Proof,
    },
    /// Delivered tile-passes go back to the queue.
    Requeued {
        job: JobId,
        tiles: Vec<TileKey>,
    },
    /// Delivered tile-passes whose check came to nothing wait for another.
    CheckReturned {
        job: JobId,
        at_ms: u64,
        tiles: Vec<TileKey>,
    },
    /// A result of the operator was wrong. With `fraud` it stays out for good.
    Quarantined {
        operator: OperatorId,
        evidence: Evidence,
        at_ms: u64,
        fraud: bool,
    },
    /// Accepted tile-passes go back to the queue. A job that had completed runs again.
    Overturned {
        job: JobId,
        tiles: Vec<TileKey>,
    },
    /// An operator that was out is back, on probation.
    Readmitted {
        operator: OperatorId,
    },
    /// The operator was wrong as a checker: it checks nothing more.
    Overruled {
        operator: OperatorId,
        evidence: Evidence,
    },
    /// What a worker told of its devices, let in or not.
    Examined {
        worker: WorkerId,
        examined: Examined,
    },
    /// Known tile-passes are taken from their job's pool and asked along with a check that was just lent.
    KnownMixed {
        lease: LeaseId,
        tiles: Vec<TileKey>,
    },
    /// A check's answers are not used: the lease is over, its tile-passes wait for another check.
    CheckVoid {
        lease: LeaseId,
        at_ms: u64,
    },
    /// The referee came to no answer, for lack of time if `late`: the request is over, the delivered tile-passes go back to
    /// the queue and nobody is blamed.
    Inconclusive {
        id: RefereeId,
        job: JobId,
        tiles: Vec<TileKey>,
        late: bool,
    },
    /// A completed job drops its ledgers: nothing of it is overturned any more.
    Archived {
        job: JobId,
        at_ms: u64,
    },
    /// What an earlier scheduler of the farm knew of operators.
    Remembered {
        operators: Vec<Operator>,
    },
    /// The kernel of the farm's jobs from here on.
    Kernel {
        version: u32,
    },
    /// The shell has lost pixels of delivered or accepted tile-passes: they go back to the queue and nobody is blamed. A job that
    /// had completed runs again.
    PixelsLost {
        job: JobId,
        tiles: Vec<TileKey>,
    },
    /// Nothing more of the job is lent, or it goes on.
    Paused {
        job: JobId,
        at_ms: u64,
        paused: bool,
    },
    Prioritised {
        job: JobId,
        priority: i32,
    },
    /// What is accepted of these frames, by their places in the job, goes back to the queue, as it is wanted anew. Nobody is
    /// blamed. A job that had completed runs again.
    FramesRequeued {
        job: JobId,
        at_ms: u64,
        frames: Vec<u32>,
    },
    /// The operator's workers of that name get nothing more, or work again.
    Drained {
        operator: OperatorId,
        name: String,
        drained: bool,
    },
    /// The operator's workers of that name failed too much and get nothing until then.
    Rested {
        operator: OperatorId,
        name: String,
        until_ms: u64,
    },
    /// A request of the referee's is lent to a worker of a trusted operator: so many blocks.
    RefereeLent {
        id: RefereeId,
        lease: LeaseId,
        worker: WorkerId,
        term: Term,
        blocks: u32,
    },
    /// The wrangler wants the operator out, for this reason.
    Banned {
        operator: OperatorId,
        reason: String,
    },
    /// The delivery that follows came faster than is believed, in rays a second of one device. These tile-passes of it are
    /// checked whole.
    TooFast {
        lease: LeaseId,
        at_ms: u64,
        rate: u64,
        limit: u64,
        whole: Vec<WholeCheck>,
    },
}

/// How a job ended without completing.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum JobEnd {
    Cancelled,
    /// The reason is for people.
    Failed(String),
}

/// When a lease was granted, when it should end and when it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Term {
    pub granted_ms: u64,
    pub expected_ms: u64,
    pub expires_ms: u64,
}

/// What a worker committed to for one tile-pass, as far as it is kept: the root and the blocks drawn for the check.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct TileCommit {
    pub root: Digest,
    pub drawn: Vec<DrawnBlock>,
    /// The check is the referee's even where another operator could do it.
    pub referee: bool,
}

/// A block of a tile-pass and the digest committed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct DrawnBlock {
    /// Its place in grid order among the tile's blocks.
    pub at: u32,
    pub digest: Digest,
}

/// A tile-pass of a lease, by its place, all blocks of which are drawn after all.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct WholeCheck {
    pub at: u32,
    pub drawn: Vec<DrawnBlock>,
}

/// What became of a delivered tile-pass.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Landing {
    /// The first delivery: it waits for its check.
    Held { rays: Rays },
    /// It adds nothing: the tile-pass is accepted, in dispute, or the same operator has delivered the same.
    Spare,
    /// Equal to what another operator delivered.
    Confirms { rays: Rays },
    /// Unlike what was delivered before; the dispute's record follows.
    Contests { rays: Rays },
}

/// Why a lease ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum LeaseEnd {
    /// The deadline passed. A late answer may still be used.
    Expired,
    /// The worker's connection is gone. A late answer may still be used.
    Lost,
    /// The worker could not do it: its tile-passes are charged with a failure.
    Failed { worker: WorkerId },
    /// Nothing of it is needed any more, or its operator is quarantined.
    Revoked,
    /// The worker could not do it; who is charged follows from the class.
    FailedWith { worker: WorkerId, failure: Failure },
}

/// Who contradicts a delivery.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Claim {
    /// A checker found other digests for these blocks.
    Check { lease: LeaseId, operator: OperatorId, blocks: Vec<DrawnBlock> },
    /// Another delivery has another root.
    Delivery(Delivery),
}

/// A tile-pass whose pixels the shell holds.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Delivery {
    pub lease: LeaseId,
    /// Its place in its lease.
    pub at: u32,
    pub worker: WorkerId,
    pub operator: OperatorId,
    pub commit: TileCommit,
    pub rays: Rays,
}

/// Why a tile-pass is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub enum Proof {
    /// The job's policy asks for none.
    Unverified,
    /// This operator rendered the drawn blocks, or the whole tile-pass, to the same digests.
    Operator(OperatorId),
    Referee,
    /// This trusted operator refereed.
    Trusted(OperatorId),
}

impl Proof {
    /// It is the word of a referee, the scheduler's or a trusted one.
    pub fn refereed(self) -> bool {
        matches!(self, Proof::Referee | Proof::Trusted(_))
    }

    /// Whose word it is, if it is an operator's.
    pub fn operator(self) -> Option<OperatorId> {
        match self {
            Proof::Operator(operator) | Proof::Trusted(operator) => Some(operator),
            Proof::Unverified | Proof::Referee => None,
        }
    }
}
