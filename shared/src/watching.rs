//! What a terminal is told of a job while it renders: its frames and tiles, how far each is, its picture so far; and the farm's
//! log. Shapes and bounds alone; decides nothing.

use crate::ids::{FrameNumber, WorkerId};
use crate::message;
use crate::messages::{JobRefusal, TEXT_BYTES_MAX};

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

/// Most tiles in one [`TilesReply::Tiles`].
pub const TILES_MAX: usize = 1024;
/// Tile-passes of a frame whose tiles are told: looking through more would hold up the farm.
pub const TILE_PASSES_MAX: u64 = 1 << 19;
/// Most pixels of a picture's side.
pub const PICTURE_SIDE_PX_MAX: u32 = 2048;
/// Farthest that a picture is brightened or darkened, in hundredths of a stop.
pub const CENTISTOPS_MAX: i32 = 3200;
/// Most lines of the farm's log in one answer.
pub const LOG_LINES_MAX: usize = 256;

/// How far a tile is, by its pass in hand that is furthest behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub enum TileStage {
    /// Nobody holds a pass of it; some may be accepted.
    Waiting,
    Leased,
    /// Its pixels are there, a check is owed.
    Delivered,
    Checking,
    /// Contradicted; the referee decides.
    Disputed,
    Accepted,
}

/// Whose word an accepted tile stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub enum TileWord {
    Nobody,
    Worker,
    /// The scheduler's own, or that of a worker whom the farm's owner trusts.
    Referee,
}

/// A tile over all of its passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct TileStatus {
    pub stage: TileStage,
    pub passes_done: u32,
    /// Who has its latest pass in hand, or else rendered it.
    pub worker: Option<WorkerId>,
    /// Of its latest accepted pass.
    pub word: Option<TileWord>,
}

/// How a frame is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct TileGrid {
    pub columns: u32,
    pub rows: u32,
    /// Of every tile.
    pub passes: u32,
    pub width_px: u32,
    pub height_px: u32,
    pub tile_px: u32,
}

/// Answers to [`crate::messages::Request::Tiles`]: the grid, the tiles row by row from the left upper corner, then the stream's
/// end.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum TilesReply {
    Grid(TileGrid),
    /// At most [`TILES_MAX`].
    Tiles(Vec<TileStatus>),
    Refused(JobRefusal),
    /// The frame has more than [`TILE_PASSES_MAX`].
    TooMany {
        tile_passes: u64,
    },
}

/// How a frame is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct PictureWish {
    /// It is made smaller until it fits, and never larger; at most [`PICTURE_SIDE_PX_MAX`] each.
    pub width_px_max: u32,
    pub height_px_max: u32,
    /// Hundredths of a stop, at most [`CENTISTOPS_MAX`] either way.
    pub exposure_centistops: i32,
}

/// Answer to [`crate::messages::Request::Picture`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum PictureReply {
    /// So many pixels follow, row by row, four bytes each: sRGB, and 255, or 0 where there is no sample yet.
    Follows {
        width_px: u32,
        height_px: u32,
        finished: bool,
    },
    Refused(JobRefusal),
}

/// What a line of the farm's log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub enum LogKind {
    Job,
    /// A worker came or went.
    Worker,
    Failure,
    /// Who was found right or wrong, and what follows from it.
    Verdict,
}

/// A line of the farm's log.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct LogLine {
    /// Counts from 1 since the scheduler started.
    pub number: u64,
    pub ago_ms: u64,
    pub kind: LogKind,
    /// At most [`TEXT_BYTES_MAX`] bytes.
    pub text: String,
}

/// Answer to [`crate::messages::Request::Events`]: the newest lines behind the one that was asked for, at most
/// [`LOG_LINES_MAX`], oldest first.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct EventsReply {
    pub lines: Vec<LogLine>,
}

message!(TilesReply, 32 << 10);
message!(PictureReply, 64);
message!(EventsReply, 512 << 10);

impl LogLine {
    /// Keeps the beginning of a long text.
    pub fn new(number: u64, ago_ms: u64, kind: LogKind, mut text: String) -> LogLine {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        LogLine { number, ago_ms, kind, text }
    }
}
