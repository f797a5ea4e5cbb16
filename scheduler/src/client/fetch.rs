//! Fetching finished frames as integer films, and the manifest of a job of one's own.

use quinn::RecvStream;
use tessera_shared::film::{FILM_PIXEL_BYTES, Film, FilmPixel};
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::{FetchReply, FrameHead, ManifestReply, Request};
use tessera_shared::package::Manifest;
use tessera_shared::package::manifest::MANIFEST_BYTES_MAX;
use tessera_transport::frames::read_message;

use super::{Client, ClientError};

/// Largest scale of a film, as packages are held to.
const FILM_SCALE_LOG2_MAX: u32 = 40;

/// A finished frame.
#[derive(Clone, Debug)]
pub struct Frame {
    pub head: FrameHead,
    pub film: Film,
}

impl Client {
    /// The manifest of a job of one's own: its frames and settings.
    pub async fn manifest(&self, job: JobId) -> Result<Manifest, ClientError> {
        let (_send, mut recv) = self.request(&Request::Manifest { job }).await?;
        let bytes = match read_message(&mut recv).await? {
            ManifestReply::Follows { bytes } => bytes,
            ManifestReply::Refused(refusal) => return Err(ClientError::Job { job, refusal }),
        };
        let length = usize::try_from(bytes).ok().filter(|bytes| *bytes <= MANIFEST_BYTES_MAX);
        let length = length.ok_or_else(|| ClientError::Answer(format!("a manifest of {bytes} bytes")))?;
        let mut encoded = vec![0u8; length];
        recv.read_exact(&mut encoded).await.map_err(|error| ClientError::Lost(error.to_string()))?;
        Manifest::decode(&encoded).map_err(|error| ClientError::Answer(error.to_string()))
    }

    /// A finished frame of a job of one's own.
    pub async fn fetch_frame(&self, job: JobId, frame: FrameNumber) -> Result<Frame, ClientError> {
        let (_send, mut recv) = self.request(&Request::Fetch { job, frame }).await?;
        let head = match read_message(&mut recv).await? {
            FetchReply::Follows(head) => head,
            FetchReply::Refused(refusal) => return Err(ClientError::Job { job, refusal }),
        };
        let grid = Grid::new(head.grid.width_px, head.grid.height_px, head.grid.tile_px);
        grid.map_err(|error| ClientError::Answer(error.to_string()))?;
        if head.film_scale_log2 > FILM_SCALE_LOG2_MAX {
            return Err(ClientError::Answer(format!("a film of scale 2^{}", head.film_scale_log2)));
        }
        let film = read_film(&mut recv, &head).await?;
        Ok(Frame { head, film })
    }
}

/// Reads pixel rows as they come, so that memory grows with what has arrived.
async fn read_film(recv: &mut RecvStream, head: &FrameHead) -> Result<Film, ClientError> {
    let (width, height) = (head.grid.width_px as usize, head.grid.height_px as usize);
    let mut pixels = Vec::new();
    let mut row = vec![0u8; width * FILM_PIXEL_BYTES];
    for _ in 0..height {
        recv.read_exact(&mut row).await.map_err(|error| ClientError::Lost(error.to_string()))?;
        pixels.extend(row.as_chunks().0.iter().map(FilmPixel::from_wire));
    }
    Ok(Film {
        width_px: head.grid.width_px,
        height_px: head.grid.height_px,
        scale_log2: head.film_scale_log2,
        pixels,
        rays: head.rays,
    })
}
