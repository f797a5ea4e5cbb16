//! `tessera watch`: how far a job is, once or until it ends; full-screen where there is a terminal.

use tessera_scheduler::client::Client;
use tessera_shared::ids::JobId;
use tessera_shared::messages::{JobState, JobStatus};

use super::lists;
use crate::args::{ListArguments, WatchArguments};
use crate::console::{self, Reader};
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::progress::{self, Progress};

pub fn run(arguments: WatchArguments) -> Result<Outcome, Failure> {
    if arguments.is_full_screen() {
        return crate::terminal::run(&arguments.farm, arguments.job);
    }
    let Some(job) = arguments.job else {
        return lists::jobs(&ListArguments { farm: arguments.farm, json: arguments.json });
    };
    let mut bar = Progress::new(arguments.json);
    let last = super::with_client(&arguments.farm, async |client| match arguments.wait {
        true => to_end(client, job, &mut bar).await,
        false => client.watch(job).await.or_exit(Exit::Farm)?.next().await.or_exit(Exit::Farm),
    })?;
    bar.finish();
    let status = heard(job, last)?;
    let line = match (arguments.json, arguments.wait) {
        (true, true) => None,
        (true, false) => Some(progress::status_json(&status).to_string()),
        (false, _) => Some(progress::sentence(&status)),
    };
    if let Some(line) = line {
        console::print(format_args!("{line}"));
    }
    ring(arguments.bell, &status.state);
    Ok(outcome(&status.state, arguments.wait))
}

/// Shows how far a job is until it ends or nobody reads any more; returns what was heard last.
pub async fn to_end(
    client: &Client,
    job: JobId,
    progress: &mut Progress,
) -> Result<Option<JobStatus>, Failure> {
    let mut watch = client.watch(job).await.or_exit(Exit::Farm)?;
    let mut last = None;
    while let Some(status) = watch.next().await.or_exit(Exit::Farm)? {
        let reader = progress.status(&status);
        last = Some(status);
        if reader == Reader::Gone {
            break;
        }
    }
    Ok(last)
}

/// The last status, which there has to be.
pub fn heard(job: JobId, last: Option<JobStatus>) -> Result<JobStatus, Failure> {
    last.ok_or_else(|| anyhow::anyhow!("the farm said nothing of {job}; try again")).or_exit(Exit::Farm)
}

/// How a command ends that has looked at a job, or waited for its end.
pub fn outcome(state: &JobState, waited: bool) -> Outcome {
    match state {
        JobState::Cancelled | JobState::Failed(_) => Outcome::Negative,
        JobState::Completed => Outcome::Done,
        // The connection ended before the job did, or nobody reads any more.
        JobState::Queued | JobState::Running | JobState::Paused | JobState::Waiting { .. } => {
            if waited {
                Outcome::Negative
            } else {
                Outcome::Done
            }
        }
    }
}

/// Rings the bell for a job that has ended, if one is wanted.
pub fn ring(wanted: bool, state: &JobState) {
    if rings(wanted, state) {
        console::ring();
    }
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
