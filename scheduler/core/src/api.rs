//! What goes into the scheduler's machine and what comes out of it. Every type is plain data; the shell that owns sockets,
//! files, pixels and the referee's renderer turns the world into [`Event`]s and an [`Output`] into effects.
//!
//! Questions that change nothing are methods of [`crate::Core`]: `job(now_ms, JobId) -> Option<JobStatus>`,
//! `jobs(now_ms, before: Option<JobId>, limit) -> Vec<JobStatus>` (newest first), `workers(now_ms, after: Option<WorkerId>,
//! limit) -> Vec<WorkerStatus>`.
//!
//! The shell makes [`Output::records`] durable first, then sends replies, then messages (a welcome comes before a worker's
//! first leases), and carries out effects, each in order.
//! Delivered pixels are the shell's: it keeps those of a lease from [`Event::Delivered`], across restarts, until each of the
//! lease's tile-passes was named by an [`Effect::Discard`] or is part of a finished frame's film.

use std::collections::BTreeSet;

use tessera_shared::control::{Failure, JobOrder, OperatorOrder, OrderRefusal, WorkerOrder};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, WorkerId};
use tessera_shared::lease::{BlockPass, Checked, TilePass};
use tessera_shared::limits::Pools;
use tessera_shared::messages::{Device, JobOptions, JobRefusal, ToWorker};
use tessera_shared::package::manifest::Settings;

pub use crate::admission::ExaminedHello;
pub use crate::evidence::{Evidence, Judge, Recipe, WrongBlock};
pub use crate::orders::Asker;
pub use crate::record::Record;
pub use crate::secret::Secret;

/// What the farm's owner sets. But for the pools and the trusted it must be the same when records are replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Source of every random choice: which blocks are checked, by whom. Workers must not learn it. The shell draws it once
    /// and keeps it with the records.
    pub secret: Secret,
    /// Workers of another kernel version are refused.
    pub kernel_version: u32,
    /// Work that a lease aims at, at the worker's measured rate.
    pub lease_target_ms: u32,
    /// What a lease may take beyond four times its estimate before it expires.
    pub lease_grace_ms: u32,
    /// The grace of a worker's first lease of a package, which travels first.
    pub first_lease_grace_ms: u32,
    /// Most tile-passes of a lease.
    pub lease_tiles_max: u32,
    /// Leases in flight to a device of a worker, so that it never waits for the next.
    pub pipeline: u32,
    /// Rays a second of a worker before it has answered a lease.
    pub first_rate: u64,
    /// Tile-passes that an operator must have had checked since it came, or since it was wrong, before its probation ends.
    pub probation_tiles: u64,
    /// Blocks that are checked of a tile-pass on probation where the referee alone can check; all of them where another
    /// operator past its probation is connected.
    pub probation_blocks: u32,
    /// Least part of the tile-passes that are checked under `confidence`, in millionths.
    pub confidence_floor_ppm: u32,
    /// How long an operator stays in quarantine before it may come back, on probation.
    pub quarantine_ms: u64,
    /// Wrong twice within so many delivered tile-passes is fraud; rarer is taken for hardware.
    pub fraud_tiles: u64,
    /// How many of a thousand checks go to the referee even where another operator could do them.
    pub referee_permille: u32,
    /// Blocks of one request to the referee; a tile-pass in dispute is one request whatever its blocks.
    pub referee_blocks: u32,
    /// Requests that the referee holds at once.
    pub referee_in_flight: u32,
    /// Rays a minute that the scheduler's own referee is to spend, up to a minute's worth at once. Its own checks wait when they
    /// are used up, and no more are drawn for it; disputes never wait, and count. What trusted workers referee does not. At
    /// least 1.
    pub referee_rays_per_minute: u64,
    /// How long the scheduler's referee may take for a request, from the end of the one before. Then it counts as inconclusive.
    /// A trusted worker has as long for each, or its lease's time where that is shorter.
    pub referee_timeout_ms: u32,
    /// How many known tile-passes are mixed into a check lease for a thousand that are owed, on average. See [`crate::known`].
    pub known_permille: u32,
    /// Blocks that are worth a check lease of their own while there is other work.
    pub check_blocks: u32,
    /// How long a check waits for [`Config::check_blocks`] to gather.
    pub check_wait_ms: u32,
    /// How long a check waits for another operator's worker before the referee does it.
    pub check_wait_max_ms: u32,
    /// A result is suspect if it came so many times as fast as its worker was ever found right, see [`crate::haste`]. At least 1.
    pub too_fast_factor: u32,
    /// A job fails when workers of so many different operators failed one of its tile-passes.
    pub tile_failures_max: u32,
    /// A worker gets no more of a job after failing so many of its leases, and rests after so many failures over several jobs.
    pub worker_failures_max: u32,
    /// A failure that is so old counts no more.
    pub forgive_ms: u64,
    /// The first rest of a sick worker; each further one without a delivery between is twice as long, at most `rest_max_ms`.
    pub rest_ms: u64,
    pub rest_max_ms: u64,
    /// Tile-passes whose pixels the shell may hold unaccepted before no more are lent; checks go on.
    pub held_max: u64,
    /// Ended jobs that stay listed; older ones are forgotten, their films stay with the shell.
    pub ended_jobs_max: u32,
    /// The operators that a job may name as one. Every lease is decided by the pools as they are now.
    pub pools: Pools,
    /// Operators whose workers referee: what they say of others' work counts as the scheduler's own referee's word. The
    /// scheduler's is asked where none of them is connected and free to judge, and where one does not answer.
    pub trusted: BTreeSet<NodeKey>,
    /// How long after its completion, or after a restart, a job keeps who made and who proved each of its tile-passes, so
    /// that they can be overturned.
    pub archive_after_ms: u64,
    /// Tile-passes of completed jobs of which that is kept, of at most [`crate::overturn::ENTRY_BYTES_MAX`] bytes each;
    /// beyond them the job that completed first is archived early.
    pub kept_entries_max: u64,
}

