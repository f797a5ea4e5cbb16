//! `tessera submit`: compiles a shot, uploads what the farm lacks, prints the job's id alone.

use anyhow::bail;
use tessera_scenes::shot::Verify as Wanted;
use tessera_scheduler::client::Client;
use tessera_shared::ids::JobId;
use tessera_shared::messages::{JobOptions, Verify};

use super::watch;
use crate::args::SubmitArguments;
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::progress::{Progress, UNSERVED, amount, sentence};
use crate::shot::compile_shot;

pub fn run(arguments: Box<SubmitArguments>) -> Result<Outcome, Failure> {
    let arguments = *arguments;
    if arguments.dry_run {
        return super::dry_run::run(arguments);
    }
    // Before the long work: a farm that is not named stays so.
    super::link(&arguments.farm).or_exit(Exit::Usage)?;
    let (shot, compiled) = compile_shot(&arguments.shot, arguments.keys)?;
    let verify = policy(shot.verify).or_exit(Exit::Usage)?;
    crate::receipt::write_package(arguments.package.as_deref(), &compiled.package).or_exit(Exit::Output)?;
    let (priority, mode, limits) = (shot.priority, shot.mode, shot.limits);
    let options = JobOptions { priority, verify, mode, limits, after: arguments.after };
    let mut sent = 0;
    super::with_client(&arguments.farm, async |client| {
        let job = client.submit(&compiled.package, options, |upload| sent = upload.bytes_sent).await;
        let job = job.or_exit(Exit::Farm)?;
        let status = client.watch(job).await.or_exit(Exit::Farm)?.next().await.or_exit(Exit::Farm)?;
        if status.is_some_and(|status| status.unserved) {
            console::note(format_args!("note: {job} waits: {UNSERVED}"));
        }
        let sent = amount(sent as f64);
        if !arguments.wait {
            console::note(format_args!("{sent}B sent; `tessera watch {job} --wait` follows the job"));
            console::print(format_args!("{job}"));
            return Ok(Outcome::Done);
        }
        console::note(format_args!("{sent}B sent"));
        console::print(format_args!("{job}"));
        wait(client, job, arguments.bell).await
    })
}

/// Follows the job to its end. Standard output has its id alone: all else is on standard error.
async fn wait(client: &Client, job: JobId, bell: bool) -> Result<Outcome, Failure> {
    let mut progress = Progress::new(false);
    let last = watch::to_end(client, job, &mut progress).await;
    progress.finish();
    let status = watch::heard(job, last?)?;
    console::note(format_args!("{}", sentence(&status)));
    watch::ring(bell, &status.state);
    Ok(watch::outcome(&status.state, true))
}

/// The farm's form of a job file's policy.
pub(super) fn policy(wanted: Wanted) -> anyhow::Result<Verify> {
    Ok(match wanted {
        Wanted::None => Verify::None,
        Wanted::Spot => Verify::Blocks(1),
        Wanted::Blocks(blocks) => Verify::Blocks(blocks),
        Wanted::Double => Verify::Double,
        Wanted::Confidence(probability) => {
            let wrong_ppm = ((1.0 - probability) * 1e6).round();
            if wrong_ppm < 1.0 {
                bail!("`verify`: confidence={probability}; at most 0.999999 is offered, else use double")
            }
            Verify::Confidence { wrong_ppm: wrong_ppm as u32 }
        }
    })
}
