//! What travels between processes: the messages of control, result, blob and request streams. Released types are frozen;
//! changes are new enum variants. Knows no stream and decides nothing.
//!
//! A connection's first bidirectional stream is its control stream: the client sends [`Hello`], the scheduler [`Welcome`].
//! A worker's control stream then carries [`ToWorker`] one way and [`FromWorker`] the other; its results travel on one
//! unidirectional stream a lease: a [`Commit`], then the raw bytes of every block, in the commit's order. An artist opens
//! a bidirectional stream a [`Request`]. Blobs are such requests too, for both roles.

use crate::admission::DeviceReport;
use crate::control::{Failure, JobOrder, OperatorOrder, WorkerOrder};
use crate::digest::Digest;
use crate::film::Rays;
use crate::ids::{FrameNumber, JobId, LeaseId, NodeKey, WorkerId};
use crate::lease::{Checked, Commit, Lease};
use crate::message;
use crate::watching::PictureWish;
use crate::web::{WebAccess, WebHolder};

pub use crate::frame_head::FrameHead;
pub use crate::job_options::{JobOptions, Mode, Verify};

pub use crate::upload::{UploadRefusal, UploadReply};

/// The protocol that both ends must speak, as TLS negotiates it.
pub const ALPN: &[u8] = b"tessera/1";
/// Most bytes of a name or a reason that is taken from a peer.
pub const TEXT_BYTES_MAX: usize = 1024;
/// Most digests in one answer that names missing blobs; the client asks again for the rest.
pub const MISSING_MAX: usize = 1024;
/// Most devices of one worker.
pub const DEVICES_MAX: usize = 64;

/// Why a connection was closed, as QUIC's application error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CloseCode {
    /// Nothing is wrong; the peer is done.
    Done = 0,
    /// A message did not decode, was too large or came out of turn.
    Malformed = 1,
    /// The [`Hello`] was refused; the [`Welcome`] said why.
    Refused = 2,
    /// The scheduler is stopping.
    Stopping = 3,
    /// The peer took too long over its [`Hello`] or what it had to send, or does not read what it is sent.
    Slow = 4,
    /// The worker is quarantined.
    Quarantined = 5,
    /// The farm's wrangler has banned the worker's key.
    Banned = 6,
}

/// 128 secret bits that a link carries for its role. `Debug` hides them.
#[derive(Clone, Copy, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Token(pub [u8; 16]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum DeviceKind {
    Cpu,
    Gpu,
}

/// One device of a worker, for people.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Device {
    pub name: String,
    pub kind: DeviceKind,
    pub driver: String,
}

/// First message of a connection, from the client.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Hello {
    /// The tags choose machines for jobs that ask for them; see [`crate::limits`].
    Worker {
        token: Token,
        kernel_version: u32,
        name: String,
        devices: Vec<Device>,
        tags: Vec<String>,
    },
    Artist {
        token: Token,
        kernel_version: u32,
    },
    /// A worker whose devices went through the conformance suite: every device, those that serve nothing included.
    Examined {
        token: Token,
        kernel_version: u32,
        name: String,
        reports: Vec<DeviceReport>,
        tags: Vec<String>,
    },
    /// An artist that may order every job and the workers.
    Wrangler {
        token: Token,
        kernel_version: u32,
    },
    /// A worker that is outside its hours: it is lent nothing before it says [`FromWorker::Awake`]. With reports it is as
    /// `Examined`, without as `Worker`.
    Asleep {
        token: Token,
        kernel_version: u32,
        name: String,
        devices: Vec<Device>,
        reports: Vec<DeviceReport>,
        tags: Vec<String>,
        for_ms: u64,
    },
}

/// The scheduler's answer to a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Welcome {
    Worker { worker: WorkerId },
    Artist,
    Refused(Refusal),
}

