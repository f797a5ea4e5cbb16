//! `tessera pause`, `resume`, `requeue`, `priority`, `drain` and `undrain`.

use anyhow::anyhow;
use tessera_scenes::shot::parse_frames;
use tessera_shared::control::{FRAME_RANGES_MAX, FrameRange, JobOrder, WorkerOrder};
use tessera_shared::ids::JobId;

use crate::args::{DrainArguments, FarmArguments, JobArguments, PriorityArguments, RequeueArguments};
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};

pub fn pause(arguments: &JobArguments) -> Result<Outcome, Failure> {
    let said = format!("{} paused; what is in hand is finished", arguments.job);
    order(&arguments.farm, arguments.job, JobOrder::Pause, &said)
}

pub fn resume(arguments: &JobArguments) -> Result<Outcome, Failure> {
    order(&arguments.farm, arguments.job, JobOrder::Resume, &format!("{} goes on", arguments.job))
}

pub fn priority(arguments: &PriorityArguments) -> Result<Outcome, Failure> {
    let said = format!("{} has priority {}", arguments.job, arguments.priority);
    order(&arguments.farm, arguments.job, JobOrder::Prioritise(arguments.priority), &said)
}

pub fn requeue(arguments: &RequeueArguments) -> Result<Outcome, Failure> {
    let ranges = FrameRange::of(&parse_frames(&arguments.frames).or_exit(Exit::Usage)?);
    if ranges.len() > FRAME_RANGES_MAX {
        let count = ranges.len();
        return Err(anyhow!("frames in {count} ranges; give at most {FRAME_RANGES_MAX} at once"))
            .or_exit(Exit::Usage);
    }
    let said = format!("{}: frames {} are rendered anew", arguments.job, arguments.frames);
    order(&arguments.farm, arguments.job, JobOrder::Requeue(ranges), &said)
}

pub fn drain(arguments: &DrainArguments, order: WorkerOrder) -> Result<Outcome, Failure> {
    let worker = arguments.worker;
    super::with_client(&arguments.farm, async |client| {
        client.order_worker(worker, order).await.or_exit(Exit::Farm)
    })?;
    match order {
        WorkerOrder::Drain => {
            console::note(format_args!("{worker} finishes what it holds and gets nothing more"))
        }
        WorkerOrder::Undrain => console::note(format_args!("{worker} works again")),
    };
    Ok(Outcome::Done)
}

fn order(farm: &FarmArguments, job: JobId, order: JobOrder, said: &str) -> Result<Outcome, Failure> {
    super::with_client(farm, async |client| client.order(job, order).await.or_exit(Exit::Farm))?;
    console::note(format_args!("{said}"));
    Ok(Outcome::Done)
}
