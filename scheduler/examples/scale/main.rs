//! What the farm itself costs: N connected workers answer every lease at once with pixels that nobody rendered.
//!
//! `cargo run --release -p tessera-scheduler --example scale -- [--workers 1,100,1000,10000] [--tiles N] [--lease N] [--verify]
//! [--rounds N] [--data DIR]` starts a scheduler process for every row and prints tiles a second, the process's processor time a tile, memory an idle
//! worker, and how long a worker that asks waits for its next lease. `-- --queued` measures memory a queued tile, `-- --restart` how long a
//! scheduler that was killed takes to serve again. Without `--data` the scheduler's folder lies in memory. `-- --watched [--workers N] [--jobs N]
//! [--clients N] [--seconds N] [--rounds N]` measures what clients of the HTTP interface cost and wait for.
//!
//! Workers are connections of this process. Tiles are one block of one sample, the smallest there are. Linux alone.

mod load;
mod restart;
mod server;
mod watched;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tessera_scheduler::client::Client;
use tessera_scheduler::{Identity, JobOptions, JobState, Link, Verify};
use tessera_shared::grid::Grid;
use tessera_shared::package::{Package, Settings};

/// Edge of a frame: 16,384 tiles of one block.
const EDGE_PX: u32 = 1024;
const TILE_PX: u32 = 8;
const FRAME_TILES: u32 = (EDGE_PX / TILE_PX) * (EDGE_PX / TILE_PX);

struct Plan {
    workers: Vec<u32>,
    tiles: u32,
    lease: u32,
    verify: Verify,
    rounds: u32,
    /// Where the scheduler's folder is made.
    data: PathBuf,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let ["--serve", lease, data] = words[..] {
        return runtime.block_on(server::run(lease.parse()?, Path::new(data)));
    }
    if words == ["--queued"] {
        return runtime.block_on(queued());
    }
    if let ["--restart", rest @ ..] = &words[..] {
        return runtime.block_on(restart::run(&plan(rest)?));
    }
    if let ["--watched", words @ ..] = &words[..] {
        return runtime.block_on(watched::run(watched::Plan::of(words)?));
    }
    let plan = plan(&words)?;
    println!("lease of at most {} tiles, {:?}, {} tiles a run", plan.lease, plan.verify, plan.tiles);
    println!("workers  tiles/s  µs a tile  KiB an idle worker  lease wait p50 ms  p99 ms  tiles a lease");
    for workers in &plan.workers {
        for _ in 0..plan.rounds {
            runtime.block_on(row(*workers, &plan))?;
        }
    }
    Ok(())
}

fn plan(mut words: &[&str]) -> Result<Plan> {
    let mut plan = Plan {
        workers: vec![1, 100, 1000, 10_000],
        tiles: 16 * FRAME_TILES,
        lease: 8,
        verify: Verify::None,
        rounds: 1,
        data: memory(),
    };
    loop {
        words = match words {
            [] => return Ok(plan),
            ["--workers", list, rest @ ..] => {
                plan.workers = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
                rest
            }
            ["--tiles", tiles, rest @ ..] => {
                plan.tiles = tiles.parse()?;
                rest
            }
            ["--lease", lease, rest @ ..] => {
                plan.lease = lease.parse()?;
                rest
            }
            ["--rounds", rounds, rest @ ..] => {
                plan.rounds = rounds.parse()?;
                rest
            }
            ["--data", data, rest @ ..] => {
                plan.data = data.into();
                rest
            }
            ["--verify", rest @ ..] => {
                plan.verify = Verify::Blocks(1);
                rest
            }
            [word, ..] => anyhow::bail!("`{word}` is no option; the file's first lines name them"),
        }
    }
}

/// A folder that no disk slows down, where the system has one.
fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

/// A scheduler in a process of its own, which ends when this is dropped.
struct Served {
    child: Child,
    artist: Link,
    worker: Link,
    /// The page's address with the wrangler's token.
    page: String,
}

