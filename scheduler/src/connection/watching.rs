//! What a terminal is told of a job while it renders. How far things are is for every artist to see, as in the lists.

use quinn::SendStream;
use tessera_scheduler_core::Core;
use tessera_scheduler_core::mosaic::FrameView;
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::JobRefusal;
use tessera_shared::watching::{FRAMES_MAX, FrameState, FrameStatus, FramesReply};

use super::{ConnectionEnd, Farm};

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
