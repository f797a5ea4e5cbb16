//! `tessera watch`: how far a job is, once or until it ends.

use tessera_shared::messages::{JobState, JobStatus};

use crate::args::WatchArguments;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::progress::{self, Progress};

pub fn run(arguments: WatchArguments) -> Result<Outcome, Failure> {
    let mut last: Option<JobStatus> = None;
    let mut bar = Progress::new(arguments.json);
    super::with_client(&arguments.farm, async |client| {
        let mut watch = client.watch(arguments.job).await.or_exit(Exit::Farm)?;
        while let Some(status) = watch.next().await.or_exit(Exit::Farm)? {
            if arguments.wait {
                bar.status(&status);
            }
            let first = last.is_none();
            last = Some(status);
            if first && !arguments.wait {
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
    match (arguments.json, arguments.wait) {
        (true, true) => {}
        (true, false) => println!("{}", progress::status_json(&status)),
        (false, _) => println!("{}", progress::sentence(&status)),
    }
    Ok(match status.state {
        JobState::Cancelled | JobState::Failed(_) => Outcome::Negative,
        JobState::Completed => Outcome::Done,
        // The connection ended before the job did.
        JobState::Queued | JobState::Running if arguments.wait => Outcome::Negative,
        JobState::Queued | JobState::Running => Outcome::Done,
    })
}
