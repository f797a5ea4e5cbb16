//! What a terminal is told of a job while it renders, and of the farm. How far things are and what happened is for every artist
//! to see, as in the lists; pictures are for the job's owner and the wrangler.

use quinn::SendStream;
use tessera_scheduler_core::Core;
use tessera_scheduler_core::api::Asker;
use tessera_scheduler_core::mosaic::{FrameView, TileProof, TileView};
use tessera_shared::display::Display;
use tessera_shared::ids::{FrameNumber, JobId, TileIndex};
use tessera_shared::messages::JobRefusal;
use tessera_shared::watching::{
    CENTISTOPS_MAX, EventsReply, FRAMES_MAX, FrameState, FrameStatus, FramesReply, LOG_LINES_MAX, LogKind,
    LogLine, PICTURE_SIDE_PX_MAX, PictureReply, PictureWish, TILE_PASSES_MAX, TILES_MAX, TileGrid,
    TileStatus, TileWord, TilesReply,
};
use tokio::sync::oneshot;

use super::{ConnectionEnd, Farm};
use crate::driver::Stopped;
use crate::feed::EntryKind;
use crate::films::Command;
use crate::films::view::Picture;

pub(super) async fn frames(
    farm: &Farm,
    mut send: SendStream,
    job: JobId,
    after: Option<FrameNumber>,
) -> Result<(), ConnectionEnd> {
    let reply = farm.question(move |core, _| page(core, job, after)).await?;
    farm.tell(&mut send, &reply).await
}

fn page(core: &Core, job: JobId, after: Option<FrameNumber>) -> FramesReply {
    if !core.state().jobs.contains_key(&job) {
        return FramesReply::Refused(JobRefusal::Unknown);
    }
    let frames: Vec<_> = core.frames(job, after, FRAMES_MAX).iter().map(frame_status).collect();
    let next = if frames.len() == FRAMES_MAX { frames.last().map(|last| last.frame) } else { None };
    FramesReply::Page { frames, next }
}

fn frame_status(view: &FrameView) -> FrameStatus {
    let state = match view.tiles_done == view.tiles_total {
        true => FrameState::Finished,
        false if view.begun => FrameState::Rendering,
        false => FrameState::Waiting,
    };
    let FrameView { frame, tiles_done, tiles_total, overturned, .. } = *view;
    FrameStatus { frame, state, tiles_done, tiles_total, overturned }
}

pub(super) async fn tiles(
    farm: &Farm,
    mut send: SendStream,
    job: JobId,
    frame: FrameNumber,
) -> Result<(), ConnectionEnd> {
    let (grid, tiles) = match farm.question(move |core, _| mosaic(core, job, frame)).await? {
        Ok(mosaic) => mosaic,
        Err(refusal) => return farm.tell(&mut send, &refusal).await,
    };
    farm.tell(&mut send, &TilesReply::Grid(grid)).await?;
    for tiles in tiles.chunks(TILES_MAX) {
        farm.tell(&mut send, &TilesReply::Tiles(tiles.to_vec())).await?;
    }
    Ok(())
}

fn mosaic(core: &Core, job: JobId, frame: FrameNumber) -> Result<(TileGrid, Vec<TileStatus>), TilesReply> {
    let refused = |refusal| move || TilesReply::Refused(refusal);
    let entry = core.state().jobs.get(&job).ok_or_else(refused(JobRefusal::Unknown))?;
    entry.frame_index(frame).ok_or_else(refused(JobRefusal::NoFrame))?;
    let shape = &entry.shape;
    let tile_passes = u64::from(shape.tile_passes);
    if tile_passes > TILE_PASSES_MAX {
        return Err(TilesReply::TooMany { tile_passes });
    }
    let (columns, rows) = shape.grid.tiles();
    let (passes, tile_px) = (shape.passes(), shape.grid.tile_px);
    let (width_px, height_px) = (shape.grid.width_px, shape.grid.height_px);
    let tiles = core.tiles(job, frame, (0..shape.tiles).map(TileIndex));
    let grid = TileGrid { columns, rows, passes, width_px, height_px, tile_px };
    Ok((grid, tiles.iter().map(tile_status).collect()))
}

