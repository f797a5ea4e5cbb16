//! How processes of a farm are kept apart, keep hours and end, and what can be read of them afterwards.

use serde_json::Value;

use crate::farm::Farm;
use crate::sandbox::Sandbox;

#[test]
fn a_second_scheduler_on_the_same_data_is_refused_and_told_by_whom() {
    let farm = Farm::new();
    let refused = farm.sandbox.run(Farm::SCHEDULER);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(4), ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("it is in use by the scheduler with process id"), "{}", refused.stderr);
    assert!(refused.stderr.contains("or give another --data"), "{}", refused.stderr);
    // The first one goes on.
    assert_eq!(farm.list("jobs").len(), 0);
    farm.scheduler.kill();
    let _next = farm.sandbox.start(Farm::SCHEDULER).line(|line| line.starts_with("artist ").then_some(()));
}

#[test]
fn a_worker_that_is_interrupted_twice_leaves_what_it_has_in_hand() {
    let farm = Farm::new();
    let arguments =
        format!("worker --join {} --data @one --name one --backend cpu --threads 1", farm.worker_link);
    let mut worker = farm.sandbox.start_talking(&arguments);
    farm.submit("scenes/pebbles.toml --width 512 --height 512 --spp 4096 --frames 1");
    while farm.list("workers").first().is_none_or(|worker| worker["state"] != "busy") {}
    // Nobody takes what it finishes.
    farm.scheduler.stand_still();
    worker.interrupt();
    worker.line(|line| line.contains("what is in hand is finished first").then_some(()));
    worker.interrupt();
    let (code, lines) = worker.end();
    assert_eq!(code, Some(130), "{lines:?}");
}

#[test]
fn a_worker_sleeps_outside_its_hours() {
    let farm = Farm::new();
    let hour = std::process::Command::new("date").arg("+%H").output().unwrap().stdout;
    let hour: u32 = String::from_utf8(hour).unwrap().trim().parse().unwrap();
    let hours = format!("{}-{}:30", (hour + 2) % 24, (hour + 3) % 24);
    let _worker = farm.worker("night", &format!("--backend cpu --threads 1 --hours {hours}"));
    while farm.list("workers").first().is_none_or(|worker| worker["state"] != "asleep") {}
    let job = farm.submit("scenes/pebbles.toml --width 64 --height 64 --spp 1 --frames 1");
    let why = farm.sandbox.succeed(&format!("why {job}"));
    assert!(
        why.starts_with("workers night (for ") && why.ends_with(": sleep by their own schedule\n"),
        "{why}"
    );
    let wrong = farm.sandbox.run(&format!("worker --join {} --hours 25-3", farm.worker_link));
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("`25-3` are no hours"), "{}", wrong.stderr);
}

#[test]
fn what_happened_is_read_from_the_data_of_a_scheduler_that_is_gone() {
    let farm = Farm::new();
    let worker = farm.worker("one", "--backend cpu");
    let job = farm.submit("scenes/pebbles.toml --width 96 --height 64 --spp 2 --frames 1-2");
    assert_eq!(farm.sandbox.run(&format!("watch {job} --wait")).code, Some(0));
    worker.ask_to_end();
    farm.scheduler.kill();
    let sandbox = farm.sandbox;
    let text = sandbox.succeed("journal @farm");
    let json = sandbox.succeed("journal @farm --json");
    let entries: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), text.lines().count());
    let of = |what: &str| entries.iter().filter(|entry| entry["what"] == what).collect::<Vec<_>>();
    assert_eq!(
        (of("submitted")[0]["job"].as_str(), of("submitted")[0]["frames"].as_str()),
        (Some("j1"), Some("1-2"))
    );
    assert_eq!((of("joined")[0]["name"].as_str(), of("job_completed").len()), (Some("one"), 1));
    let accepted = of("accepted");
    let mut tiles: Vec<&str> = accepted
        .iter()
        .flat_map(|entry| entry["tiles"].as_array().unwrap())
        .map(|tile| tile.as_str().unwrap())
        .collect();
    tiles.sort_unstable();
    assert_eq!(tiles, ["1/0", "1/1", "2/0", "2/1"]);
    assert!(text.lines().any(|line| line.ends_with(" job_completed job=j1")), "{text}");
    let granted =
        text.lines().find(|line| line.contains(" granted lease=l1 worker=w1 job=j1 expires_ms=")).unwrap();
    assert!(granted.contains(" tiles=1/0"), "{granted}");
    let wrong = Sandbox::new().run("journal @out");
    assert_eq!(wrong.code, Some(6));
    assert!(wrong.stderr.contains("is no scheduler's data"), "{}", wrong.stderr);
    assert_eq!(sandbox.unread("journal @farm", false).code, Some(0));
    damage_in_the_middle_is_named(&sandbox, &text);
}

/// What lies before the damage is told.
fn damage_in_the_middle_is_named(sandbox: &Sandbox, whole: &str) {
    let path = sandbox.path("farm/journal/0000000000000001.log");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let damaged = sandbox.run("journal @farm");
    assert_eq!(damaged.code, Some(6), "{}", damaged.stderr);
    let expected = "0000000000000001.log is damaged at byte ";
    assert!(damaged.stderr.contains(expected), "{}", damaged.stderr);
    assert!(damaged.stdout.len() > 100 && whole.starts_with(&damaged.stdout), "{}", damaged.stdout);
    assert!(damaged.stdout.len() < whole.len());
}