/// Why a connection is refused.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode, thiserror::Error)]
pub enum Refusal {
    #[error(
        "the farm refuses this link's token; ask the farm's owner for the link that `tessera scheduler` prints now"
    )]
    Token,
    #[error(
        "this program renders with kernel version {found}, the farm with {expected}; install the farm's version of tessera"
    )]
    KernelVersion { expected: u32, found: u32 },
    #[error("the farm has as many connections as it takes; try again later, or raise the scheduler's limit")]
    Full,
    #[error("the farm refuses this worker: {0}")]
    Worker(String),
    #[error(
        "this key has {connections_max} connections to the farm, as many as one key may have; end some, or ask the farm's owner to raise --key-connections"
    )]
    Key { connections_max: u32 },
}

/// Scheduler to worker, on the control stream.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum ToWorker {
    Lease(Lease),
    /// The lease is over for the scheduler: stop rendering it and send nothing more of it.
    Revoke(LeaseId),
}

/// Worker to scheduler, on the control stream.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum FromWorker {
    Checked(Checked),
    /// The lease cannot be done; the reason is for people.
    Failed {
        lease: LeaseId,
        reason: String,
    },
    /// No more leases, please: the worker ends once it has answered those it holds.
    Leaving,
    /// The lease cannot be done: whose fault it is, and an excerpt of the log.
    CannotDo {
        lease: LeaseId,
        failure: Failure,
    },
    /// No more leases for so long: the worker finishes those that it holds and stays connected.
    Asleep {
        for_ms: u64,
    },
    /// It takes leases again.
    Awake,
}

/// First message of a request stream.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Request {
    /// Asks for a blob's bytes from `offset` on. Answer: [`BlobReply`], then the bytes. A worker's request alone.
    Blob { digest: Digest, offset: u64 },
    /// Offers a blob. Answer: [`UploadReply`]; if it is `From`, the client sends the bytes from there on and reads another.
    Upload { digest: Digest, bytes: u64 },
    /// Submits the package whose manifest is the blob `package`. Answer: [`SubmitReply`].
    Submit { package: Digest, options: JobOptions },
    /// Answer: a [`WatchReply`] now and at every change worth showing, until the job has ended.
    Watch { job: JobId },
    /// Answer: a [`JobStatus`] each, newest first, then the stream's end.
    Jobs,
    /// Answer: a [`WorkerStatus`] each of those that are connected or left lately, then the stream's end.
    Workers,
    /// Answer: [`CancelReply`].
    Cancel { job: JobId },
    /// Asks for the manifest of a job of one's own. Answer: [`ManifestReply`], then the bytes.
    Manifest { job: JobId },
    /// Answer: [`FetchReply`], then the film's pixels, 32 bytes each, row-major: red, green, blue as `i64`, covered and
    /// clamped as `u32`, all little-endian.
    Fetch { job: JobId, frame: FrameNumber },
    /// Asks who checks on this farm. Answer: [`CheckingReply`].
    Checking,
    /// Asks for the receipt of a finished frame of a job of one's own. Answer: [`ReceiptReply`], then the receipt's text.
    Receipt { job: JobId, frame: FrameNumber },
    /// Answer: [`crate::control::OrderReply`].
    Order { job: JobId, order: JobOrder },
    /// A wrangler's request alone. Answer: [`crate::control::OrderReply`].
    OrderWorker { worker: WorkerId, order: WorkerOrder },
    /// Asks what holds a job of one's own back. Answer: [`crate::control::WhyReply`].
    Why { job: JobId },
    /// Asks what failed of a job of one's own. Answer: [`crate::control::LogReply`], again and again.
    Log { job: JobId },
    /// Asks for a link to the farm's page that is good for [`crate::web::LINK_DAYS`]. Answer: [`crate::web::WebReply`].
    Web { access: WebAccess },
    /// Asks how far a job's frames are: those behind `after` in the job's order, or from its first. Answer:
    /// [`crate::watching::FramesReply`].
    Frames { job: JobId, after: Option<FrameNumber> },
    /// A wrangler's request alone. Answer: [`crate::control::OrderReply`].
    OrderOperator { operator: NodeKey, order: OperatorOrder },
    /// Asks how far a frame's tiles are. Answer: [`crate::watching::TilesReply`], again and again.
    Tiles { job: JobId, frame: FrameNumber },
    /// Asks for what is accepted of a frame of a job of one's own, or any with a wrangler link, as a picture. Answer:
    /// [`crate::watching::PictureReply`], then the pixels.
    Picture { job: JobId, frame: FrameNumber, wish: PictureWish },
    /// Asks for lines of the farm's log behind the one with this number. Answer: [`crate::watching::EventsReply`].
    Events { after: u64 },
    /// Asks for a blob of the package of a job of one's own, from `offset` on. Answer: [`BlobReply`], then the bytes.
    PackageBlob { job: JobId, digest: Digest, offset: u64 },
    /// Asks for a link to the farm's page that is good for so many days, or until it is ended. Answer: [`crate::web::WebReply`].
    WebLink { access: WebAccess, days: Option<u16> },
    /// Ends links to the farm's page. Answer: [`crate::web::WebReply`].
    WebEnd { whose: WebHolder },
}

