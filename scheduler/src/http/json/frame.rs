//! A job's frames and a frame's tiles as the HTTP interface shows them.

use serde::Serialize;
use tessera_scheduler_core::mosaic::{FrameView, TileProof, TileView};

use super::hex;
use tessera_shared::watching::TileStage;

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FrameState {
    Waiting,
    Rendering,
    Finished,
}

/// A frame of a job.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Frame {
    frame: u32,
    state: FrameState,
    /// Tile-passes: accepted, and of the frame.
    tiles_done: u64,
    tiles_total: u64,
    /// Tile-passes that were accepted, then doubted and rendered again.
    overturned: u64,
    rays: u64,
}

impl From<FrameView> for Frame {
    fn from(view: FrameView) -> Frame {
        let state = match view.tiles_done == view.tiles_total {
            true => FrameState::Finished,
            false if view.begun => FrameState::Rendering,
            false => FrameState::Waiting,
        };
        Frame {
            frame: view.frame.0,
            state,
            tiles_done: view.tiles_done,
            tiles_total: view.tiles_total,
            overturned: view.overturned,
            rays: view.rays,
        }
    }
}

/// A page of frames in the job's order.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct FrameList {
    pub frames: Vec<Frame>,
    /// Ask with `after` this for the next page.
    #[schema(required)]
    pub next: Option<u32>,
}

/// Where a tile is, by its pass in hand that is furthest behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TileState {
    Waiting,
    Leased,
    Delivered,
    Checking,
    Disputed,
    Accepted,
}

/// Whose word a tile stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TileProofName {
    None,
    Worker,
    Referee,
}

/// A tile: its index, state, passes accepted, the worker that rendered its latest pass, whose word it stands on, and the
/// checker: an operator's key, or `referee`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Tile(pub u32, TileState, u32, Option<u64>, Option<TileProofName>, Option<String>);

impl From<TileView> for Tile {
    fn from(view: TileView) -> Tile {
        let state = match view.stage {
            TileStage::Waiting => TileState::Waiting,
            TileStage::Leased => TileState::Leased,
            TileStage::Delivered => TileState::Delivered,
            TileStage::Checking => TileState::Checking,
            TileStage::Disputed => TileState::Disputed,
            TileStage::Accepted => TileState::Accepted,
        };
        let (proof, checked_by) = match view.proof {
            None => (None, None),
            Some(TileProof::Unverified) => (Some(TileProofName::None), None),
            Some(TileProof::Operator(key)) => (Some(TileProofName::Worker), Some(hex(&key))),
            Some(TileProof::Trusted(key)) => (Some(TileProofName::Referee), Some(hex(&key))),
            Some(TileProof::Referee) => (Some(TileProofName::Referee), Some("referee".to_owned())),
        };
        Tile(view.tile.0, state, view.passes_done, view.worker.map(|worker| worker.0), proof, checked_by)
    }
}

/// All tiles of a frame, row-major from the top left.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct TileList {
    pub frame: u32,
    pub columns: u32,
    pub rows: u32,
    /// Of every tile.
    pub passes: u32,
    pub tile_px: u32,
    pub width_px: u32,
    pub height_px: u32,
    /// Each `[index, state, passes accepted, worker of the latest, whose word, checker]`: state is `waiting`, `leased`, `delivered`,
    /// `checking`, `disputed` or `accepted`; whose word is `none`, `worker` or `referee`; the checker is an operator's key or
    /// `referee`. The last three may be null.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    pub tiles: Vec<Tile>,
}
