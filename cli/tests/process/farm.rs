//! A farm of separate processes on the loopback interface: what it makes, and what people read when it cannot.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::sandbox::{Running, Sandbox, software_gpu};

/// A scheduler; the user's configuration names its artist link.
pub struct Farm {
    pub sandbox: Sandbox,
    pub scheduler: Running,
    pub artist_link: String,
    pub worker_link: String,
    pub wrangler_link: String,
}

impl Farm {
    pub fn new() -> Farm {
        Farm::with("")
    }

    /// With more options of the scheduler.
    pub fn with(options: &str) -> Farm {
        let sandbox = Sandbox::new();
        let mut scheduler = sandbox.start(&format!("scheduler --data @farm --listen 127.0.0.1:0 {options}"));
        let mut link = |role: &str| {
            let prefix = format!("{role} ");
            scheduler.line(|line| line.strip_prefix(&prefix).map(str::to_owned))
        };
        let [artist_link, worker_link, wrangler_link] = ["artist", "worker", "wrangler"].map(&mut link);
        std::fs::write(sandbox.path("home/config.toml"), format!("farm = \"{artist_link}\"\n")).unwrap();
        Farm { sandbox, scheduler, artist_link, worker_link, wrangler_link }
    }

    /// A worker with a key of its own, as soon as it has the device.
    pub fn worker(&self, name: &str, device: &str) -> Running {
        let link = &self.worker_link;
        let arguments = format!("worker --join {link} --data @{name} --name {name} {device}");
        let mut worker = self.sandbox.start(&arguments);
        worker.line(|line| line.starts_with("lending ").then_some(()));
        worker
    }

    /// Submits; the id is all that standard output says.
    pub fn submit(&self, shot: &str) -> String {
        let stdout = self.sandbox.succeed(&format!("submit {shot}"));
        let id = stdout.strip_suffix('\n').unwrap_or_default();
        assert!(id.starts_with('j') && id[1..].parse::<u64>().is_ok(), "{stdout:?} is no job id alone");
        id.to_owned()
    }