fn tile_status(view: &TileView) -> TileStatus {
    let word = view.proof.map(|proof| match proof {
        TileProof::Unverified => TileWord::Nobody,
        TileProof::Operator(_) => TileWord::Worker,
        TileProof::Referee | TileProof::Trusted(_) => TileWord::Referee,
    });
    TileStatus { stage: view.stage, passes_done: view.passes_done, worker: view.worker, word }
}

pub(super) async fn picture(
    farm: &Farm,
    mut send: SendStream,
    by: Asker,
    job: JobId,
    (frame, wish): (FrameNumber, PictureWish),
) -> Result<(), ConnectionEnd> {
    let (picture, finished) = match draw(farm, by, job, (frame, wish)).await? {
        Ok(drawn) => drawn,
        Err(refusal) => return farm.tell(&mut send, &PictureReply::Refused(refusal)).await,
    };
    let Picture { width_px, height_px, rgba } = picture;
    farm.tell(&mut send, &PictureReply::Follows { width_px, height_px, finished }).await?;
    let written = farm.patient(rgba.len() as u64, "a picture", send.write_all(&rgba)).await?;
    written.map_err(|error| ConnectionEnd::Write(error.into()))
}

/// The frame as it is now, and whether it is finished.
async fn draw(
    farm: &Farm,
    by: Asker,
    job: JobId,
    (frame, wish): (FrameNumber, PictureWish),
) -> Result<Result<(Picture, bool), JobRefusal>, ConnectionEnd> {
    let owner = farm.question(move |core, _| core.state().jobs.get(&job).map(|job| job.spec.owner)).await?;
    match (owner, by) {
        (None, _) => return Ok(Err(JobRefusal::Unknown)),
        (Some(owner), Asker::Artist(key)) if owner != key => return Ok(Err(JobRefusal::Foreign)),
        (Some(_), Asker::Artist(_) | Asker::Wrangler) => {}
    }
    let _one_at_once = farm.drawing.acquire().await.map_err(|_| Stopped)?;
    let (reply, answer) = oneshot::channel();
    let command = Command::View { job, frame, tile: None, reply };
    farm.films.send(command).await.map_err(|_| Stopped)?;
    let glance = match answer.await.map_err(|_| Stopped)? {
        Ok(glance) => glance,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let drawn = tokio::task::spawn_blocking(move || {
        let centistops = wish.exposure_centistops.clamp(-CENTISTOPS_MAX, CENTISTOPS_MAX);
        let display = Display::new(f64::from(centistops) / 100.0);
        let [width, height] = [wish.width_px_max, wish.height_px_max].map(|px| px.min(PICTURE_SIDE_PX_MAX));
        let view = glance.read()?;
        Ok::<_, std::io::Error>((view.fitted(width, height, &display), view.finished))
    });
    Ok(drawn.await.map_err(|_| Stopped)?.map_err(|error| {
        tracing::error!(%job, %frame, %error, "a frame cannot be shown");
        JobRefusal::Storage
    }))
}

pub(super) async fn events(farm: &Farm, mut send: SendStream, after: u64) -> Result<(), ConnectionEnd> {
    let lines = farm.feed.lines(after, LOG_LINES_MAX);
    let now_ms = farm.question(|_, now_ms| now_ms).await?;
    let line = |(number, entry): crate::feed::Line| {
        let kind = match entry.kind {
            EntryKind::Job => LogKind::Job,
            EntryKind::Joined | EntryKind::Left => LogKind::Worker,
            EntryKind::Failed => LogKind::Failure,
            EntryKind::Verdict
            | EntryKind::Quarantine
            | EntryKind::Ban
            | EntryKind::Overruled
            | EntryKind::Overturned
            | EntryKind::Inconclusive
            | EntryKind::TooFast => LogKind::Verdict,
        };
        LogLine::new(number, now_ms.saturating_sub(entry.at_ms), kind, entry.text)
    };
    farm.tell(&mut send, &EventsReply { lines: lines.into_iter().map(line).collect() }).await
}
