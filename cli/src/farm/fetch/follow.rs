//! `tessera fetch --follow`: which frames of a job to write next, until the job has ended. Writes none itself.

use std::collections::BTreeMap;
use std::path::Path;

use tessera_scheduler::client::Client;
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::JobStatus;
use tessera_shared::watching::{FrameState, FrameStatus};

use super::Writer;
use crate::failure::{Exit, Failure, OrExit};
use crate::farm::watch;
use crate::receipt::ReceiptFile;

/// What was written, and how to tell that there is more.
#[derive(Debug, Default)]
struct Ledger {
    /// With the number of its tile-passes that had been overturned by then.
    written: BTreeMap<FrameNumber, u64>,
    /// Everything up to this frame is written.
    whole_to: Option<FrameNumber>,
    /// Of the job, when it was last looked through.
    overturned: u64,
    /// A frame came again after it had been written.
    amended: bool,
}

/// Writes frames as they finish until the job ends; returns those that are written, ascending. `receipt` is the file of the
/// writer's receipt, if it writes one.
pub(super) async fn run(
    writer: &mut Writer<'_>,
    receipt: Option<&Path>,
) -> Result<Vec<FrameNumber>, Failure> {
    let (client, job) = (writer.client, writer.job);
    let mut statuses = client.watch(job).await.or_exit(Exit::Farm)?;
    let (mut ledger, mut last) = (Ledger::default(), None);
    while let Some(status) = statuses.next().await.or_exit(Exit::Farm)? {
        writer.progress.status(&status);
        if ledger.is_behind(&status) {
            for frame in due(&mut ledger, client, job).await? {
                if ledger.amended {
                    // A receipt takes a frame once: it is made anew at the end.
                    writer.receipt = None;
                }
                if writer.write(frame.frame).await?.is_none() {
                    ledger.written.insert(frame.frame, frame.overturned);
                }
            }
        }
        last = Some(status);
    }
    watch::heard(job, last)?;
    if ledger.amended
        && let Some(path) = receipt
    {
        writer.receipt = Some(ReceiptFile::begin(path).or_exit(Exit::Output)?);
        return Ok(Vec::new());
    }
    Ok(ledger.written.into_keys().collect())
}

/// Finished frames that are not written as they are now. Behind the frames that have begun nothing is looked for.
async fn due(ledger: &mut Ledger, client: &Client, job: JobId) -> Result<Vec<FrameStatus>, Failure> {
    let (mut due, mut after, mut whole) = (Vec::new(), ledger.whole_to, true);
    loop {
        let page = client.frames(job, after).await.or_exit(Exit::Farm)?;
        let none_begun = page.frames.iter().all(|frame| frame.state == FrameState::Waiting);
        for frame in page.frames {
            let wanted = ledger.wants(&frame);
            whole &= frame.state == FrameState::Finished && !wanted;
            if whole {
                ledger.whole_to = Some(frame.frame);
            }
            due.extend(wanted.then_some(frame));
        }
        after = page.next;
        if none_begun || after.is_none() {
            return Ok(due);
        }
    }
}

impl Ledger {
    /// The status tells of frames that are not written, or no longer as they are now.
    fn is_behind(&mut self, status: &JobStatus) -> bool {
        let done = status.frames_done as usize;
        let looks_back =
            status.tiles_overturned != self.overturned || status.state.ended() || done < self.written.len();
        if looks_back {
            self.overturned = status.tiles_overturned;
            self.whole_to = None;
        }
        looks_back || done > self.written.len()
    }

    /// Takes note of a frame; tells whether it is to be written.
    fn wants(&mut self, frame: &FrameStatus) -> bool {
        if frame.state != FrameState::Finished {
            self.amended |= self.written.remove(&frame.frame).is_some();
            return false;
        }
        match self.written.get(&frame.frame) {
            None => true,
            Some(overturned) if *overturned == frame.overturned => false,
            Some(_) => {
                self.amended = true;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u32, state: FrameState, overturned: u64) -> FrameStatus {
        FrameStatus { frame: FrameNumber(number), state, tiles_done: 0, tiles_total: 4, overturned }
    }

    #[test]
    fn a_frame_is_written_once_and_again_when_it_was_rendered_anew() {
        let mut ledger = Ledger::default();
        let wants = |ledger: &mut Ledger, state, overturned| {
            let frame = frame(1, state, overturned);
            let wanted = ledger.wants(&frame);
            if wanted {
                ledger.written.insert(frame.frame, frame.overturned);
            }
            (wanted, ledger.amended)
        };
        assert_eq!(wants(&mut ledger, FrameState::Waiting, 0), (false, false));
        assert_eq!(wants(&mut ledger, FrameState::Rendering, 0), (false, false));
        assert_eq!(wants(&mut ledger, FrameState::Finished, 0), (true, false));
        assert_eq!(wants(&mut ledger, FrameState::Finished, 0), (false, false));
        // Overturned and finished again between two looks.
        assert_eq!(wants(&mut ledger, FrameState::Finished, 2), (true, true));
        // Requeued.
        ledger.amended = false;
        assert_eq!(wants(&mut ledger, FrameState::Rendering, 2), (false, true));
        assert_eq!(wants(&mut ledger, FrameState::Finished, 2), (true, true));
    }
}