    pub fn list(&self, command: &str) -> Vec<Value> {
        let stdout = self.sandbox.succeed(&format!("{command} --json"));
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn fetched(&self, job: &str) -> String {
        crate::sandbox::only_film(&self.sandbox.succeed(&format!("fetch {job} -o @fetched")))
    }

    /// Checks a command that the farm refuses.
    fn refuses(&self, arguments: &str, expected: Expect) {
        let ended = self.sandbox.run(arguments);
        let host =
            self.artist_link.strip_prefix("tessera://").and_then(|link| link.split('/').next()).unwrap();
        // What a machine lends depends on the machine, and its key is drawn.
        let own = ["lending ", "examining ", "operator "];
        let steady = |line: &&str| !own.iter().any(|start| line.starts_with(start));
        let lines = ended.stderr.lines().filter(steady);
        let said = lines.map(|line| line.replace(host, "HOST")).collect::<Vec<_>>().join("\n");
        expected.assert_eq(&format!("{} {said}\n", ended.code.unwrap_or(-1)));
        assert_eq!(ended.stdout, "");
    }
}

fn parsed(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

fn tiles_accepted(workers: &[Value], name: &str) -> Option<u64> {
    workers.iter().find(|worker| worker["name"] == name).and_then(|worker| worker["tiles_accepted"].as_u64())
}

#[test]
fn a_killed_worker_and_a_late_one_leave_the_picture_as_it_is() {
    let farm = Farm::new();
    let shot = "scenes/pebbles.toml --width 480 --height 272 --spp 40 --pass-spp 4";
    let gpu = software_gpu(&farm.sandbox, "a Vulkan worker on the farm; a third CPU worker stands in");
    let other = gpu.map_or_else(|| "--backend cpu --threads 1".into(), |gpu| format!("--gpu {gpu}"));
    let steady = farm.worker("steady", &other);
    let doomed = farm.worker("doomed", "--backend cpu --threads 1");
    let job = farm.submit(shot);
    let mut watch = farm.sandbox.start(&format!("watch {job} --wait --json"));
    watch.line(|line| parsed(line).filter(|status| status["samples_done"].as_u64() > Some(0)));
    doomed.kill();
    let before = tiles_accepted(&farm.list("workers"), "doomed").unwrap();
    assert_eq!(farm.list("jobs")[0]["state"], "running", "the job was over before the worker died");
    let late = farm.worker("late", "--backend cpu --threads 1");
    let (code, lines) = watch.end();
    let last = parsed(lines.last().unwrap()).unwrap();
    assert_eq!((code, last["state"].as_str()), (Some(0), Some("completed")), "{last}");
    assert_eq!(last["samples_done"], last["samples_total"]);
    assert_eq!(last["samples_total"], 480 * 272 * 40);

    // The dead worker is listed as such once its silence was long enough; no tile counts twice.
    let workers = farm.list("workers");
    let by = |name: &str| tiles_accepted(&workers, name).unwrap();
    assert!(by("steady") > 0 && by("late") > 0 && by("doomed") >= before, "{workers:?}");
    let whole = last["tiles_total"].as_u64().unwrap();
    assert_eq!(last["tiles_done"], whole);
    assert_eq!(by("steady") + by("late") + by("doomed"), whole, "{workers:?}");
    assert!(workers.iter().all(|worker| worker["tiles_rejected"] == 0), "{workers:?}");

    assert_eq!(farm.fetched(&job), farm.sandbox.film(&format!("{shot} --backend cpu")));
    assert!(farm.sandbox.path("fetched/pebbles.exr").is_file());
    assert!(farm.sandbox.path("fetched/pebbles.png").is_file());
    drop((steady, late));
}

#[test]
fn a_limited_job_waits_for_the_worker_that_it_names() {
    let farm = Farm::new();
    let other = farm.worker("other", "--tag studio-a --tag gpu --backend cpu --threads 1");
    let shot = "scenes/mosaic.toml --width 64 --height 48 --spp 2";
    farm.refuses(
        &format!("submit {shot} --pool night"),
        expect![[r#"
        4 tessera: the farm refuses the job: the farm has no pool `night`; ask its owner, who keeps pools with `tessera scheduler --pool NAME=KEY,KEY`
    "#]],
    );
    farm.refuses(
        &format!("submit {shot} --operators night"),
        expect![[r#"
        3 tessera: `operators`: `night` is no operator's key; a key is 64 hexadecimal digits, as `tessera worker` and `tessera workers --json` print it
    "#]],
    );
    farm.refuses(
        &format!("worker --join {} --backend cpu --tag a/b", farm.worker_link),
        expect![[r#"
        2 tessera: --tag: `a/b` is no name of a tag or a pool; use 1 to 64 of the letters a-z and A-Z, digits, `-`, `_` and `.`
    "#]],
    );
    let nobody = farm.sandbox.run(&format!("submit {shot} --operators {}", "0".repeat(64)));
    assert!(nobody.stderr.contains("note: j1 waits: no connected worker may serve it"), "{}", nobody.stderr);
    assert_eq!(farm.list("jobs")[0]["unserved"], true);
    assert!(farm.sandbox.succeed("watch j1").contains("j1 waits, 0 of 1 frames: no connected worker"));
    let mut wanted = farm.sandbox.start(&format!(
        "worker --join {} --data @wanted --name wanted --tag gpu --tag studio-a --backend cpu --threads 1",
        farm.worker_link
    ));
    let key = wanted.line(|line| line.strip_prefix("operator ").map(str::to_owned));
    wanted.kill();
    let job = farm.submit(&format!("{shot} --tags studio-a,gpu --operators {key}"));
    let wanted = farm.worker("wanted", "--tag gpu --tag studio-a --backend cpu --threads 1");
    assert_eq!(farm.sandbox.run(&format!("watch {job} --wait")).code, Some(0));
    let workers = farm.list("workers");
    assert!(tiles_accepted(&workers, "wanted") > Some(0), "{workers:?}");
    assert_eq!(tiles_accepted(&workers, "other"), Some(0), "{workers:?}");
    assert!(workers.iter().any(|worker| worker["tags"] == json!(["studio-a", "gpu"])), "{workers:?}");
    drop((other, wanted));
}

#[test]
fn a_cancelled_job_ends_its_watch_with_1() {
    let farm = Farm::new();
    let job = farm.submit("scenes/mosaic.toml --width 64 --height 48 --spp 2");
    let mut watch = farm.sandbox.start(&format!("watch {job} --wait"));
    watch.line(|line| line.contains("queued").then_some(()));
    assert_eq!(farm.sandbox.succeed(&format!("cancel {job}")), "");
    let (code, lines) = watch.end();
    assert_eq!(code, Some(1));
    assert!(lines.last().unwrap().contains("cancelled"), "{lines:?}");
    assert_eq!(farm.list("jobs")[0]["state"], "cancelled");
    assert_eq!(farm.sandbox.run(&format!("watch {job}")).code, Some(1));
    farm.refuses(
        &format!("cancel {job}"),
        expect![[r#"
        4 tessera: j1: the job has ended already
    "#]],
    );
    farm.refuses(
        &format!("fetch {job} -o @fetched"),
        expect![[r#"
        1 tessera: j1 was cancelled and has no finished frame; submit the shot again for the rest
    "#]],
    );
    farm.refuses(
        "watch j99",
        expect![[r#"
        4 tessera: j99: the farm knows no such job; `tessera jobs` lists those it knows
    "#]],
    );
    farm.refuses(
        "submit scenes/lost.glb",
        expect![[r#"
        3 tessera: scenes/lost.glb: cannot read scenes/lost.glb: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_worker_that_left_is_listed_as_such() {
    let farm = Farm::new();
    let worker = farm.worker("gone", "--backend cpu --threads 1");
    let job = farm.submit("scenes/mosaic.toml --width 70 --height 50 --spp 2");
    let watched = farm.sandbox.run(&format!("watch {job} --wait --json")).stdout;
    let last = parsed(watched.lines().last().unwrap()).unwrap();
    assert_eq!((&last["samples_total"], &last["samples_done"]), (&json!(7000), &json!(7000)), "{last}");
    assert_eq!(farm.list("workers")[0]["state"], "idle");
    worker.ask_to_end();
    // It said goodbye: the farm need not wait until its silence is long enough.
    let listed = (0..50).map(|_| farm.list("workers").remove(0)).find(|worker| worker["state"] == "left");
    let listed = listed.expect("a worker that left is listed so");
    assert!(listed["tiles_accepted"] == 2 && listed["left_ms_ago"].is_u64(), "{listed}");
    let ended = farm.sandbox.run("workers");
    assert!(ended.stdout.contains("  gone  left ") && ended.stdout.contains(" ago  "), "{}", ended.stdout);
    assert!(ended.stderr.contains("the farm has no workers"), "{}", ended.stderr);
}

#[test]
fn frames_are_fetched_by_number_and_blobs_travel_once() {
    let farm = Farm::new();
    let shot = "scenes/mosaic.toml --width 64 --height 48 --spp 2 --frames 3-4";
    let first = farm.sandbox.run(&format!("submit {shot}"));
    let again = farm.sandbox.run(&format!("submit {shot} --priority 5"));
    assert!(!first.stderr.starts_with("0.00B sent"), "{}", first.stderr);
    assert!(again.stderr.starts_with("0.00B sent"), "{}", again.stderr);
    let _worker = farm.worker("one", "--backend cpu");
    let job = again.stdout.trim();
    let watched = farm.sandbox.succeed(&format!("watch {job} --wait"));
    assert!(watched.contains("completed, 2 of 2 frames"), "{watched}");
    let films = farm.sandbox.succeed(&format!("fetch {job} -o @fetched --outputs png"));
    let rendered = farm.sandbox.succeed(&format!("render {shot} --backend cpu -o @out/frame.png"));
    assert_eq!(films, rendered);
    for name in ["fetched/mosaic.0003.png", "fetched/mosaic.0004.png"] {
        assert!(farm.sandbox.path(name).is_file(), "{name}");
    }
}

#[test]
fn links_that_do_not_fit_are_refused() {
    let farm = Farm::new();
    let (artist, worker) = (&farm.artist_link, &farm.worker_link);
    let with_token = |link: &str, token: &str| format!("{}/{token}", link.rsplit_once('/').unwrap().0);
    let forged = "a".repeat(26);
    farm.refuses(&format!("jobs --to {}", with_token(artist, &forged)), expect![[r#"
        4 tessera: the farm refuses this link's token; ask the farm's owner for the link that `tessera scheduler` prints now
    "#]]);
    farm.refuses(&format!("worker --backend cpu --join {}", with_token(worker, &forged)), expect![[r#"
        4 tessera: the farm refuses this link's token; ask the farm's owner for the link that `tessera scheduler` prints now
    "#]]);
    farm.refuses(&format!("jobs --to {}", with_token(artist, "short")), expect![[r#"
        2 tessera: the farm's link: the link's token is damaged; copy the link whole from the lines that `tessera scheduler` prints
    "#]]);
    farm.refuses(&format!("jobs --to {worker}"), expect![[r#"
        4 tessera: this is the farm's worker link; this command needs the artist link, another line that `tessera scheduler` prints
    "#]]);
    farm.refuses(&format!("worker --backend cpu --join {artist}"), expect![[r#"
        4 tessera: this is the farm's artist link; this command needs the worker link, another line that `tessera scheduler` prints
    "#]]);
    let parts: Vec<&str> = artist.split('/').collect();
    let stranger = artist.replace(parts[4], &"a".repeat(32));
    farm.refuses(&format!("jobs --to {stranger}"), expect![[r#"
        4 tessera: the scheduler at HOST has another key than the link says; ask the farm's owner for the link that it prints now (a new key means a new data directory, or somebody else's machine)
    "#]]);
    farm.refuses(&format!("scheduler --data @second --listen {}", parts[2]), expect![[r#"
        4 tessera: cannot listen on HOST: Address already in use (os error 98); choose another address with --listen, or stop what uses it
    "#]]);
    // The farm goes on, and the environment's link goes before the configuration's.
    let mut jobs = farm.sandbox.command("jobs");
    let output = jobs.env("TESSERA_FARM", artist).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let output = jobs.env("TESSERA_FARM", worker).output().unwrap();
    assert_ne!(output.status.code(), Some(0));
}

#[test]
fn a_fast_job_is_rendered_unverified_and_says_so() {
    let farm = Farm::new();
    let shot = "scenes/pebbles.toml --width 64 --height 48 --spp 2";
    let job = farm.submit(&format!("{shot} --mode fast"));
    let worker = farm.worker("exact", "--backend cpu --threads 1 --allow-fast");
    farm.sandbox.succeed(&format!("watch {job} --wait"));
    let fetched = farm.sandbox.succeed(&format!("fetch {job} -o @fetched"));
    // A CPU renders it exactly, and still nobody may rely on that.
    let film = farm.sandbox.film(&format!("{shot} --backend cpu"));
    assert_eq!(fetched, format!("film (fast, not comparable) {film}\n"));
    drop(worker);
}

#[test]
fn a_score_stays_with_its_worker_and_the_farm_lists_it() {
    let farm = Farm::new();
    let stdout =
        farm.sandbox.succeed("bench --backend cpu --threads 1 --seconds 1 --seed 5 --data @rated --json");
    let bench: Value = serde_json::from_str(&stdout).unwrap();
    let device = &bench["bench"]["devices"][0];
    assert_eq!((&bench["bench"]["seed"], &device["exact"]), (&json!(5), &json!(true)), "{bench}");
    for rays in ["coherent", "incoherent"] {
        let rate = &device["verified"][rays];
        assert_eq!((&rate["blocks_checked"], &rate["blocks_wrong"]), (&json!(5), &json!(0)), "{bench}");
        assert!(rate["rays_per_second"].as_u64() > Some(0), "{bench}");
    }
    let score = &device["score_rays_per_second"];
    assert_eq!(score, &device["verified"]["incoherent"]["rays_per_second"]);
    assert_eq!(bench["signature"].as_str().map(str::len), Some(128));
    let worker = farm.worker("rated", "--backend cpu --threads 1");
    let job = farm.submit("scenes/pebbles.toml --width 96 --height 64 --spp 2");
    farm.sandbox.succeed(&format!("watch {job} --wait"));
    let workers = farm.list("workers");
    let report = &workers[0]["reports"][0];
    assert_eq!(
        (&report["serves"], &report["score_rays_per_second"]),
        (&json!("every job"), score),
        "{workers:?}"
    );
    let link = &farm.artist_link;
    let asked = farm.sandbox.succeed(&format!("bench --to {link} --seconds 2 --json"));
    let row: Value = serde_json::from_str(&asked).unwrap();
    let told = (&row["name"], &row["score_rays_per_second"], &row["tiles_rejected"]);
    assert_eq!(told, (&json!("rated"), score, &json!(0)), "{row}");
    assert_eq!(farm.list("jobs")[0]["state"], "cancelled");
    // The key that signed is the operator's.
    assert!(bench["key"].as_str().unwrap().starts_with(workers[0]["operator"].as_str().unwrap()), "{bench}");
    drop(worker);
}
