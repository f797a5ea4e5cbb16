//! What people order of jobs and workers, and what a farm answers: orders, what holds a job back, and what failed. Decides
//! nothing.

use crate::ids::{FrameNumber, NodeKey, WorkerId};
use crate::job_options::{PRIORITY_MAX, PRIORITY_MIN};
use crate::message;
use crate::messages::JobRefusal;

/// Most ranges of frames in one order.
pub const FRAME_RANGES_MAX: usize = 1024;
/// Most bytes that are kept of a failure's log.
pub const LOG_BYTES_MAX: usize = 4096;

/// Frames from the first to the last, both among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct FrameRange {
    pub first: FrameNumber,
    pub last: FrameNumber,
}

impl FrameRange {
    /// The fewest ranges that hold these frames, which ascend.
    pub fn of(frames: &[FrameNumber]) -> Vec<FrameRange> {
        let mut ranges: Vec<FrameRange> = Vec::new();
        for frame in frames {
            match ranges.last_mut() {
                Some(range) if range.last.0.checked_add(1) == Some(frame.0) => range.last = *frame,
                _ => ranges.push(FrameRange { first: *frame, last: *frame }),
            }
        }
        ranges
    }

    pub fn contains(&self, frame: FrameNumber) -> bool {
        (self.first..=self.last).contains(&frame)
    }
}

/// What the owner of a job, or the farm's wrangler, wants of it.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum JobOrder {
    /// Nothing more of it is lent; what is in hand is finished and used.
    Pause,
    Resume,
    /// What is accepted of these frames is rendered anew; at most [`FRAME_RANGES_MAX`] ranges. A completed job runs again.
    Requeue(Vec<FrameRange>),
    Prioritise(i32),
}

/// What the wrangler wants of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WorkerOrder {
    /// It finishes what it holds and gets nothing more, under this name and key also after it has come back.
    Drain,
    Undrain,
}

/// Most bytes of the reason for a ban.
pub const BAN_REASON_BYTES_MAX: usize = 400;

/// What the wrangler wants of an operator.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum OperatorOrder {
    /// It gets nothing more and may not join, and what rests on its word or its work is rendered anew. The reason is one line
    /// of 1 to [`BAN_REASON_BYTES_MAX`] bytes, and its workers are told it.
    Ban { reason: String },
    /// It may join again, on probation, whatever it was out for.
    Readmit,
}

/// Why an order is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode, thiserror::Error)]
pub enum OrderRefusal {
    #[error(transparent)]
    Job(#[from] JobRefusal),
    #[error(
        "the job's tiles cannot be taken back any more, as it completed too long ago; submit the shot again"
    )]
    Archived,
    #[error("{0} is no priority; give {PRIORITY_MIN} to {PRIORITY_MAX}")]
    Priority(i32),
    #[error("frames in {0} ranges; give at most {FRAME_RANGES_MAX} at once")]
    Ranges(u64),
    #[error(
        "the farm's wrangler alone orders its workers and operators; give the wrangler link that `tessera scheduler` prints"
    )]
    NoWrangler,
    #[error("the farm knows no such worker; `tessera workers` lists those it knows")]
    UnknownWorker,
    #[error("{0} workers are drained, and no more are kept in mind; undrain some")]
    Drained(u32),
    #[error("the farm knows no operator of this key; `tessera workers` lists the keys of those it knows")]
    UnknownOperator,
    #[error("a reason of {0} bytes; give one line of 1 to {BAN_REASON_BYTES_MAX} bytes")]
    Reason(u64),
}

/// Answer to an order.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum OrderReply {
    Done,
    Refused(OrderRefusal),
}

/// Whom a failure is laid to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub enum FailureClass {
    /// The worker: a device was lost, a thread panicked.
    Node,
    /// The job: its scene is invalid, or it is refused wherever it comes.
    Job,
    /// The worker lacks disk or memory.
    Shortage,
    /// What the worker needs did not reach it.
    Network,
}