impl Served {
    fn start(lease: u32, data: &Path) -> Result<Served> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--serve", &lease.to_string()])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("its output")?;
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(output));
        let mut line = || -> Result<String> { Ok(lines.next().context("a line")??) };
        let (artist, worker, page) = (line()?.parse()?, line()?.parse()?, line()?);
        Ok(Served { child, artist, worker, page })
    }

    /// User and system time so far: fields 14 and 15 of proc(5), in ticks of 10 ms.
    fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Memory in use, in bytes.
    fn rss(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Its standard input ends, and it with it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

async fn row(workers: u32, plan: &Plan) -> Result<()> {
    let data = tempfile::tempdir_in(&plan.data)?;
    let served = Served::start(plan.lease, data.path())?;
    let artist = Client::connect(&served.artist, &Identity::ephemeral()?).await?;
    // One worker that came and went: what the first connection of all allocates is nobody's.
    let before = served.rss()?;
    let load = load::Load::connect(&served.worker, workers).await?;
    while artist.workers().await?.len() < workers as usize {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Keep-alives have been exchanged, and what the handshakes needed is free.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let idle = served.rss()?.saturating_sub(before) / u64::from(workers);

    let frames = plan.tiles.div_ceil(FRAME_TILES);
    let options = JobOptions { verify: plan.verify, ..JobOptions::default() };
    let (cpu, start) = (served.cpu()?, Instant::now());
    let job = artist.submit(&package(frames)?, options, |_| {}).await?;
    let mut watch = artist.watch(job).await?;
    let mut last = None;
    while let Some(status) = watch.next().await? {
        last = Some(status);
    }
    let (wall, cpu) = (start.elapsed().as_secs_f64(), served.cpu()? - cpu);
    let status = last.context("a job has a status")?;
    ensure!(status.state == JobState::Completed, "{:?}", status.state);
    let tiles = status.tiles_done as f64;
    let mut waits = load.end();
    waits.sort_unstable();
    let wait_ms =
        |permille: usize| waits.get(waits.len() * permille / 1000).map_or(0.0, |us| *us as f64 / 1e3);
    println!(
        "{workers:7}  {:7.0}  {:9.1}  {:18.1}  {:17.2}  {:6.2}  {:13.1}",
        tiles / wall,
        cpu.as_secs_f64() * 1e6 / tiles,
        idle as f64 / 1024.0,
        wait_ms(500),
        wait_ms(990),
        tiles / waits.len().max(1) as f64,
    );
    artist.close().await;
    Ok(())
}

/// Memory of tiles that nobody has been lent.
async fn queued() -> Result<()> {
    let data = tempfile::tempdir_in(memory())?;
    let served = Served::start(8, data.path())?;
    let artist = Client::connect(&served.artist, &Identity::ephemeral()?).await?;
    artist.submit(&package(1)?, JobOptions::default(), |_| {}).await?;
    let before = served.rss()?;
    let (jobs, frames) = (16, 60);
    for _ in 0..jobs {
        artist.submit(&package(frames)?, JobOptions::default(), |_| {}).await?;
    }
    let (bytes, tiles) = (served.rss()?.saturating_sub(before), jobs * frames * FRAME_TILES);
    println!(
        "{tiles} tiles queued in {jobs} jobs: {bytes} bytes, {:.3} a tile",
        bytes as f64 / f64::from(tiles)
    );
    artist.close().await;
    Ok(())
}

/// An empty scene: nobody renders it.
fn package(frames: u32) -> Result<Package> {
    let settings = Settings {
        grid: Grid::new(EDGE_PX, EDGE_PX, TILE_PX)?,
        samples: 1,
        pass_samples: 1,
        seed: 0,
        max_bounces: 0,
        roulette_start: 0,
        film_scale_log2: 20,
        sample_clamp: 16.0,
    };
    Ok(Package::empty("scale", settings, frames))
}