impl Config {
    /// The farm's defaults.
    pub fn new(secret: [u8; 32]) -> Config {
        Config {
            secret: Secret(secret),
            kernel_version: tessera_shared::KERNEL_VERSION,
            lease_target_ms: 1_000,
            lease_grace_ms: 60_000,
            first_lease_grace_ms: 600_000,
            lease_tiles_max: 256,
            pipeline: 2,
            first_rate: 1_000_000,
            probation_tiles: 8,
            probation_blocks: 8,
            confidence_floor_ppm: 62_500,
            quarantine_ms: 600_000,
            fraud_tiles: 10_000,
            referee_permille: 50,
            referee_blocks: 64,
            referee_in_flight: 2,
            // 10 Mrays/s: what four threads of a CPU trace all the time.
            referee_rays_per_minute: 600_000_000,
            referee_timeout_ms: 600_000,
            // As many as the referee's share of the checks brings in, for one ray more in 1300 at one block of 64.
            known_permille: 50,
            check_blocks: 64,
            check_wait_ms: 500,
            check_wait_max_ms: 20_000,
            too_fast_factor: 16,
            tile_failures_max: 3,
            worker_failures_max: 3,
            forgive_ms: 3_600_000,
            rest_ms: 30_000,
            rest_max_ms: 1_800_000,
            held_max: 4_096,
            ended_jobs_max: 10_000,
            pools: Pools::new(),
            trusted: BTreeSet::new(),
            archive_after_ms: 24 * 3_600_000,
            kept_entries_max: 1 << 22,
        }
    }
}

/// Names a question of the shell's, so that its [`Reply`] finds the asker. The shell chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// One request to the referee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub struct RefereeId(pub u64);

/// A job as it is submitted: everything of its manifest that the farm's decisions need.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct JobSpec {
    /// The key that submitted it.
    pub owner: NodeKey,
    /// Digest of the manifest.
    pub package: Digest,
    pub name: String,
    pub settings: Settings,
    /// The manifest's frames, which ascend; this is the order of rendering.
    pub frames: Vec<FrameNumber>,
    pub options: JobOptions,
}

/// A worker that says hello.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct WorkerHello {
    /// The key of its connection.
    pub operator: NodeKey,
    pub name: String,
    pub kernel_version: u32,
    /// Each keeps its own leases in flight. None counts as one.
    pub devices: Vec<Device>,
    /// What it says that it is, for jobs that ask for it.
    pub tags: Vec<String>,
}

/// A tile-pass of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedTile {
    /// [`crate::tile_root`] of `blocks`, computed by the shell beside the core's thread.
    pub root: Digest,
    /// Digest of every block, in grid order.
    pub blocks: Vec<Digest>,
}

