//! The journal on a disk that loses power, is full, fails and is damaged: what was acknowledged is there, nothing is there twice.

use expect_test::expect;
use tessera_journal::format::{BatchHeader, Kind, SegmentHeader, SnapshotHeader};
use tessera_journal::{Disk, Journal, JournalOptions, MemoryDisk, OpenError, Opened};
use tessera_scheduler_core::Record;
use tessera_scheduler_core::api::{RefereeId, WorkerHello};
use tessera_scheduler_core::state::State;
use tessera_scheduler_core::tiles::TileKey;
use tessera_shared::ids::{JobId, NodeKey, WorkerId};

/// Several batches to a segment, several segments to a snapshot.
const SMALL: JournalOptions = JournalOptions { segment_bytes: 600, snapshot_bytes: 1500 };

/// Two records that count up and leave the last number, so that none may be missing, twice or out of order.
fn batch(number: u64) -> Vec<Record> {
    let hello = WorkerHello {
        operator: NodeKey([1; 32]),
        name: format!("worker {number}"),
        kernel_version: 1,
        devices: Vec::new(),
        tags: Vec::new(),
    };
    let tiles = (0..20).map(|index| TileKey { frame: 0, index }).collect();
    let counted = Record::Inconclusive { id: RefereeId(number), job: JobId(1), tiles, late: true };
    vec![counted, Record::Joined { worker: WorkerId(1), at_ms: number, hello }]
}

/// The state after so many batches.
fn state(batches: u64) -> State {
    let mut state = State::default();
    (0..batches).flat_map(batch).for_each(|record| state.apply(&record));
    state
}

/// How many batches the state has.
fn batches_in(opened: &Opened) -> u64 {
    opened.state.referee_tally.inconclusive
}

/// Appends batches from `from` to `until` and folds when it is due; stops at the first error. Returns how many are acknowledged.
fn work(disk: &MemoryDisk, journal: &mut Journal, from: u64, until: u64) -> u64 {
    for number in from..until {
        if journal.append(disk, &batch(number)).is_err() {
            return number;
        }
        if let Some(fold) = journal.fold_due() {
            match fold.run(disk) {
                Ok(folded) => journal.folded(&folded),
                Err(_) => return number + 1,
            }
        }
    }
    until
}

/// Small numbers from one seed.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut word = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word % below
    }
}

#[test]
fn power_may_fail_at_any_change() {
    const BATCHES: u64 = 80;
    let disk = MemoryDisk::new();
    let mut journal = Journal::resume(&disk, SMALL).unwrap().journal;
    assert_eq!(work(&disk, &mut journal, 0, BATCHES), BATCHES);
    let (changes, mut torn, mut folded) = (disk.changes(), 0, 0);
    assert!(!disk.list().unwrap().contains(&"0000000000000001.log".to_owned()), "nothing is pruned");
    for die_at in 0..changes {
        let disk = MemoryDisk::new();
        let mut journal = Journal::resume(&disk, SMALL).unwrap().journal;
        disk.fail_after(Some(die_at));
        let acknowledged = work(&disk, &mut journal, 0, BATCHES);
        disk.crash(dice(die_at));
        let opened = Journal::resume(&disk, SMALL).unwrap_or_else(|error| panic!("{die_at}: {error}"));
        let there = batches_in(&opened);
        assert!((acknowledged..=acknowledged + 1).contains(&there), "{die_at}: {there} of {acknowledged}");
        assert_eq!(opened.state, state(there), "{die_at}");
        torn += opened.replayed.torn.len();
        folded += usize::from(opened.replayed.snapshot.is_some());
        let mut journal = opened.journal;
        assert_eq!(work(&disk, &mut journal, there, BATCHES), BATCHES, "{die_at}");
        let again = Journal::resume(&disk, SMALL).unwrap();
        assert_eq!(again.state, state(BATCHES), "{die_at}");
    }
    assert!(torn > 0 && folded > 0, "{torn} torn tails, {folded} snapshots were met");
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    for bytes_max in (0..4_000).step_by(37) {
        let disk = MemoryDisk::new();
        let mut journal = Journal::resume(&disk, SMALL).unwrap().journal;
        disk.limit(Some(bytes_max));
        let acknowledged = (0..100).find(|number| match journal.append(&disk, &batch(*number)) {
            Ok(()) => false,
            Err(error) => {
                assert!(error.is_full(), "{error}");
                true
            }
        });
        let acknowledged = acknowledged.unwrap();
        // Tried again before there is room, and after.
        assert!(journal.append(&disk, &batch(acknowledged)).is_err());
        disk.limit(None);
        assert_eq!(work(&disk, &mut journal, acknowledged, 60), 60);
        assert_eq!(Journal::resume(&disk, SMALL).unwrap().state, state(60), "{bytes_max}");
    }
}

