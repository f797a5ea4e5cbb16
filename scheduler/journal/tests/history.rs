//! What a journal tells of what happened, to people and to machines.

use expect_test::expect;
use serde_json::json;
use tessera_journal::disk::Disk;
use tessera_journal::format::Kind;
use tessera_journal::history::{Entry, HistoryError, Passed, history, tell};
use tessera_journal::scan::Segments;
use tessera_journal::{Folder, Journal, JournalOptions, MemoryDisk};
use tessera_scheduler_core::api::{Asker, CommittedTile, DeliveredTile, JobSpec, RequestId, WorkerHello};
use tessera_scheduler_core::{Config, Core, Event, Record, tile_root};
use tessera_shared::control::{Failure, FailureClass, JobOrder, OperatorOrder, WorkerOrder};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, WorkerId};
use tessera_shared::messages::{JobOptions, Verify};
use tessera_shared::package::manifest::Settings;

fn spec() -> JobSpec {
    JobSpec {
        owner: NodeKey([0xa1; 32]),
        package: Digest([6; 32]),
        name: "the last shot".into(),
        settings: Settings {
            grid: Grid { width_px: 128, height_px: 64, tile_px: 64 },
            samples: 4,
            pass_samples: 2,
            seed: 0,
            max_bounces: 8,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 10.0,
        },
        frames: vec![FrameNumber(7), FrameNumber(8)],
        options: JobOptions { verify: Verify::None, ..JobOptions::default() },
    }
}

/// The records of a small farm on which a tile is accepted and another failed; one batch an event.
fn batches() -> Vec<Vec<Record>> {
    let mut core = Core::new(Config { pipeline: 1, probation_tiles: 0, ..Config::new([7; 32]) });
    let hello = WorkerHello {
        operator: NodeKey([1; 32]),
        name: "rig".into(),
        kernel_version: tessera_shared::KERNEL_VERSION,
        devices: Vec::new(),
        tags: Vec::new(),
    };
    let (job, worker, request) = (JobId(1), WorkerId(1), RequestId(1));
    let blocks = vec![Digest([3; 32]); 64];
    let root = tile_root(&blocks);
    let rays = Rays { camera: 32_768, bounce: 0, shadow: 0 };
    let failure = Failure::new(FailureClass::Node, "the device was lost");
    let ban = OperatorOrder::Ban { reason: "it is sold".into() };
    let order = |order| Event::Order { request, job, by: Asker::Wrangler, order };
    let events = [
        (10, Event::Submit { request, spec: Box::new(spec()) }),
        (20, Event::PackageComplete { job }),
        (1_250, Event::WorkerConnected { request, hello: Box::new(hello) }),
        (
            1_500,
            Event::Committed {
                worker,
                lease: LeaseId(1),
                tiles: vec![CommittedTile { root, blocks: blocks.clone() }],
            },
        ),
        (
            1_600,
            Event::Delivered { worker, lease: LeaseId(1), tiles: vec![DeliveredTile { root, blocks, rays }] },
        ),
        (1_700, Event::LeaseFailed { worker, lease: LeaseId(2), failure }),
        (1_800, order(JobOrder::Pause)),
        (1_900, Event::OrderWorker { request, worker, by: Asker::Wrangler, order: WorkerOrder::Drain }),
        (2_000, Event::Cancel { request, job, by: Asker::Wrangler }),
        (2_100, Event::WorkerDisconnected { worker }),
        (
            2_200,
            Event::OrderOperator { request, operator: NodeKey([1; 32]), by: Asker::Wrangler, order: ban },
        ),
    ];
    events.into_iter().map(|(now_ms, event)| core.handle(now_ms, event).records).collect()
}

