//! Looking at a job while it renders: how far its frames and tiles are, and its picture so far; and at the farm's log.

use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::Request;
use tessera_shared::watching::{
    EventsReply, FRAMES_MAX, FrameStatus, FramesReply, LogLine, PICTURE_SIDE_PX_MAX, PictureReply,
    PictureWish, TILE_PASSES_MAX, TileGrid, TileStatus, TilesReply,
};
use tessera_transport::frames::{ReadError, read_message};

use super::{Client, ClientError};

/// Some of a job's frames.
#[derive(Clone, Debug)]
pub struct FramePage {
    /// In the job's order.
    pub frames: Vec<FrameStatus>,
    /// What to ask for behind them; none at the job's end.
    pub next: Option<FrameNumber>,
}

/// A frame's tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mosaic {
    pub grid: TileGrid,
    /// As many as the grid has, row by row from the left upper corner.
    pub tiles: Vec<TileStatus>,
}

/// What is accepted of a frame, made to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub width_px: u32,
    pub height_px: u32,
    pub finished: bool,
    /// Row by row, four bytes each: sRGB, and 255, or 0 where there is no sample yet.
    pub rgba: Vec<u8>,
}

impl Client {
    /// The frames behind `after` in the job's order, or from its first; as many as one answer holds.
    pub async fn frames(&self, job: JobId, after: Option<FrameNumber>) -> Result<FramePage, ClientError> {
        let (_send, mut recv) = self.request(&Request::Frames { job, after }).await?;
        let (frames, next) = match read_message(&mut recv).await? {
            FramesReply::Page { frames, next } => (frames, next),
            FramesReply::Refused(refusal) => return Err(ClientError::Job { job, refusal }),
        };
        // Ascending pages come to an end, whatever the farm says.
        let ascending = frames.is_sorted_by(|a, b| a.frame < b.frame)
            && after.is_none_or(|after| frames.iter().all(|status| after < status.frame))
            && next.is_none_or(|next| frames.last().is_some_and(|last| last.frame == next));
        match ascending && frames.len() <= FRAMES_MAX {
            true => Ok(FramePage { frames, next }),
            false => Err(ClientError::Answer("a page of frames out of order".to_owned())),
        }
    }

    /// How far a frame's tiles are.
    pub async fn tiles(&self, job: JobId, frame: FrameNumber) -> Result<Mosaic, ClientError> {
        let (_send, mut recv) = self.request(&Request::Tiles { job, frame }).await?;
        let out_of_turn = || ClientError::Answer("tiles out of turn".to_owned());
        let grid = match read_message(&mut recv).await? {
            TilesReply::Grid(grid) => grid,
            TilesReply::Tiles(_) => return Err(out_of_turn()),
            TilesReply::Refused(refusal) => return Err(ClientError::Job { job, refusal }),
            TilesReply::TooMany { tile_passes } => return Err(ClientError::TooManyTiles { tile_passes }),
        };
        let count = u64::from(grid.columns) * u64::from(grid.rows);
        if count > TILE_PASSES_MAX || count == 0 || grid.width_px == 0 || grid.height_px == 0 {
            return Err(ClientError::Answer(format!("a frame of {count} tiles")));
        }
        let mut tiles = Vec::new();
        loop {
            match read_message(&mut recv).await {
                Ok(TilesReply::Tiles(more)) if (tiles.len() + more.len()) as u64 <= count => {
                    tiles.extend(more)
                }
                Ok(_) => return Err(out_of_turn()),
                Err(ReadError::Ended) if tiles.len() as u64 == count => return Ok(Mosaic { grid, tiles }),
                Err(ReadError::Ended) => return Err(out_of_turn()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What is accepted of a frame of a job of one's own, or of any with a wrangler link.
    pub async fn picture(
        &self,
        job: JobId,
        frame: FrameNumber,
        wish: PictureWish,
    ) -> Result<Picture, ClientError> {
        let (_send, mut recv) = self.request(&Request::Picture { job, frame, wish }).await?;
        let (width_px, height_px, finished) = match read_message(&mut recv).await? {
            PictureReply::Follows { width_px, height_px, finished } => (width_px, height_px, finished),
            PictureReply::Refused(refusal) => return Err(ClientError::Job { job, refusal }),
        };
        let sides = [(width_px, wish.width_px_max), (height_px, wish.height_px_max)];
        let fits = |(side, most): (u32, u32)| (1..=most.clamp(1, PICTURE_SIDE_PX_MAX)).contains(&side);
        if !sides.into_iter().all(fits) {
            return Err(ClientError::Answer(format!("a picture of {width_px}×{height_px} pixels")));
        }
        let mut rgba = vec![0; width_px as usize * height_px as usize * 4];
        recv.read_exact(&mut rgba).await.map_err(|error| ClientError::Lost(error.to_string()))?;
        Ok(Picture { width_px, height_px, finished, rgba })
    }

    /// The newest lines of the farm's log behind the one with this number, oldest first.
    pub async fn events(&self, after: u64) -> Result<Vec<LogLine>, ClientError> {
        let (_send, mut recv) = self.request(&Request::Events { after }).await?;
        let EventsReply { lines } = read_message(&mut recv).await?;
        Ok(lines)
    }
}