/// A tile-pass whose pixels have arrived, as the shell recomputed it from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveredTile {
    /// [`crate::tile_root`] of `blocks`.
    pub root: Digest,
    /// Digest of every block of the pixels that arrived, in grid order; none where nothing is checked.
    pub blocks: Vec<Digest>,
    /// Rays that the pixels' records count.
    pub rays: Rays,
}

/// What happened in the world. Events about unknown workers, leases and jobs are harmless.
#[derive(Clone, Debug)]
pub enum Event {
    /// The first event after a replay that had records: no worker is connected, the clock is at zero again. The pixels of every
    /// delivery that was recorded are held as before; what of it is gone is told by [`Event::PixelsLost`].
    Restarted,
    /// The first event of a scheduler without records of its own: what an earlier one knew of operators.
    Remembered {
        operators: Vec<crate::accounting::Operator>,
    },
    /// Pixels of these tile-passes, delivered or accepted in a frame that is not finished, cannot be read any more: they are
    /// rendered anew and nobody is blamed.
    PixelsLost {
        job: JobId,
        passes: Vec<TilePass>,
    },
    /// The answer to [`Effect::SettleFilms`]: every film of the job is on disk as that effect found it.
    FilmsSaved {
        job: JobId,
        reopened: u32,
    },
    /// Time has passed; due at [`Output::wake_at`].
    Tick,

    /// Answer: [`Answer::Submitted`] or [`Answer::Refused`]. No lease is granted before [`Event::PackageComplete`].
    Submit {
        request: RequestId,
        spec: Box<JobSpec>,
    },
    /// The job's blobs are all here.
    PackageComplete {
        job: JobId,
    },
    /// Answer: [`Answer::Cancelled`] or [`Answer::JobRefused`].
    Cancel {
        request: RequestId,
        job: JobId,
        by: Asker,
    },
    /// Answer: [`Answer::Done`] or [`Answer::OrderRefused`].
    Order {
        request: RequestId,
        job: JobId,
        by: Asker,
        order: JobOrder,
    },
    /// Answer: [`Answer::Done`] or [`Answer::OrderRefused`].
    OrderWorker {
        request: RequestId,
        worker: WorkerId,
        by: Asker,
        order: WorkerOrder,
    },
    /// Answer: [`Answer::Done`] or [`Answer::OrderRefused`].
    OrderOperator {
        request: RequestId,
        operator: NodeKey,
        by: Asker,
        order: OperatorOrder,
    },

    /// Answer: [`Answer::Welcome`] or [`Answer::Refused`].
    WorkerConnected {
        request: RequestId,
        hello: Box<WorkerHello>,
    },
    /// The same of one that wants no leases for so long, or until it is awake.
    WorkerConnectedAsleep {
        request: RequestId,
        hello: Box<WorkerHello>,
        for_ms: u64,
    },
    /// The same with what its devices made of the conformance suite. Answer: the same; refused if none serves.
    WorkerExamined {
        request: RequestId,
        hello: Box<ExaminedHello>,
    },
    /// The connection is gone. Its leases go back to the queue; what it still delivers over a new connection of the same
    /// operator may be used.
    WorkerDisconnected {
        worker: WorkerId,
    },
    /// It wants to end: no more leases.
    WorkerLeaving {
        worker: WorkerId,
    },
    /// It wants no more leases for so long, or until it is awake.
    WorkerAsleep {
        worker: WorkerId,
        for_ms: u64,
    },
    WorkerAwake {
        worker: WorkerId,
    },

    /// The commit of a lease: every tile-pass of it, in its order.
    Committed {
        worker: WorkerId,
        lease: LeaseId,
        tiles: Vec<CommittedTile>,
    },
    /// All pixels of a lease, after its commit: every tile-pass of it, in its order.
    Delivered {
        worker: WorkerId,
        lease: LeaseId,
        tiles: Vec<DeliveredTile>,
    },
    /// The answer to a check.
    Checked {
        worker: WorkerId,
        answer: Checked,
    },
    /// The worker cannot do the lease.
    LeaseFailed {
        worker: WorkerId,
        lease: LeaseId,
        failure: Failure,
    },

