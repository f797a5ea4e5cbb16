//! Timings in turn: the same job by several renderers, one after the other, round after round, and the medians.
//! Knows how to start each renderer and read its time; draws no conclusion.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::process::{binary, render, tessera};

/// What `turns` compares.
pub struct Turns<'a> {
    pub spp: &'a str,
    pub rounds: usize,
    /// Name of the Vulkan adapter that takes part, if one does.
    pub gpu: Option<&'a str>,
    /// The script that renders a job with Cycles and prints `REFERENCE … N.NN s`, if Cycles takes part.
    pub cycles: Option<&'a str>,
}

/// Renders every job by every renderer in turn. Ours are timed from process start to exit, Cycles by its own clock
/// around the render alone.
pub fn run(turns: &Turns, jobs: &[&str]) -> Result<bool> {
    for job in jobs {
        let mut times: Vec<(&str, Vec<f64>)> = vec![("cpu", Vec::new())];
        times.extend(turns.gpu.map(|_| ("gpu", Vec::new())));
        times.extend(turns.cycles.map(|_| ("cycles", Vec::new())));
        for _ in 0..turns.rounds {
            for (renderer, seconds) in &mut times {
                seconds.push(time(renderer, turns, job)?);
            }
        }
        let name = Path::new(job).file_stem().context("a job file has a name")?.to_string_lossy();
        let first = median(&times[0].1);
        for (renderer, seconds) in &times {
            let middle = median(seconds);
            println!("{name} {renderer}: {middle:.2} s, {:.2} of cpu's, of {seconds:.2?}", middle / first);
        }
    }
    Ok(true)
}

fn time(renderer: &str, turns: &Turns, job: &str) -> Result<f64> {
    let picture = std::env::temp_dir().join("tessera-turns.exr");
    let picture = picture.to_string_lossy();
    let common = [job, "--spp", turns.spp, "-o", &*picture];
    match renderer {
        "cpu" => Ok(render(&[&common[..], &["--backend", "cpu"]].concat())?.wall.as_secs_f64()),
        "gpu" => {
            let name = turns.gpu.context("an adapter is named")?;
            let flags = ["--backend", "gpu", "--gpu", name];
            Ok(render(&[&common[..], &flags].concat())?.wall.as_secs_f64())
        }
        _ => {
            let script = turns.cycles.context("a script is named")?;
            cycles_seconds(script, job, turns.spp, &picture)
        }
    }
}

fn cycles_seconds(script: &str, job: &str, spp: &str, picture: &str) -> Result<f64> {
    let output = Command::new("python3")
        .args([script, job, picture, "--spp", spp, "--threads", "2"])
        .output()
        .context("python3 did not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words: Option<Vec<&str>> =
        text.lines().find(|line| line.starts_with("REFERENCE")).map(|line| line.split(' ').collect());
    let seconds = words.as_deref().and_then(|words| {
        let unit = words.iter().position(|word| *word == "s")?;
        words[unit - 1].parse().ok()
    });
    seconds.with_context(|| format!("{script} printed no time; it needs `pip install bpy==4.5.15`"))
}

/// The middle one of `values`, of an even number the higher of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A farm process that ends when this value does.
pub(crate) struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A scheduler and two workers of one thread each against `render` with two threads, in turn.
pub fn farm(spp: &str, rounds: usize, job: &str) -> Result<bool> {
    let folder = std::env::temp_dir().join(format!("tessera-turns-farm-{}", std::process::id()));
    let data = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let mut scheduler = spawn(&["scheduler", "--data", &data("scheduler"), "--listen", "127.0.0.1:0"])?;
    let links = links(&mut scheduler.0)?;
    let mut workers = Vec::new();
    for name in ["one", "two"] {
        workers.push(spawn(&[
            "worker",
            "--join",
            &links.worker,
            "--data",
            &data(name),
            "--backend",
            "cpu",
            "--threads",
            "1",
        ])?);
    }
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    let picture = data("picture.exr");
    for round in 0..rounds {
        // Another seed each round: the farm must not have seen this work before.
        let seed = (round + 1).to_string();
        let common = [job, "--spp", spp, "--seed", &seed];
        let flags = ["-o", &picture, "--backend", "cpu", "--threads", "2"];
        let rendered = render(&[&common[..], &flags].concat())?;
        alone.push(rendered.wall.as_secs_f64());
        let start = Instant::now();
        let id = said(&[&["submit"], &common[..], &["--to", &links.artist]].concat())?;
        said(&["watch", id.trim(), "--to", &links.artist, "--wait"])?;
        let fetched = said(&["fetch", id.trim(), "--to", &links.artist, "-o", &data("frames")])?;
        together.push(start.elapsed().as_secs_f64());
        if !rendered.films.iter().all(|film| fetched.contains(film.as_str())) {
            bail!("the farm's film differs from render's {:?}: {fetched}", rendered.films);
        }
    }
    drop(workers);
    drop(scheduler);
    std::fs::remove_dir_all(&folder).ok();
    let (alone_s, together_s) = (median(&alone), median(&together));
    println!("render, two threads: {alone_s:.2} s of {alone:.2?}");
    println!(
        "farm of two one-thread workers: {together_s:.2} s, {:.3} of render's, of {together:.2?}",
        together_s / alone_s
    );
    Ok(true)
}

pub(crate) struct Links {
    pub artist: String,
    pub worker: String,
}

pub(crate) fn spawn(arguments: &[&str]) -> Result<Process> {
    let mut command = Command::new(binary()?);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(Process(command.spawn().context("tessera did not start")?))
}

pub(crate) fn links(scheduler: &mut Child) -> Result<Links> {
    let output = scheduler.stdout.take().context("the scheduler's output is piped")?;
    let (mut artist, mut worker) = (None, None);
    for line in BufReader::new(output).lines() {
        let line = line?;
        artist = artist.or_else(|| line.strip_prefix("artist ").map(str::to_string));
        worker = worker.or_else(|| line.strip_prefix("worker ").map(str::to_string));
        if let (Some(artist), Some(worker)) = (&artist, &worker) {
            return Ok(Links { artist: artist.clone(), worker: worker.clone() });
        }
    }
    bail!("the scheduler ended without its links")
}

/// Standard output of a command that must succeed.
pub(crate) fn said(arguments: &[&str]) -> Result<String> {
    let output = tessera(arguments)?;
    if !output.status.success() {
        bail!("tessera {}\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
