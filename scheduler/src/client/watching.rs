//! Looking at a job while it renders: how far its frames are.

use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::Request;
use tessera_shared::watching::{FRAMES_MAX, FrameStatus, FramesReply};
use tessera_transport::frames::read_message;

use super::{Client, ClientError};

/// Some of a job's frames.
#[derive(Clone, Debug)]
pub struct FramePage {
    /// In the job's order.
    pub frames: Vec<FrameStatus>,
    /// What to ask for behind them; none at the job's end.
    pub next: Option<FrameNumber>,
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
}
