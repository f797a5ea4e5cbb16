//! What checking costs on a real farm: rays and processor seconds of a job under `spot` against the same under `none`, in turn.

use std::process::Child;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::turns::{Process, links, median, said, spawn};

/// Clock ticks a second in `/proc`, as every Linux on x86-64 and AArch64 has it.
const TICKS_PER_SECOND: f64 = 100.0;

/// Rays and processor seconds of a job.
struct Cost {
    rays: f64,
    rays_checked: f64,
    seconds: f64,
}

/// A scheduler, and two workers of one thread and an operator each. A first job ends the workers' probation and is not counted.
pub fn run(spp: &str, rounds: usize, job: &str) -> Result<bool> {
    let folder = std::env::temp_dir().join(format!("tessera-overhead-{}", std::process::id()));
    let data = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let mut farm = vec![spawn(&["scheduler", "--data", &data("scheduler"), "--listen", "127.0.0.1:0"])?];
    let links = links(&mut farm[0].0)?;
    for name in ["one", "two"] {
        let (join, data) = (links.worker.as_str(), data(name));
        farm.push(spawn(&["worker", "--join", join, "--data", &data, "--backend", "cpu", "--threads", "1"])?);
    }
    cost(&farm, &links.artist, &[job, "--spp", spp, "--seed", "1000000", "--verify", "spot"])?;
    let (mut checked, mut seconds) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let seed = round.to_string();
        let of =
            |policy| cost(&farm, &links.artist, &[job, "--spp", spp, "--seed", &seed, "--verify", policy]);
        let (none, spot) = (of("none")?, of("spot")?);
        if none.rays_checked != 0.0 || none.rays != spot.rays {
            bail!("the policies do not render the same: {} and {} rays", none.rays, spot.rays);
        }
        checked.push(spot.rays_checked / spot.rays);
        seconds.push(spot.seconds / none.seconds);
    }
    drop(farm);
    std::fs::remove_dir_all(&folder).ok();
    println!("rays checked of rays accepted: {:.4}, of {checked:.4?}", median(&checked));
    println!("processor seconds, spot over none: {:.4}, of {seconds:.4?}", median(&seconds));
    Ok(true)
}

/// Submits a job and waits for its end.
fn cost(farm: &[Process], artist: &str, job: &[&str]) -> Result<Cost> {
    let before = farm_seconds(farm)?;
    let id = said(&[&["submit"], job, &["--to", artist]].concat())?;
    let lines = said(&["watch", id.trim(), "--to", artist, "--wait", "--json"])?;
    let last: Value = serde_json::from_str(lines.lines().last().context("watch prints its job")?)?;
    let rays = |value: &Value| value.as_f64().context("a number of rays");
    let kinds = ["camera", "bounce", "shadow"].map(|kind| rays(&last["rays"][kind]));
    Ok(Cost {
        rays: kinds.into_iter().sum::<Result<f64>>()?,
        rays_checked: rays(&last["rays_checked"])?,
        seconds: farm_seconds(farm)? - before,
    })
}

/// Processor seconds of the farm's processes until now.
fn farm_seconds(farm: &[Process]) -> Result<f64> {
    farm.iter().map(|process| process_seconds(&process.0)).sum()
}

/// User and system time, the fourteenth and fifteenth field of `/proc/PID/stat`; the second is a name in brackets.
fn process_seconds(process: &Child) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
    let fields = text.rsplit_once(')').context("a name in brackets")?.1;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}
