//! A worker that is convicted after a job of its was fetched: its owner is told which frame was wrong, gets the right one, and no
//! old file passes for it.

use serde_json::Value;
use tessera_shared::receipt::Receipt;
use tessera_worker::WorkerError;

use crate::farm::{Farm, parsed};
use crate::forger::{Forgery, forges};
use crate::sandbox::{Sandbox, only_film};

/// Copies a receipt with its digests.
fn copy_receipt(sandbox: &Sandbox, from: &str, to: &str) {
    for extension in ["json", "blocks"] {
        let path = |name: &str| sandbox.path(&format!("{name}.receipt.{extension}"));
        std::fs::copy(path(from), path(to)).unwrap();
    }
}

/// How often a receipt says that tiles of each frame were overturned.
fn overturned(sandbox: &Sandbox, receipt: &str) -> Vec<(u32, u64)> {
    let text = std::fs::read(sandbox.path(receipt)).unwrap();
    let frames = Receipt::from_text(&text).unwrap().frames;
    frames.iter().map(|frame| (frame.facts.frame, frame.facts.overturned)).collect()
}

/// Renders the block again that the forger's verdict names: the referee was right.
fn a_verdict_is_rechecked(farm: &Farm, package: &str) {
    let workers = farm.list("workers");
    let forger = workers.iter().find(|worker| worker["name"] == "forger").unwrap();
    let verdict = forger["reason"].as_str().unwrap();
    let between = |before: &str, after: &str| {
        let rest = verdict.split_once(before).unwrap_or_else(|| panic!("no `{before}` in {verdict}")).1;
        rest.split_once(after).map_or(rest, |(found, _)| found).to_owned()
    };
    let block = between("block (", ")").replace(' ', "");
    let samples = between("samples ", ":");
    let frame = between("of frame ", ",");
    let (said, found) = (between("it rendered blake3:", ","), between("the referee blake3:", ";"));
    let again = format!("recheck --package {package} --frame {frame} --block {block} --samples {samples}");
    let here = farm.sandbox.succeed(&again);
    assert_eq!(here, format!("blake3:{found}\n"), "{verdict}");
    assert_ne!(said, found);
    let beyond =
        farm.sandbox.run(&format!("recheck --package {package} --frame 9 --block 0,0 --samples 0..2"));
    assert_eq!(
        (beyond.code, beyond.stderr.contains("the package has no frame 9")),
        (Some(2), true),
        "{}",
        beyond.stderr
    );
}

/// A third fetch has only frames to tell of.
fn nothing_has_changed_since(sandbox: &Sandbox, job: &str) {
    let json = sandbox.run(&format!("fetch {job} -o @out --outputs exr --json")).stdout;
    assert!(json.lines().filter_map(parsed).all(|event: Value| event["event"] == "frame"), "{json}");
}

#[test]
fn frames_of_a_worker_that_is_convicted_later_are_named_rewritten_and_signed_anew() {
    let farm = Farm::new();
    let sandbox = &farm.sandbox;
    let shot = "scenes/mosaic.toml --width 60 --height 40 --spp 2 --tile 16";
    let forger = forges(&farm, Forgery::OneFrame(2));
    let job = farm.submit(&format!("{shot} --frames 1-3 --verify none --package @package"));
    sandbox.succeed(&format!("watch {job} --wait"));
    let first = sandbox.run(&format!("fetch {job} -o @out --outputs exr"));
    assert!(!first.stderr.contains("amended") && !first.stderr.contains("taken back"), "{}", first.stderr);
    copy_receipt(sandbox, "out/mosaic", "old");

    // Another job of the farm catches it. What rests on it is taken back, and nobody is there to render it.
    let trap = farm.submit(&format!("{shot} --frames 2 --package @trap"));
    let caught = forger.join().unwrap().unwrap_err();
    assert!(matches!(caught, WorkerError::Quarantined(_)), "{caught}");
    a_verdict_is_rechecked(&farm, "@trap");
    let meanwhile = sandbox.run(&format!("fetch {job} -o @out --outputs exr"));
    assert_eq!(meanwhile.code, Some(4), "{}", meanwhile.stderr);
    for frame in 1..=3 {
        let said = format!(
            "frame {frame} was taken back since it was fetched last: do not use its files that are here\n"
        );
        assert!(meanwhile.stderr.contains(&said), "{}", meanwhile.stderr);
    }
    assert_eq!(overturned(sandbox, "out/mosaic.receipt.json"), [(1, 0), (2, 0), (3, 0)]);

    // Frame 2 alone was wrong.
    let honest = farm.worker("honest", "--backend cpu --threads 1");
    let watched = sandbox.succeed(&format!("watch {job} --wait"));
    assert!(
        watched.contains("36 tiles were overturned and rendered anew, fetch the frames again"),
        "{watched}"
    );
    sandbox.succeed(&format!("watch {trap} --wait"));
    let second = sandbox.run(&format!("fetch {job} -o @out --outputs exr"));
    let amended: Vec<&str> = second.stderr.lines().filter(|line| line.contains("amended")).collect();
    assert_eq!(
        amended,
        [
            "frame 2 was amended since it was fetched last (12 tiles of it were overturned): its files and its receipt are new"
        ]
    );
    assert_eq!(overturned(sandbox, "out/mosaic.receipt.json"), [(1, 12), (2, 12), (3, 12)]);
    let films: Vec<&str> = second.stdout.lines().collect();
    assert_ne!(first.stdout.lines().nth(1), Some(films[1]));
    let alone = sandbox.succeed(&format!("render {shot} --frames 2 --backend cpu -o @honest.exr"));
    assert_eq!(only_film(&alone), films[1].strip_prefix("film ").unwrap());

    // The new receipt proves itself, the old one is found out by its images and by itself.
    let images = "@out/mosaic.0001.exr @out/mosaic.0002.exr @out/mosaic.0003.exr";
    let all = "--blocks 120 --package @package";
    sandbox.succeed(&format!("verify @out/mosaic.receipt.json {images} {all}"));
    let old = sandbox.run(&format!("verify @old.receipt.json {images} {all}"));
    assert_eq!(old.code, Some(1), "{}", old.stderr);
    let wrong: Vec<&str> = old.stdout.lines().take_while(|line| !line.is_empty()).collect();
    assert!(
        old.stdout.contains("mosaic.0002.exr: frame 2, tile 0: 4 of 4 blocks are not as signed"),
        "{}",
        old.stdout
    );
    assert!(
        wrong.iter().all(|line| !line.contains("frame 1,") && !line.contains("frame 3,")),
        "{}",
        old.stdout
    );
    let by_itself = sandbox.run(&format!("verify @old.receipt.json {all}"));
    assert!(by_itself.stdout.starts_with("frame 2, tile "), "{}", by_itself.stdout);
    nothing_has_changed_since(sandbox, &job);
    drop(honest);
}
