//! Pixels of deliveries on a disk that loses power, is full and is damaged: what was put is read, equal contents are kept once,
//! what nobody wants goes.

use std::sync::Arc;

use tessera_journal::tiles::{ReadError, TileStore};
use tessera_journal::{Disk, HeldPixels, MemoryDisk};
use tessera_shared::digest::Digest;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, TileIndex};
use tessera_shared::lease::TilePass;

const SEGMENT_BYTES: u64 = 4_000;

/// Tile `tile` of a lease, whose pixels are all `value`.
fn tile(lease: u64, tile: u32, value: u8) -> (HeldPixels, Vec<u8>) {
    let pass = TilePass { frame: FrameNumber(1), tile: TileIndex(tile), sample_start: 0, sample_end: 4 };
    let root = Digest::of(&[value]);
    (HeldPixels { lease: LeaseId(lease), job: JobId(lease % 2), pass, root }, vec![value; 700])
}

fn put(store: &TileStore<Arc<MemoryDisk>>, tiles: &[(HeldPixels, Vec<u8>)]) -> bool {
    let tiles: Vec<_> = tiles.iter().map(|(held, pixels)| (held.clone(), &pixels[..])).collect();
    store.put(&tiles).is_ok()
}

fn open(disk: &Arc<MemoryDisk>) -> TileStore<Arc<MemoryDisk>> {
    TileStore::open(disk.clone(), SEGMENT_BYTES).unwrap()
}

fn read(store: &TileStore<Arc<MemoryDisk>>, held: &HeldPixels) -> Result<Vec<u8>, ReadError> {
    store.read(held.lease, &held.pass)
}

#[test]
fn what_is_put_is_read_after_power_failed_at_any_change() {
    let (mut died, mut whole) = (0, 0);
    for die_at in 0.. {
        let disk = Arc::new(MemoryDisk::new());
        let store = open(&disk);
        disk.fail_after(Some(die_at));
        let deliveries: Vec<_> =
            (1..9).map(|lease| [tile(lease, 0, lease as u8), tile(lease, 1, 100 + lease as u8)]).collect();
        let acknowledged: Vec<_> = deliveries.iter().take_while(|tiles| put(&store, &tiles[..])).collect();
        let done = acknowledged.len() == deliveries.len();
        disk.crash(|below| (die_at * 7 + 3) % below);
        let store = open(&disk);
        for (held, pixels) in acknowledged.into_iter().flatten() {
            assert_eq!(read(&store, held).unwrap(), *pixels, "{die_at}");
        }
        // What was not acknowledged may be there, and is itself or nothing; put again it is there once.
        for tiles in &deliveries {
            for (held, pixels) in tiles {
                assert!(read(&store, held).map_or(true, |found| found == *pixels), "{die_at}");
            }
            assert!(put(&store, tiles));
        }
        let store = open(&disk);
        assert_eq!(store.held().len(), 16);
        deliveries
            .iter()
            .flatten()
            .for_each(|(held, pixels)| assert_eq!(read(&store, held).unwrap(), *pixels));
        whole += usize::from(done);
        died += usize::from(!done);
        if done {
            break;
        }
    }
    assert!(died > 20 && whole == 1, "{died} deaths");
}

#[test]
fn equal_contents_are_written_once_and_stay_while_one_wants_them() {
    let disk = Arc::new(MemoryDisk::new());
    let store = open(&disk);
    let (first, second) = (tile(1, 0, 7), tile(2, 0, 7));
    put(&store, &[first.clone()]);
    let before = disk.bytes();
    put(&store, &[second.clone()]);
    assert!(disk.bytes() - before < 200, "the content is written twice");
    store.remove([(first.0.lease, &first.0.pass)]);
    assert!(matches!(read(&store, &first.0), Err(ReadError::Absent)));
    assert_eq!(read(&store, &second.0).unwrap(), second.1);
    // Also by a store that finds them.
    let store = open(&disk);
    store.keep(|held| held.lease == LeaseId(2));
    assert_eq!(read(&store, &second.0).unwrap(), second.1);
}

#[test]
fn segments_go_when_nothing_of_them_is_wanted() {
    let disk = Arc::new(MemoryDisk::new());
    let store = open(&disk);
    let tiles: Vec<_> = (1..40).map(|lease| tile(lease, 0, lease as u8)).collect();
    tiles.iter().for_each(|tile| assert!(put(&store, std::slice::from_ref(tile))));
    let files = disk.list().unwrap().len();
    assert_eq!(store.keep(|held| held.lease == LeaseId(20)), 38);
    assert_eq!(disk.list().unwrap().len(), 2, "of {files}");
    assert_eq!(read(&store, &tiles[19].0).unwrap(), tiles[19].1);
    store.remove_job(JobId(0));
    let store = open(&disk);
    store.keep(|_| false);
    assert_eq!((store.held(), disk.list().unwrap().len()), (Vec::new(), 0));
}

#[test]
fn a_full_disk_refuses_and_takes_the_same_later() {
    let disk = Arc::new(MemoryDisk::new());
    let store = open(&disk);
    let tiles: Vec<_> = (1..9).map(|lease| tile(lease, 0, lease as u8)).collect();
    disk.limit(Some(3_000));
    let taken = tiles.iter().take_while(|tile| put(&store, std::slice::from_ref(tile))).count();
    assert!((1..8).contains(&taken));
    assert!(matches!(read(&store, &tiles[taken].0), Err(ReadError::Absent)));
    disk.limit(None);
    tiles[taken..].iter().for_each(|tile| assert!(put(&store, std::slice::from_ref(tile))));
    let store = open(&disk);
    tiles.iter().for_each(|(held, pixels)| assert_eq!(read(&store, held).unwrap(), *pixels));
}

#[test]
fn damaged_pixels_are_found_when_they_are_read() {
    let disk = Arc::new(MemoryDisk::new());
    let tiles = [tile(1, 0, 1), tile(2, 0, 2)];
    assert!(put(&open(&disk), &tiles));
    disk.damage(&disk.list().unwrap()[0], 400);
    let store = open(&disk);
    assert!(matches!(read(&store, &tiles[0].0), Err(ReadError::Damaged { .. })));
    assert_eq!(read(&store, &tiles[1].0).unwrap(), tiles[1].1);
}

#[test]
fn pixels_that_come_again_mend_the_damaged_ones_and_outlive_whom_they_replace() {
    let disk = Arc::new(MemoryDisk::new());
    let (first, neighbour, second) = (tile(1, 0, 1), tile(2, 0, 2), tile(3, 0, 1));
    assert!(put(&open(&disk), &[first.clone(), neighbour.clone()]));
    disk.damage(&disk.list().unwrap()[0], 400);
    let store = open(&disk);
    for _ in 0..2 {
        assert!(read(&store, &first.0).is_err());
        assert!(!store.holds(first.0.lease, &first.0.pass));
    }
    assert!(put(&store, &[second.clone()]));
    for held in [&first.0, &second.0] {
        assert_eq!(read(&store, held).unwrap(), second.1, "both have the same pixels");
    }
    store.remove([(first.0.lease, &first.0.pass)]);
    assert_eq!(read(&store, &second.0).unwrap(), second.1);
    assert_eq!(read(&store, &neighbour.0).unwrap(), neighbour.1);
    let store = open(&disk);
    assert_eq!(read(&store, &second.0).unwrap(), second.1);
}