impl std::fmt::Display for FailureClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FailureClass::Node => "node",
            FailureClass::Job => "job",
            FailureClass::Shortage => "shortage",
            FailureClass::Network => "network",
        })
    }
}

/// Why a worker could not do a lease.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Failure {
    pub class: FailureClass,
    /// For people, at most [`LOG_BYTES_MAX`] bytes.
    pub log: String,
}

impl Failure {
    /// Keeps the beginning of a long log.
    pub fn new(class: FailureClass, log: impl Into<String>) -> Failure {
        let mut log = log.into();
        log.truncate(log.floor_char_boundary(LOG_BYTES_MAX));
        Failure { class, log }
    }
}

/// A failure as it is remembered of a job.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct FailureEntry {
    pub ago_ms: u64,
    pub worker: WorkerId,
    pub operator: NodeKey,
    /// The first tile-pass of the lease by its frame and tile; none of a check.
    pub tile: Option<(FrameNumber, u32)>,
    pub failure: Failure,
}

/// Answers to the question what failed of a job: an entry each, oldest first, then the stream's end.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum LogReply {
    Entry(FailureEntry),
    Refused(JobRefusal),
}

/// What a job may be held back by. [`Dimension::Nothing`] stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub enum Dimension {
    Nothing,
    Ended,
    Upload,
    Paused,
    Dependency,
    Workers,
    Tags,
    Operators,
    Pool,
    Mode,
    Blocked,
    Resting,
    Asleep,
    Drained,
    Checks,
    Referee,
    Share,
    Held,
    Shortage,
}

impl std::fmt::Display for Dimension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Dimension::Nothing => "nothing",
            Dimension::Ended => "ended",
            Dimension::Upload => "upload",
            Dimension::Paused => "paused",
            Dimension::Dependency => "dependency",
            Dimension::Workers => "workers",
            Dimension::Tags => "tags",
            Dimension::Operators => "operators",
            Dimension::Pool => "pool",
            Dimension::Mode => "mode",
            Dimension::Blocked => "blocked",
            Dimension::Resting => "resting",
            Dimension::Asleep => "asleep",
            Dimension::Drained => "drained",
            Dimension::Checks => "checks",
            Dimension::Referee => "referee",
            Dimension::Share => "share",
            Dimension::Held => "held",
            Dimension::Shortage => "shortage",
        })
    }
}

/// One thing that holds a job back, in a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Reason {
    pub dimension: Dimension,
    pub sentence: String,
}

/// Answer to the question what holds a job back.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WhyReply {
    Reasons(Vec<Reason>),
    Refused(JobRefusal),
}

message!(OrderReply, 1 << 10);
message!(LogReply, 16 << 10);
message!(WhyReply, 64 << 10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_become_the_fewest_ranges() {
        let shown = |frames: &[u32]| {
            let frames: Vec<_> = frames.iter().copied().map(FrameNumber).collect();
            let ranges = FrameRange::of(&frames);
            assert!(frames.iter().all(|frame| ranges.iter().any(|range| range.contains(*frame))));
            ranges.iter().map(|range| (range.first.0, range.last.0)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&[]), []);
        assert_eq!(shown(&[1, 2, 3, 5, 7, 8]), [(1, 3), (5, 5), (7, 8)]);
        assert_eq!(shown(&[u32::MAX - 1, u32::MAX]), [(u32::MAX - 1, u32::MAX)]);
    }

    #[test]
    fn a_long_log_is_cut_between_characters() {
        let failure = Failure::new(FailureClass::Node, "ü".repeat(LOG_BYTES_MAX));
        assert_eq!(failure.log.len(), LOG_BYTES_MAX);
        let odd = Failure::new(FailureClass::Node, "x".to_owned() + &"ü".repeat(LOG_BYTES_MAX));
        assert_eq!(odd.log.len(), LOG_BYTES_MAX - 1);
    }
}
