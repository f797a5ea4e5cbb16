//! Real faults of real processes: one that stands still, disks that are full. What the farm makes is the same, and people are
//! told what to do.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::farm::{Farm, parsed, tiles_accepted};
use crate::sandbox::Sandbox;

/// After so long without what is awaited the farm is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(240);

/// Asks for the list of workers until it is as wanted.
fn until(farm: &Farm, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let end = Instant::now() + PATIENCE;
    loop {
        let workers = farm.list("workers");
        if wanted(&workers) {
            return workers;
        }
        assert!(Instant::now() < end, "the workers do not become as awaited: {workers:?}");
    }
}

fn is(workers: &[Value], name: &str, state: &str) -> bool {
    workers.iter().any(|worker| worker["name"] == name && worker["state"] == state)
}

/// Of all the times that a worker of this name has joined.
fn accepted(workers: &[Value], name: &str) -> u64 {
    let named = workers.iter().filter(|worker| worker["name"] == name);
    named.filter_map(|worker| worker["tiles_accepted"].as_u64()).sum()
}

#[test]
fn a_worker_that_stands_still_past_its_leases_and_goes_on_changes_no_pixel() {
    let farm = Farm::new();
    let shot = "scenes/pebbles.toml --width 480 --height 272 --spp 40 --pass-spp 4";
    let still = farm.worker("still", "--backend cpu --threads 1");
    let job = farm.submit(shot);
    let mut watch = farm.sandbox.start(&format!("watch {job} --wait --json"));
    watch.line(|line| parsed(line).filter(|status| status["samples_done"].as_u64() > Some(0)));
    still.stand_still();
    until(&farm, |workers| is(workers, "still", "left"));
    assert_eq!(farm.list("jobs")[0]["state"], "running", "the job was over before the worker stood still");
    // What it held goes to another, which has begun before the first one wakes.
    let other = farm.worker("other", "--backend cpu --threads 1");
    until(&farm, |workers| tiles_accepted(workers, "other") > Some(0));
    still.go_on();
    let (code, lines) = watch.end();
    let last = parsed(lines.last().unwrap()).unwrap();
    assert_eq!((code, last["state"].as_str()), (Some(0), Some("completed")), "{last}");
    let workers = farm.list("workers");
    let whole = last["tiles_total"].as_u64().unwrap();
    assert_eq!(last["tiles_done"], whole);
    // Each tile-pass was used once, whoever brought it first.
    assert_eq!(accepted(&workers, "still") + accepted(&workers, "other"), whole, "{workers:?}");
    assert!(workers.iter().all(|worker| worker["tiles_rejected"] == 0), "{workers:?}");
    assert_eq!(farm.fetched(&job), farm.sandbox.film(&format!("{shot} --backend cpu")));
    drop((still, other));
}

#[test]
fn a_worker_whose_disk_is_full_says_so_and_the_others_go_on() {
    let farm = Farm::new();
    let link = &farm.worker_link;
    let arguments = format!("worker --join {link} --data @full --name full --backend cpu --threads 1");
    // Room for what its examination unpacks.
    let mut full = farm.sandbox.start_cramped(&arguments, 768 << 10);
    full.line(|line| line.starts_with("lending ").then_some(()));
    until(&farm, |workers| is(workers, "full", "idle"));
    let other = farm.worker("other", "--backend cpu --threads 1");
    until(&farm, |workers| is(workers, "other", "idle"));
    // A scene of which one blob is larger than that.
    let shot = "scenes/mosaic.toml --width 320 --height 200 --spp 4";
    let job = farm.submit(shot);
    let said = full.line(|line| line.contains("cannot keep the blob").then(|| line.to_owned()));
    let blobs = farm.sandbox.text("full/blobs");
    for part in
        ["class=shortage", "make room on its disk", blobs.as_str(), "File too large", "job=", "device="]
    {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    farm.sandbox.succeed(&format!("watch {job} --wait"));
    assert_eq!(farm.fetched(&job), farm.sandbox.film(&format!("{shot} --backend cpu")));
    let workers = farm.list("workers");
    assert_eq!((accepted(&workers, "full"), is(&workers, "full", "left")), (0, false), "{workers:?}");
    drop((full, other));
}

#[test]
fn a_scheduler_whose_disk_is_full_refuses_the_upload_by_name_and_loses_nothing_else() {
    let sandbox = Sandbox::new();
    let scheduler = sandbox.start_cramped(Farm::SCHEDULER, 1 << 20);
    let farm = Farm::of(sandbox, scheduler);
    // Small, as films and pixels lie on the same disk.
    let fits = "scenes/marbles.toml --width 96 --height 64 --spp 4";
    let job = farm.submit(fits);
    let refused = farm.sandbox.run("submit scenes/mosaic.toml --width 64 --height 48 --spp 2");
    assert_ne!(refused.code, Some(0));
    assert_eq!(refused.stdout, "");
    assert!(
        refused.stderr.contains("the farm's disk is too full for the blob ")
            && refused.stderr.contains("make room"),
        "{}",
        refused.stderr
    );
    // The job that was there, and one of blobs that are there.
    let another = farm.submit(fits);
    let worker = farm.worker("one", "--backend cpu --threads 1");
    for job in [job, another] {
        farm.sandbox.succeed(&format!("watch {job} --wait"));
        assert_eq!(farm.fetched(&job), farm.sandbox.film(&format!("{fits} --backend cpu")));
    }
    drop(worker);
}