#[test]
fn a_device_that_fails_for_a_while_brings_no_batch_twice() {
    for failing in 1..60 {
        let disk = MemoryDisk::new();
        let mut journal = Journal::resume(&disk, SMALL).unwrap().journal;
        disk.fail_after(Some(failing));
        let acknowledged = work(&disk, &mut journal, 0, 30);
        disk.fail_after(None);
        // A fold that failed has appended its batch already.
        let there = batches_in(&Journal::open(&disk, SMALL).unwrap()).max(acknowledged);
        assert!((acknowledged..=acknowledged + 1).contains(&there));
        assert_eq!(work(&disk, &mut journal, acknowledged, 30), 30, "{failing}");
        assert_eq!(Journal::resume(&disk, SMALL).unwrap().state, state(30), "{failing}");
    }
}

/// A journal of some batches and the names of its files.
fn written(batches: u64) -> (MemoryDisk, Vec<String>) {
    let disk = MemoryDisk::new();
    let mut journal = Journal::resume(&disk, SMALL).unwrap().journal;
    work(&disk, &mut journal, 0, batches);
    let mut names = disk.list().unwrap();
    names.sort();
    (disk, names)
}

#[test]
fn damage_before_intact_data_is_named_and_nothing_is_changed() {
    let (disk, names) = written(8);
    disk.damage(&names[0], 200);
    let changes = disk.changes();
    let error = Journal::resume(&disk, SMALL).unwrap_err();
    assert!(matches!(&error, OpenError::Damaged { name, .. } if *name == names[0]), "{error}");
    assert_eq!(disk.changes(), changes);
    let (disk, names) = written(8);
    disk.remove(&names[0]).unwrap();
    let error = Journal::resume(&disk, SMALL).unwrap_err();
    assert!(matches!(&error, OpenError::Gap { expected: 1, .. }), "{error}");
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_the_one_before() {
    let (disk, names) = written(150);
    let snapshots: Vec<_> = names.iter().filter(|name| name.ends_with(".state")).collect();
    assert_eq!(snapshots.len(), 2);
    disk.damage(snapshots[1], 100);
    let opened = Journal::resume(&disk, SMALL).unwrap();
    assert_eq!((opened.state, opened.replayed.damaged), (state(150), vec![snapshots[1].clone()]));
}

#[test]
fn a_newer_journal_is_refused_by_its_version() {
    for (ending, at) in [(".log", 0), (".state", 1)] {
        let (disk, names) = written(150);
        let name = names.iter().find(|name| name.ends_with(ending)).unwrap().clone();
        let mut bytes = vec![0; disk.length(&name).unwrap() as usize];
        disk.read_at(&name, 0, &mut bytes).unwrap();
        bytes[8] = 9;
        disk.create(&name).unwrap();
        disk.append(&name, &bytes).unwrap();
        if at == 1 {
            let newest = names.iter().rfind(|name| name.ends_with(ending)).unwrap();
            disk.damage(newest, 100);
        }
        let error = Journal::resume(&disk, SMALL).unwrap_err();
        assert!(matches!(&error, OpenError::Newer { version: 9, known: 1, .. }), "{error}");
        assert!(error.to_string().contains(&name), "{error}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_of_every_header() {
    let segment = SegmentHeader { kind: Kind::Records, number: 3, first: 500 };
    let tiles = SegmentHeader { kind: Kind::Tiles, number: 3, first: 500 };
    let batch = BatchHeader::new(7, b"payload");
    let snapshot = SnapshotHeader::new(500, b"state");
    assert_eq!(SegmentHeader::decode(&segment.encode()), Ok(segment));
    assert_eq!(SegmentHeader::decode(&tiles.encode()), Ok(tiles));
    assert_eq!(BatchHeader::decode(&batch.encode()), Some(batch));
    assert_eq!(SnapshotHeader::decode(&snapshot.encode()), Ok(snapshot));
    let lines = [
        format!("segment of records: {}", hex(&segment.encode())),
        format!("segment of tiles: {}", hex(&tiles.encode())),
        format!("batch: {}", hex(&batch.encode())),
        format!("snapshot: {}", hex(&snapshot.encode())),
    ];
    expect![[r#"
        segment of records: 7465737365724a0a01000000010000000300000000000000f401000000000000d02a8f56fde9d7872cc31ecb23fa9398
        segment of tiles: 7465737365724a0a01000000020000000300000000000000f4010000000000000df725f9ca0e8963baccb61329bfece3
        batch: 7442610a070000000700000000000000ec90915fa26ab012a89a88ecc8b47e4dce9a602518fcbe5bdc95a99f18c0e168
        snapshot: 746573736572530a0100000000000000f4010000000000000500000000000000456cf7f1bcf2d3dc53ec88b93f05b00541ccc86be58e60e92d1aecae3aa5a513"#]].assert_eq(&lines.join("\n"));
}
