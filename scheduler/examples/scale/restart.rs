//! How long a scheduler that was killed takes until it answers again, with how much in its journal. The killed one gets no chance to
//! tidy: SIGKILL, at the moment when the asked number of tiles is accepted.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tessera_scheduler::client::Client;
use tessera_scheduler::{Identity, JobOptions};

use crate::{FRAME_TILES, Plan, Served, load, package};

/// Workers that fill the journal.
const WORKERS: u32 = 16;

/// Prints the journal's bytes, tiles and seconds of each round.
pub async fn run(plan: &Plan) -> Result<()> {
    println!("tiles accepted  journal MiB  s until it serves  s until the job's state is told");
    for _ in 0..plan.rounds {
        round(plan).await?;
    }
    Ok(())
}

async fn round(plan: &Plan) -> Result<()> {
    let data = tempfile::tempdir_in(&plan.data)?;
    let mut served = Served::start(plan.lease, data.path())?;
    let identity = Identity::ephemeral()?;
    let artist = Client::connect(&served.artist, &identity).await?;
    // More than is waited for, so that the job is under way at the end.
    let options = JobOptions { verify: plan.verify, ..JobOptions::default() };
    let job = artist.submit(&package(plan.tiles.div_ceil(FRAME_TILES) + 1)?, options, |_| {}).await?;
    let load = load::Load::connect(&served.worker, WORKERS).await?;
    let mut watch = artist.watch(job).await?;
    let mut accepted = 0;
    while let Some(status) = watch.next().await? {
        accepted = status.tiles_done;
        if accepted >= u64::from(plan.tiles) {
            break;
        }
    }
    ensure!(accepted >= u64::from(plan.tiles), "the job ended at {accepted} tiles");
    served.child.kill()?;
    served.child.wait()?;
    drop(load.end());
    let journal = std::fs::read_dir(data.path().join("journal"))?;
    let bytes: u64 = journal.map(|entry| Ok(entry?.metadata()?.len())).sum::<std::io::Result<u64>>()?;

    let start = Instant::now();
    served = Served::start(plan.lease, data.path())?;
    let serves_s = start.elapsed().as_secs_f64();
    let artist = Client::connect(&served.artist, &identity).await?;
    let status = artist.watch(job).await?.next().await?.context("a job that is under way has a status")?;
    let told_s = start.elapsed().as_secs_f64();
    // What is told to a watcher is durable.
    ensure!(status.tiles_done >= accepted, "{} of {accepted} tiles survived", status.tiles_done);
    println!("{:14}  {:11.1}  {serves_s:17.2}  {told_s:31.2}", status.tiles_done, bytes as f64 / 1048576.0);
    artist.close().await;
    Ok(())
}