/// Answer to [`Request::Blob`] and [`Request::PackageBlob`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum BlobReply {
    /// The rest of the blob follows; `bytes` is its whole length.
    Follows {
        bytes: u64,
    },
    Absent,
    /// The worker's operator holds no lease of a package with this blob, whether the farm has it or not.
    Unleased,
    Refused(JobRefusal),
}

/// Answer to [`Request::Submit`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum SubmitReply {
    /// Upload these (at most [`MISSING_MAX`]), then submit again.
    Missing(Vec<Digest>),
    Accepted(JobId),
    /// The reason names what is wrong.
    Refused(String),
}

/// Why a request about a job fails.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode, thiserror::Error)]
pub enum JobRefusal {
    #[error("the farm knows no such job; `tessera jobs` lists those it knows")]
    Unknown,
    #[error("the job belongs to another key; use the machine and the user that submitted it")]
    Foreign,
    #[error("the job has no such frame")]
    NoFrame,
    #[error("the frame is not finished yet; `tessera watch --wait` waits for the job")]
    Unfinished,
    #[error("the job has ended already")]
    Ended,
    #[error("the farm could not read the frame; ask its owner to look at the scheduler's log")]
    Storage,
    #[error("the job was cancelled before the frame was finished; submit the shot again")]
    Cancelled,
    #[error("the job failed before the frame was finished; `tessera watch` says why")]
    Failed,
}

/// Answer to [`Request::Watch`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WatchReply {
    Status(JobStatus),
    Refused(JobRefusal),
}

/// Answer to [`Request::Cancel`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum CancelReply {
    Cancelled,
    Refused(JobRefusal),
}

/// Answer to [`Request::Fetch`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum FetchReply {
    /// The pixels follow.
    Follows(FrameHead),
    Refused(JobRefusal),
}

/// Answer to [`Request::Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum ManifestReply {
    /// So many bytes follow.
    Follows {
        bytes: u64,
    },
    Refused(JobRefusal),
}

/// Answer to [`Request::Checking`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum CheckingReply {
    /// So many of a thousand checks are done by those whom the farm's owner trusts, whoever is connected.
    Trusted { permille: u32 },
}

/// Answer to [`Request::Receipt`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum ReceiptReply {
    /// So many bytes follow, as [`crate::receipt::Receipt::from_text`] reads them.
    Follows {
        bytes: u64,
    },
    Refused(JobRefusal),
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum JobState {
    /// No lease of it has been granted yet.
    Queued,
    Running,
    Completed,
    Cancelled,
    /// The reason is for people.
    Failed(String),
    /// Nothing more of it is lent until it is resumed.
    Paused,
    /// Nothing of it is lent before this job, the first of those that it waits for, has completed.
    Waiting {
        after: JobId,
    },
}

impl JobState {
    /// Nothing more will happen to the job.
    pub fn ended(&self) -> bool {
        matches!(self, JobState::Completed | JobState::Cancelled | JobState::Failed(_))
    }
}

