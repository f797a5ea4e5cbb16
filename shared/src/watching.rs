//! What a terminal is told of a job while it renders: its frames and how far each is. Shapes and bounds alone; decides
//! nothing.

use crate::ids::FrameNumber;
use crate::message;
use crate::messages::JobRefusal;

/// Most frames in one answer; the client asks again for the rest.
pub const FRAMES_MAX: usize = 1024;

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub enum FrameState {
    /// Nothing of it was lent yet.
    Waiting,
    Rendering,
    /// It can be fetched.
    Finished,
}

/// A frame as `watch` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct FrameStatus {
    pub frame: FrameNumber,
    pub state: FrameState,
    /// Tile-passes: accepted, and of the frame.
    pub tiles_done: u64,
    pub tiles_total: u64,
    /// Tile-passes that were accepted, then doubted and rendered again.
    pub overturned: u64,
}

/// Answer to [`crate::messages::Request::Frames`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum FramesReply {
    /// At most [`FRAMES_MAX`], in the job's order. `next` is what to ask for behind them; none at the job's end.
    Page {
        frames: Vec<FrameStatus>,
        next: Option<FrameNumber>,
    },
    Refused(JobRefusal),
}

message!(FramesReply, 64 << 10);
