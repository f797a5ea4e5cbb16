//! A job's frames and a frame's tiles over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tessera_scheduler_core::Core;
use tessera_shared::ids::{FrameNumber, JobId, TileIndex};
use tessera_shared::messages::JobRefusal;

use super::Site;
use super::extract::{Path, Query};
use super::json::{Frame, FrameList, TileList};
use super::problem::Problem;
use super::token::Bearer;

/// Frames of a page.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;
/// Tile-passes of a frame whose tiles are told one by one: looking through more would hold up the farm.
const TILE_PASSES_MAX: u64 = 1 << 19;

/// Which page of the frames.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Behind this frame.
    after: Option<u32>,
    /// Of the page, at most 1000; 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A job's frames in its order.
#[utoipa::path(get, path = "/api/v1/jobs/{job}/frames", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1), Page), responses(
    (status = 200, description = "A page of frames", body = FrameList),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    _: Bearer,
    Path(job): Path<u64>,
    Query(page): Query<Page>,
) -> Result<Json<FrameList>, Problem> {
    let limit = super::jobs::limit(page.limit, LIMIT, LIMIT_MAX)?;
    let (job, after) = (JobId(job), page.after.map(FrameNumber));
    let frames = site.driver.question(move |core, _| {
        core.state().jobs.contains_key(&job).then(|| core.frames(job, after, limit))
    });
    let frames = frames.await?.ok_or(JobRefusal::Unknown)?;
    let next = if frames.len() == limit { frames.last().map(|view| view.frame.0) } else { None };
    Ok(Json(FrameList { frames: frames.into_iter().map(Frame::from).collect(), next }))
}

/// A frame's tiles.
#[utoipa::path(get, path = "/api/v1/jobs/{job}/frames/{frame}/tiles", tag = "jobs", params(
    ("job" = u64, Path, description = "The job's number", example = 1),
    ("frame" = u32, Path, description = "The frame's number", example = 1),
), responses(
    (status = 200, description = "All of the frame's tiles", body = TileList),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn tiles(
    State(site): State<Arc<Site>>,
    _: Bearer,
    Path((job, frame)): Path<(u64, u32)>,
) -> Result<Json<TileList>, Problem> {
    let (job, frame) = (JobId(job), FrameNumber(frame));
    site.driver.question(move |core, _| all_tiles(core, job, frame)).await?.map(Json)
}

fn all_tiles(core: &Core, job: JobId, frame: FrameNumber) -> Result<TileList, Problem> {
    let entry = core.state().jobs.get(&job).ok_or(JobRefusal::Unknown)?;
    entry.frame_index(frame).ok_or(JobRefusal::NoFrame)?;
    let shape = &entry.shape;
    if u64::from(shape.tile_passes) > TILE_PASSES_MAX {
        return Err(Problem::new(
            axum::http::StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the frame has {} tile-passes; of at most {TILE_PASSES_MAX} the tiles are told",
                shape.tile_passes
            ),
        ));
    }
    let (columns, rows) = shape.grid.tiles();
    let tiles = core.tiles(job, frame, (0..shape.tiles).map(TileIndex));
    Ok(TileList {
        frame: frame.0,
        columns,
        rows,
        passes: shape.passes(),
        tile_px: shape.grid.tile_px,
        width_px: shape.grid.width_px,
        height_px: shape.grid.height_px,
        tiles: tiles.into_iter().map(Into::into).collect(),
    })
}