/// A job as `watch` and `jobs` show it.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct JobStatus {
    pub job: JobId,
    pub name: String,
    pub owner: NodeKey,
    pub package: Digest,
    pub priority: i32,
    pub state: JobState,
    pub frames_total: u32,
    pub frames_done: u32,
    /// Tile-passes: accepted, and of the whole job.
    pub tiles_total: u64,
    pub tiles_done: u64,
    /// Samples of the frames' pixels, of the whole job and accepted.
    pub samples_total: u64,
    pub samples_done: u64,
    /// Rays of accepted tile-passes.
    pub rays: Rays,
    /// Workers that hold a lease of the job now.
    pub workers: u32,
    /// Since the job was accepted, until now or its end.
    pub elapsed_ms: u64,
    /// The job goes on, but its limits shut out every connected worker.
    pub unserved: bool,
    /// Tile-passes that were accepted, then doubted and rendered again: frames fetched before may have changed.
    pub tiles_overturned: u64,
    /// Rays of checks: of the referee's, and of the workers' as they say.
    pub rays_checked: u64,
}

/// A worker as `workers` shows it.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct WorkerStatus {
    pub worker: WorkerId,
    pub name: String,
    pub operator: NodeKey,
    pub devices: Vec<Device>,
    pub state: WorkerState,
    pub tiles_accepted: u64,
    pub tiles_rejected: u64,
    /// Measured rate: rays a second over its answered leases; 0 before the first.
    pub rays_per_second: u64,
    /// Since it joined, until now or until it left.
    pub connected_ms: u64,
    /// Of its operator, whatever worker it was earned with.
    pub standing: OperatorStanding,
    /// What it said of its devices when it joined, those included that serve nothing; empty if it said nothing.
    pub reports: Vec<DeviceReport>,
    pub tags: Vec<String>,
}

/// What an operator has done on the farm, in tile-passes unless named otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct OperatorStanding {
    /// How many must still be checked before its probation ends.
    pub probation_left: u64,
    pub delivered: u64,
    /// Found right by somebody else.
    pub checked: u64,
    /// Wrong results.
    pub wrong: u64,
    /// Wrong answers to checks; after one it checks no more.
    pub wrong_checks: u64,
    /// Leases that it was late with, and that it failed.
    pub late: u64,
    pub failed: u64,
    /// Returns from quarantine.
    pub readmitted: u64,
    /// Rays that nobody takes from it any more, and those of jobs that may still be overturned or of its probation.
    pub rays_settled: u64,
    pub rays_held: u64,
    /// Results that came too fast, which proves nothing.
    pub too_fast: u64,
}

/// Where a worker stands.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WorkerState {
    Idle,
    Busy,
    Leaving,
    /// Caught with a wrong result; the reason names it.
    Quarantined(String),
    /// Its connection ended so long ago.
    Left {
        ago_ms: u64,
    },
    /// Caught again and again, and the reason names the last time; or by the wrangler's order, as the reason says.
    Banned(String),
    /// It was not let in, as none of its devices serves; the reason names what failed.
    Refused(String),
    /// The wrangler gives it nothing more.
    Drained,
    /// It takes nothing for so long, by its own schedule.
    Asleep {
        for_ms: u64,
    },
    /// It failed too much and is given nothing for so long; the reason is its last failure.
    Resting {
        for_ms: u64,
        reason: String,
    },
}

message!(Hello, 512 << 10);
message!(Welcome, 4 << 10);
message!(ToWorker, 1 << 20);
message!(FromWorker, 1 << 20);
message!(Commit, 16 << 20);
message!(Request, 16 << 10);
message!(BlobReply, 64);
message!(UploadReply, 1 << 10);
message!(SubmitReply, 64 << 10);
message!(WatchReply, 16 << 10);
message!(JobStatus, 16 << 10);
message!(WorkerStatus, 1 << 20);
message!(CancelReply, 1 << 10);
message!(ManifestReply, 1 << 10);
message!(FetchReply, 8 << 10);
message!(CheckingReply, 64);
message!(ReceiptReply, 1 << 10);
