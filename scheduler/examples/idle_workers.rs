//! What the farm itself costs: N connected workers answer every lease at once with pixels that nobody rendered.
//!
//! `cargo run --release -p tessera-scheduler --example idle_workers -- [WORKERS] [FRAMES] [TILE_PX]` prints tiles a second and
//! the scheduler's processor time a tile. The workers run in a child process, so that only the scheduler is measured.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tessera_scheduler::client::Client;
use tessera_scheduler::{
    Identity, JobOptions, JobState, Link, Referee, Role, SchedulerOptions, Verify, serve,
};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::film::BlockPixels;
use tessera_shared::grid::Grid;
use tessera_shared::lease::{BlockPass, Commit, Lease, Work};
use tessera_shared::messages::{Device, DeviceKind, Hello, ToWorker};
use tessera_shared::package::{Package, Settings};
use tessera_transport::dial::{Session, dial};
use tessera_transport::frames::{read_message, write_message};

const EDGE_PX: u32 = 1024;

/// Nothing is verified here, so nobody asks.
struct NoReferee;

impl Referee for NoReferee {
    fn render(&mut self, _: &Arc<Package>, _: &[BlockPass]) -> anyhow::Result<Vec<BlockPixels>> {
        anyhow::bail!("nothing is verified here")
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: u32| arguments.get(at).map_or(Ok(otherwise), |text| text.parse());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let [role, link, workers, tile_px] = &arguments[..]
        && role == "--workers"
    {
        return runtime.block_on(work(link.parse()?, workers.parse()?, tile_px.parse()?));
    }
    runtime.block_on(measure(number(0, 100)?, number(1, 4)?, number(2, 64)?))
}

async fn measure(workers: u32, frames: u32, tile_px: u32) -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let options = SchedulerOptions {
        data: data.path().to_owned(),
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        ..SchedulerOptions::default()
    };
    let scheduler = serve(options, Box::new(NoReferee)).await?;
    let artist = Client::connect(&scheduler.link(Role::Artist), &Identity::ephemeral()?).await?;
    let mut child = std::process::Command::new(std::env::current_exe()?)
        .args([
            "--workers",
            &scheduler.link(Role::Worker).to_string(),
            &workers.to_string(),
            &tile_px.to_string(),
        ])
        .spawn()?;
    while artist.workers().await?.len() < workers as usize {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (cpu, start) = (cpu_time()?, Instant::now());
    let options = JobOptions { verify: Verify::None, ..JobOptions::default() };
    let job = artist.submit(&package(frames, tile_px)?, options, |_| {}).await?;
    let mut watch = artist.watch(job).await?;
    let mut last = None;
    while let Some(status) = watch.next().await? {
        last = Some(status);
    }
    let (wall, cpu) = (start.elapsed(), cpu_time()? - cpu);
    child.kill()?;
    child.wait()?;
    let status = last.context("a job has a status")?;
    anyhow::ensure!(status.state == JobState::Completed, "{:?}", status.state);
    let tiles = status.tiles_done as f64;
    println!(
        "{workers} workers, {tiles} tiles of {tile_px} px: {:.0} tiles/s, {:.1} us of scheduler CPU a tile, {:.2} s",
        tiles / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / tiles,
        wall.as_secs_f64()
    );
    Ok(())
}

/// User and system time of this process so far.
fn cpu_time() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("this example needs Linux's /proc")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    // Fields 14 and 15 of proc(5), in ticks of 10 ms.
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

async fn work(link: Link, workers: u32, tile_px: u32) -> anyhow::Result<()> {
    let grid = Grid::new(EDGE_PX, EDGE_PX, tile_px)?;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..workers {
        let device = Device { name: "nothing".into(), kind: DeviceKind::Cpu, driver: String::new() };
        let hello = Hello::Worker {
            token: link.token,
            kernel_version: KERNEL_VERSION,
            name: format!("idle-{number}"),
            devices: vec![device],
            tags: Vec::new(),
        };
        let session = dial(&link, &Identity::ephemeral()?, &hello).await?;
        tasks.spawn(serve_leases(session, grid));
    }
    tasks.join_all().await;
    Ok(())
}

async fn serve_leases(mut session: Session, grid: Grid) -> anyhow::Result<()> {
    // A rate is measured in rays: a pixel says that it cost one.
    let mut pixels = BlockPixels::zeroed();
    pixels.0.iter_mut().for_each(|pixel| pixel.camera_rays = 1);
    loop {
        if let ToWorker::Lease(Lease { id, work: Work::Render(tiles), .. }) =
            read_message(&mut session.control_recv).await?
        {
            let mut commit = Commit { lease: id, tiles: Vec::new() };
            for pass in tiles {
                let digest = |at| pixels.digest(at, pass.samples());
                commit.tiles.push(grid.tile_blocks(pass.tile).map(digest).collect());
            }
            let mut send = session.connection.open_uni().await?;
            write_message(&mut send, &commit).await?;
            for _ in commit.tiles.iter().flatten() {
                send.write_all(pixels.bytes()).await?;
            }
            send.finish()?;
        }
    }
}

/// An empty scene: nobody renders it.
fn package(frames: u32, tile_px: u32) -> anyhow::Result<Package> {
    let settings = Settings {
        grid: Grid::new(EDGE_PX, EDGE_PX, tile_px)?,
        samples: 1,
        pass_samples: 1,
        seed: 0,
        max_bounces: 0,
        roulette_start: 0,
        film_scale_log2: 20,
        sample_clamp: 16.0,
    };
    Ok(Package::empty("idle", settings, frames))
}