    /// The referee's answer, a digest per block in the request's order, or why there is none. Without one, and with another
    /// number of digests than blocks, the request is inconclusive: what waited for it is rendered anew and checked again,
    /// nobody is blamed, it is counted ([`crate::Core::referee`]), and [`Effect::Inconclusive`] says so. The same comes of no
    /// answer within [`Config::referee_timeout_ms`]; one that comes later is not used. A job of which the referee has failed
    /// five requests in a row fails, late ones aside.
    Refereed {
        id: RefereeId,
        outcome: Result<RefereeDigests, String>,
    },
}

/// What the referee found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefereeDigests {
    pub blocks: Vec<Digest>,
    pub rays: Rays,
}

/// What is to be done after an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// To be made durable before anything else. Replaying all of them rebuilds the state.
    pub records: Vec<Record>,
    pub messages: Vec<Outbound>,
    pub replies: Vec<(RequestId, Answer)>,
    pub effects: Vec<Effect>,
    /// When the next [`Event::Tick`] is due, if no other event comes before it.
    pub wake_at: Option<u64>,
}

/// A message to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    pub worker: WorkerId,
    pub message: ToWorker,
}

/// What the shell does with its pixels, its referee and its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Add these tile-passes of the lease's delivery to their frames.
    Accept {
        job: JobId,
        lease: LeaseId,
        tiles: Vec<HeldTile>,
    },
    /// Drop these tile-passes of the lease's delivery.
    Discard {
        lease: LeaseId,
        tiles: Vec<HeldTile>,
    },
    /// The delivery that this event brought is not taken: drop the pixels that came with it, and only those.
    DeliveryIgnored {
        lease: LeaseId,
    },
    /// An accepted tile is in doubt: set the tile's pixels in the frame's film back to zero. All of its passes come again. A
    /// finished frame and a complete job are unfinished from here on; their completion comes again.
    ResetTile {
        job: JobId,
        frame: FrameNumber,
        tile: tessera_shared::ids::TileIndex,
    },
    /// Every tile-pass of the frame is accepted. After a [`Effect::ResetTile`] it comes again.
    FrameComplete {
        job: JobId,
        frame: FrameNumber,
        tile_passes: u32,
        rays: Rays,
    },
    JobComplete {
        job: JobId,
        frames: u32,
        tile_passes: u64,
        rays: Rays,
    },
    /// Answer with [`Event::FilmsSaved`] once every film of this job, `reopened` times complete before, is on disk.
    SettleFilms {
        job: JobId,
        reopened: u32,
    },
    /// The job was cancelled or failed: drop its unfinished films and its pixels.
    JobEnded {
        job: JobId,
    },
    /// Render these blocks with the trusted backend and answer with [`Event::Refereed`].
    RefereeRequest {
        id: RefereeId,
        job: JobId,
        package: Digest,
        blocks: Vec<BlockPass>,
    },
    /// The request's answer is not needed any more.
    RefereeCancel {
        id: RefereeId,
    },
    /// An operator is quarantined, or banned for fraud: close its connections with the reason.
    Quarantined {
        operator: NodeKey,
        workers: Vec<WorkerId>,
        evidence: Evidence,
        fraud: bool,
    },
    /// The wrangler has banned an operator: close its connections with the reason.
    Banned {
        operator: NodeKey,
        workers: Vec<WorkerId>,
        reason: String,
    },
    /// The referee found an operator's check wrong: it checks nothing more. For the log.
    Overruled {
        operator: NodeKey,
        evidence: Evidence,
    },
    /// A worker's result came faster than is believed, in rays a second of one device; so many tile-passes of it are checked
    /// whole. For the log.
    TooFast {
        operator: NodeKey,
        worker: WorkerId,
        job: JobId,
        lease: LeaseId,
        rate: u64,
        limit: u64,
        tile_passes: u32,
    },
    /// The referee came to no answer: so many tile-passes of the job are rendered anew. For the log.
    Inconclusive {
        id: RefereeId,
        job: JobId,
        tile_passes: u32,
        reason: String,
    },
}

/// A tile-pass of a delivery that the shell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTile {
    /// Its place in its lease.
    pub at: u32,
    pub pass: TilePass,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Submitted(JobId),
    Cancelled,
    JobRefused(JobRefusal),
    Welcome(WorkerId),
    /// The reason is for people and says what to do.
    Refused(String),
    /// The order is carried out, or was before.
    Done,
    OrderRefused(OrderRefusal),
}
