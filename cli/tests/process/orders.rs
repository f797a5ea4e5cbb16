//! Orders from the command line: owners and the wrangler, on a farm of processes.

use crate::farm::Farm;

const SHOT: &str = "scenes/pebbles.toml --width 96 --height 64 --spp 2 --frames 1-2";

fn state(farm: &Farm, job: &str) -> String {
    let jobs = farm.list("jobs");
    let status = jobs.iter().find(|status| status["job"] == job).unwrap();
    status["state"].as_str().unwrap().to_owned()
}

#[test]
fn jobs_are_paused_resumed_prioritised_and_their_frames_requeued() {
    let farm = Farm::new();
    let first = farm.submit(SHOT);
    let second = farm.submit(&format!("{SHOT} --after {first}"));
    assert_eq!(state(&farm, &second), "waiting");
    assert!(farm.sandbox.succeed(&format!("watch {second}")).contains("j2 waits for j1, 0 of 2 frames"));
    assert_eq!(farm.sandbox.succeed(&format!("why {second}")), "it waits until j1 completed\n");
    assert_eq!(farm.sandbox.succeed(&format!("why {first}")), "no worker is connected\n");
    farm.sandbox.succeed(&format!("pause {first}"));
    assert_eq!(farm.list(&format!("why {first}"))[0]["dimension"], "paused");
    assert_eq!(farm.sandbox.succeed(&format!("log {first}")), "");
    assert_eq!(state(&farm, &first), "paused");
    let _worker = farm.worker("one", "--backend cpu");
    let third = farm.submit(SHOT);
    assert_eq!(farm.sandbox.run(&format!("watch {third} --wait")).code, Some(0));
    assert_eq!((state(&farm, &first), state(&farm, &second)), ("paused".into(), "waiting".into()));
    farm.sandbox.succeed(&format!("priority {first} -5"));
    assert_eq!(farm.list("jobs")[2]["priority"], -5);
    farm.sandbox.succeed(&format!("resume {first}"));
    assert_eq!(farm.sandbox.run(&format!("watch {second} --wait")).code, Some(0));
    assert_eq!(state(&farm, &first), "completed");
    let before = farm.sandbox.succeed(&format!("fetch {first} -o @before --outputs png"));
    farm.sandbox.succeed(&format!("requeue {first} --frames 2"));
    assert_eq!(farm.sandbox.run(&format!("watch {first} --wait")).code, Some(0));
    assert_eq!(farm.sandbox.succeed(&format!("fetch {first} -o @again --outputs png")), before);
    let refused = farm.sandbox.run(&format!("requeue {first} --frames 7"));
    assert_eq!(refused.code, Some(4));
    assert!(refused.stderr.contains("j1: the job has no such frame"), "{}", refused.stderr);
    assert_eq!(farm.sandbox.run(&format!("requeue {first} --frames 9-1")).code, Some(2));
    let refused = farm.sandbox.run(&format!("submit {SHOT} --after j99"));
    assert!(refused.stderr.contains("it waits for j99, which the farm does not know"), "{}", refused.stderr);
}

#[test]
fn the_wrangler_orders_other_peoples_jobs_and_the_workers() {
    let farm = Farm::new();
    let job = farm.submit(SHOT);
    let other = crate::sandbox::Sandbox::new();
    let foreign = other.run(&format!("pause {job} --to {}", farm.artist_link));
    assert_eq!(foreign.code, Some(4));
    assert!(foreign.stderr.contains("j1: the job belongs to another key"), "{}", foreign.stderr);
    other.succeed(&format!("pause {job} --to {}", farm.wrangler_link));
    assert_eq!(state(&farm, &job), "paused");
    let _worker = farm.worker("one", "--backend cpu --threads 1");
    let refused = farm.sandbox.run("drain w1");
    assert_eq!(refused.code, Some(4));
    assert!(
        refused.stderr.contains("w1: the farm's wrangler alone orders its workers"),
        "{}",
        refused.stderr
    );
    other.succeed(&format!("drain w1 --to {}", farm.wrangler_link));
    assert_eq!(farm.list("workers")[0]["state"], "drained");
    other.succeed(&format!("resume {job} --to {}", farm.wrangler_link));
    other.succeed(&format!("undrain w1 --to {}", farm.wrangler_link));
    assert_eq!(farm.sandbox.run(&format!("watch {job} --wait")).code, Some(0));
    // Looking at frames stays their owner's.
    let fetched = other.run(&format!("fetch {job} -o @fetched --to {}", farm.wrangler_link));
    assert!(fetched.stderr.contains("belongs to another key"), "{}", fetched.stderr);
}

#[test]
fn a_banned_operators_worker_ends_with_the_reason_and_may_come_back_when_readmitted() {
    let farm = Farm::new();
    let wrangler = &farm.wrangler_link;
    let worker = farm.worker("one", "--backend cpu --threads 1");
    let job = farm.submit(SHOT);
    assert_eq!(farm.sandbox.run(&format!("watch {job} --wait")).code, Some(0));
    let refused = farm.sandbox.run("ban w1 --reason sold");
    assert!(refused.stderr.contains("the farm's wrangler alone orders its workers"), "{}", refused.stderr);
    let said = farm.sandbox.run(&format!("ban w1 --reason sold --to {wrangler}"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let (code, lines) = worker.end();
    assert_eq!(code, Some(4), "{lines:?}");
    let told = "the farm's wrangler has banned this worker's key: sold; ask the farm's owner";
    assert!(lines.iter().any(|line| line.contains(told)), "{lines:?}");
    let listed = &farm.list("workers")[0];
    assert_eq!(
        (listed["state"].as_str(), listed["reason"].as_str()),
        (Some("banned"), Some("by order of the farm's wrangler: sold"))
    );
    let join = format!("worker --join {} --data @one --name one --backend cpu --threads 1", farm.worker_link);
    let refused = farm.sandbox.run(&join);
    assert_eq!(refused.code, Some(4));
    assert!(refused.stderr.contains("banned by order of the farm's wrangler: sold"), "{}", refused.stderr);
    let key = listed["operator_key"].as_str().unwrap();
    farm.sandbox.succeed(&format!("readmit {key} --to {wrangler}"));
    let _worker = farm.worker("one", "--backend cpu --threads 1");
    let job = farm.submit(SHOT);
    assert_eq!(farm.sandbox.run(&format!("watch {job} --wait")).code, Some(0));
    let unknown = farm.sandbox.run(&format!("readmit w99 --to {wrangler}"));
    assert!(unknown.stderr.contains("the farm lists no such worker"), "{}", unknown.stderr);
}
