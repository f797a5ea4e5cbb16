//! `tessera watch`: how far a job is, once or until it ends.

use tessera_shared::messages::{JobState, JobStatus};

use crate::args::WatchArguments;
use crate::console::{self, Reader};
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::progress::{self, Progress};

pub fn run(arguments: WatchArguments) -> Result<Outcome, Failure> {
    let mut last: Option<JobStatus> = None;
    let mut bar = Progress::new(arguments.json);
    super::with_client(&arguments.farm, async |client| {
        let mut watch = client.watch(arguments.job).await.or_exit(Exit::Farm)?;
        while let Some(status) = watch.next().await.or_exit(Exit::Farm)? {
            let reader = if arguments.wait { bar.status(&status) } else { Reader::Gone };
            last = Some(status);
            if reader == Reader::Gone {
                break;
            }
        }
        Ok(())
    })?;
    bar.finish();
    let Some(status) = last else {
        return Err(anyhow::anyhow!("the farm said nothing of {}; try again", arguments.job))
            .or_exit(Exit::Farm);
    };
    let line = match (arguments.json, arguments.wait) {
        (true, true) => None,
        (true, false) => Some(progress::status_json(&status).to_string()),
        (false, _) => Some(progress::sentence(&status)),
    };
    if let Some(line) = line {
        console::print(format_args!("{line}"));
    }
    if rings(arguments.bell, &status.state) {
        console::ring();
    }
    Ok(match status.state {
        JobState::Cancelled | JobState::Failed(_) => Outcome::Negative,
        JobState::Completed => Outcome::Done,
        // The connection ended before the job did, or nobody reads any more.
        JobState::Queued | JobState::Running | JobState::Paused | JobState::Waiting { .. } => {
            if arguments.wait { Outcome::Negative } else { Outcome::Done }
        }
    })
}

/// A bell is for the job's end: a connection that ended before it is no news of the job.
fn rings(wanted: bool, state: &JobState) -> bool {
    wanted && state.ended()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_is_for_a_jobs_end() {
        assert!(rings(true, &JobState::Completed) && rings(true, &JobState::Cancelled));
        assert!(!rings(true, &JobState::Running) && !rings(true, &JobState::Paused));
        assert!(!rings(false, &JobState::Completed));
    }
}