#[test]
fn every_record_is_a_line_and_an_object() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Folder::open(&folder.path().join("journal")).unwrap();
    let mut journal = Journal::resume(&disk, JournalOptions::default()).unwrap().journal;
    batches().iter().for_each(|records| journal.append(&disk, records).unwrap());
    let mut entries: Vec<Entry> = Vec::new();
    let passed = history(folder.path(), |entry| {
        entries.push(entry);
        true
    });
    assert_eq!(passed.unwrap(), Passed { first_batch: 1, torn: Vec::new() });
    let lines: Vec<String> = entries.iter().map(Entry::line).collect();
    expect![[r#"
        1 0.010 submitted job=j1 name="the last shot" owner=a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 frames=7-8 frame_count=2 priority=0
        2 - package_complete job=j1
        3 1.250 joined worker=w1 operator=0101010101010101010101010101010101010101010101010101010101010101 name=rig
        3 1.250 granted lease=l1 worker=w1 job=j1 expires_ms=601510 tiles=7/0@0-2
        4 - committed lease=l1 tiles=1 blocks_drawn=0
        4 1.500 granted lease=l2 worker=w1 job=j1 expires_ms=61760 tiles=7/1@0-2
        5 1.600 delivered lease=l1 landed=held
        5 - accepted job=j1 by=unverified tiles=7/0@0-2
        6 1.700 lease_ended lease=l2 reason=failed worker=w1 class=node log="the device was lost"
        6 1.700 granted lease=l3 worker=w1 job=j1 expires_ms=61828 tiles=7/1@0-2
        7 1.800 paused job=j1
        8 - drained operator=0101010101010101010101010101010101010101010101010101010101010101 name=rig
        9 2.000 job_ended job=j1 reason=cancelled
        10 2.100 left worker=w1
        11 - banned operator=0101010101010101010101010101010101010101010101010101010101010101 reason="it is sold""#]].assert_eq(&lines.join("\n"));
    let granted = entries.iter().find(|entry| entry.what == "granted").unwrap().json();
    assert_eq!((&granted["worker"], &granted["tiles"]), (&json!("w1"), &json!(["7/0@0-2"])));
    let wrong = history(&folder.path().join("journal"), |_| true).unwrap_err();
    assert!(matches!(wrong, HistoryError::NoJournal { .. }), "{wrong}");
}

#[test]
fn what_a_snapshot_has_is_told_as_long_as_it_is_there() {
    let disk = MemoryDisk::new();
    let small = JournalOptions { segment_bytes: 100, snapshot_bytes: 100 };
    let mut journal = Journal::open(&disk, small).unwrap().journal;
    let mut made = 0;
    for round in 0..3 {
        for records in &batches() {
            journal.append(&disk, records).unwrap();
            made += records.len();
        }
        let folded = journal.begin_fold().run(&disk).unwrap();
        let mut told = Vec::new();
        let passed = tell(&disk, |entry| {
            told.push(entry);
            true
        })
        .unwrap();
        assert_eq!(passed.first_batch > 1, folded.segments_removed > 0 || round > 1, "{folded:?}");
        assert!(!told.is_empty() && (told.len() == made) == (passed.first_batch == 1));
        assert!(told.iter().all(|entry| entry.batch >= passed.first_batch));
    }
    let mut first = 0;
    tell(&disk, |_| {
        first += 1;
        false
    })
    .unwrap();
    assert_eq!(first, 1, "who has enough is told no more");
}

/// What is told, and the error.
fn told(disk: &MemoryDisk) -> (Vec<Entry>, Option<String>) {
    let mut entries = Vec::new();
    let passed = tell(disk, |entry| {
        entries.push(entry);
        true
    });
    (entries, passed.err().map(|error| error.to_string()))
}

#[test]
fn a_damaged_journal_is_told_up_to_the_damage_which_is_named() {
    let disk = MemoryDisk::new();
    let small = JournalOptions { segment_bytes: 250, snapshot_bytes: 1 << 30 };
    let mut journal = Journal::open(&disk, small).unwrap().journal;
    batches().iter().for_each(|records| journal.append(&disk, records).unwrap());
    let (whole, error) = told(&disk);
    assert_eq!(error, None);
    let mut names: Vec<String> =
        disk.list().unwrap().into_iter().filter(|name| name.ends_with(".log")).collect();
    names.sort();
    assert!(names.len() > 2, "{names:?}");
    let mut before = 0;
    for name in &names {
        for at in 0..disk.length(name).unwrap() {
            disk.damage(name, at);
            let (entries, error) = told(&disk);
            assert_eq!(entries, whole[..entries.len()], "{name}, byte {at}");
            // The last batch of all may as well be one that a crash cut.
            let last = error.is_none();
            assert!(
                last || error.is_some_and(
                    |error| error.contains(&format!("{name} ")) || error.contains("is missing before")
                ),
                "{name}, byte {at}"
            );
            assert!(!last || name == names.last().unwrap(), "{name}, byte {at}");
            assert!(entries.len() >= before && entries.len() < whole.len(), "{name}, byte {at}");
            disk.damage(name, at);
        }
        before = whole.iter().filter(|entry| entry.batch < first_behind(&disk, name)).count();
    }
}

/// The first batch of the segment behind this one.
fn first_behind(disk: &MemoryDisk, name: &str) -> u64 {
    let segments = Segments::list(disk, Kind::Records).unwrap();
    let at = segments.all.iter().position(|segment| segment.name == *name).unwrap();
    segments.first_after(at).unwrap_or(u64::MAX)
}
