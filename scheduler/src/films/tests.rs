//! Films on a disk of their own: frames that are reset, lost, and taken up by the next process.

use tessera_journal::{HeldPixels, MemoryDisk, TileStore};
use tessera_shared::film::BLOCK_BYTES;

use super::*;
use crate::small_farm;
use crate::storage::SharedDisk;

const JOB: JobId = JobId(1);
const TILES: u32 = 2;
const RAYS: Rays = Rays { camera: 1, bounce: 2, shadow: 3 };

/// A job of two frames of two tiles, one block each, in a folder of its own.
struct Studio {
    room: Room,
    news: mpsc::UnboundedReceiver<Told>,
    folder: tempfile::TempDir,
    disk: Arc<MemoryDisk>,
    next_lease: u64,
}

fn films() -> JobFilms {
    JobFilms {
        name: "shot".into(),
        package: Digest([1; 32]),
        settings: small_farm::settings(8 * TILES, 8),
        frames: vec![FrameNumber(1), FrameNumber(2)],
        mode: Mode::Exact,
    }
}

fn pass(frame: u32, tile: u32) -> TilePass {
    TilePass { frame: FrameNumber(frame), tile: TileIndex(tile), sample_start: 0, sample_end: 1 }
}

fn room(folder: &tempfile::TempDir, disk: &Arc<MemoryDisk>) -> (Room, mpsc::UnboundedReceiver<Told>) {
    let (told, news) = mpsc::unbounded_channel();
    let store = Arc::new(TileStore::open(disk.clone() as SharedDisk, 1 << 20).unwrap());
    let directory = folder.path().to_owned();
    let (jobs, settling) = (BTreeMap::new(), BTreeMap::new());
    (Room { directory, store, told, jobs, settling, tried: Instant::now() }, news)
}

impl Studio {
    fn new() -> Studio {
        let (folder, disk) = (tempfile::tempdir().unwrap(), Arc::new(MemoryDisk::new()));
        let (mut room, news) = room(&folder, &disk);
        room.handle(Command::Begin { job: JOB, films: films() });
        Studio { room, news, folder, disk, next_lease: 1 }
    }

    /// The next process on the same disks; these leases are accepted of frame 1.
    fn restarted(self, made: [u64; 2]) -> Studio {
        let (mut room, news) = room(&self.folder, &self.disk);
        let frames = vec![Accepted { frame: FrameNumber(1), made: made.to_vec(), rays: RAYS }];
        room.handle(Command::Recover { job: JOB, films: films(), frames });
        Studio { room, news, ..self }
    }

    /// Pixels whose bytes are all `value` are on disk. Returns their lease.
    fn hold(&mut self, frame: u32, tile: u32, value: u8) -> LeaseId {
        let lease = LeaseId(self.next_lease);
        self.next_lease += 1;
        let held =
            HeldPixels { lease, job: JOB, pass: pass(frame, tile), root: Digest::of(&[value, tile as u8]) };
        self.room.store.put(&[(held, &[value; BLOCK_BYTES])]).unwrap();
        lease
    }

    /// Adds a tile whose bytes are all `value`.
    fn tile(&mut self, frame: u32, tile: u32, value: u8) -> u64 {
        let lease = self.hold(frame, tile, value);
        self.room.handle(Command::Accept { job: JOB, lease, passes: vec![pass(frame, tile)] });
        lease.0
    }

    fn finish(&mut self, frame: u32) {
        self.room.handle(Command::FrameComplete { job: JOB, frame: FrameNumber(frame), rays: RAYS });
    }

    fn reset(&mut self, frame: u32, tile: u32) {
        let (frame, tile) = (FrameNumber(frame), TileIndex(tile));
        self.room.handle(Command::ResetTile { job: JOB, frame, tile });
    }

    /// Both frames with the tiles' values, finished, and the job's end.
    fn complete(&mut self, values: [u8; 2]) {
        for frame in [1, 2] {
            for tile in 0..TILES {
                self.tile(frame, tile, values[tile as usize]);
            }
            self.finish(frame);
        }
        let since = LeaseId(self.next_lease);
        self.room.handle(Command::JobEnded { job: JOB, since });
    }

    fn fetch(&self, frame: u32) -> Result<Vec<u8>, JobRefusal> {
        self.room.fetch(JOB, FrameNumber(frame)).map(|finished| match finished {
            Finished::File(path, bytes) => std::fs::read(path).unwrap()[..bytes as usize].to_vec(),
            Finished::Memory(bytes) => bytes,
        })
    }

    /// Tile-passes that are said to be lost.
    fn lost(&mut self) -> Vec<TilePass> {
        let passes = std::iter::from_fn(|| self.news.try_recv().ok()).map(|told| match told {
            Told::Lost { passes, .. } => passes,
            Told::Saved { .. } => Vec::new(),
        });
        passes.flatten().collect()
    }

    fn settle(&mut self, reopened: u32) -> Option<Told> {
        self.room.handle(Command::Settle { job: JOB, reopened });
        self.news.try_recv().ok()
    }

    /// Tile-passes whose pixels are kept.
    fn held(&self) -> usize {
        self.room.store.held().len()
    }
}

/// What is fetched of a frame that had these tiles from the start.
fn honest(values: [u8; 2]) -> Vec<u8> {
    let mut studio = Studio::new();
    studio.complete(values);
    studio.fetch(1).unwrap()
}

#[test]
fn a_tile_of_a_completed_job_is_rewritten_on_disk() {
    let mut studio = Studio::new();
    studio.complete([5, 9]);
    studio.reset(1, 1);
    studio.reset(2, 1);
    for frame in [1, 2] {
        assert!(studio.fetch(frame) == Err(JobRefusal::Unfinished));
        studio.tile(frame, 1, 3);
        assert!(studio.fetch(frame) == Err(JobRefusal::Unfinished));
        studio.finish(frame);
    }
    studio.room.handle(Command::JobEnded { job: JOB, since: LeaseId(studio.next_lease) });
    assert!(studio.fetch(1) == Ok(honest([5, 3])));
    assert_ne!(honest([5, 3]), honest([5, 9]));
    // A second time, and both tiles.
    (0..TILES).for_each(|tile| studio.reset(1, tile));
    for tile in 0..TILES {
        studio.tile(1, tile, 7);
    }
    studio.finish(1);
    assert!(studio.fetch(1) == Ok(honest([7, 7])));
}

#[test]
fn pixels_that_come_before_the_films_are_told_that_the_job_had_ended_are_kept() {
    let mut studio = Studio::new();
    for frame in [1, 2] {
        for tile in 0..TILES {
            studio.tile(frame, tile, 1);
        }
        studio.finish(frame);
    }
    // The job is complete, runs again, and a worker has delivered, all before the films' thread is so far.
    let since = LeaseId(studio.next_lease);
    let (late, stray) = (studio.hold(1, 0, 9), studio.hold(1, 1, 8));
    studio.room.handle(Command::JobEnded { job: JOB, since });
    studio.room.handle(Command::ResetTile { job: JOB, frame: FrameNumber(1), tile: TileIndex(0) });
    studio.room.handle(Command::Accept { job: JOB, lease: late, passes: vec![pass(1, 0)] });
    studio.finish(1);
    assert!(studio.news.try_recv().is_err(), "nothing is lost");
    assert_eq!(studio.room.store.held().len(), 1, "the other delivery waits for its check");
    let since = LeaseId(studio.next_lease);
    studio.room.handle(Command::JobEnded { job: JOB, since });
    assert!(!studio.room.store.holds(stray, &pass(1, 1)));
}

#[test]
fn a_reset_frame_needs_no_memory_until_its_pixels_come() {
    let mut studio = Studio::new();
    studio.complete([5, 9]);
    studio.reset(1, 1);
    let job = &studio.room.jobs[&JOB];
    assert!(matches!(&job.frames[&FrameNumber(1)], Frame::Reset(tiles) if tiles.len() == 1));
    // The job is cancelled before: the frame in doubt goes, the other stays.
    studio.room.handle(Command::JobEnded { job: JOB, since: LeaseId(studio.next_lease) });
    assert!(studio.fetch(1) == Err(JobRefusal::Unfinished));
    assert!(studio.fetch(2).is_ok());
}

#[test]
fn a_frame_whose_file_is_gone_is_rendered_anew() {
    let mut studio = Studio::new();
    studio.complete([5, 9]);
    std::fs::remove_file(path(studio.folder.path(), JOB, FrameNumber(1))).unwrap();
    studio.reset(1, 0);
    studio.tile(1, 0, 5);
    assert_eq!(studio.lost(), [pass(1, 1)]);
    studio.finish(1);
    assert!(studio.fetch(1) == Err(JobRefusal::Unfinished));
    assert!(studio.fetch(2).is_ok());
    studio.tile(1, 1, 9);
    studio.finish(1);
    assert!(studio.fetch(1) == Ok(honest([5, 9])));
}

#[test]
fn pixels_stay_until_their_frame_is_on_disk() {
    let mut studio = Studio::new();
    studio.tile(1, 0, 5);
    studio.tile(1, 1, 9);
    assert_eq!(studio.held(), 2);
    studio.finish(1);
    assert_eq!(studio.held(), 0);
}

#[test]
fn a_frame_goes_on_in_the_next_process_from_its_pixels() {
    let mut studio = Studio::new();
    let first = studio.tile(1, 0, 5);
    let mut studio = studio.restarted([first, 0]);
    assert!(studio.fetch(1) == Err(JobRefusal::Unfinished));
    studio.tile(1, 1, 9);
    studio.finish(1);
    assert!(studio.fetch(1) == Ok(honest([5, 9])) && studio.lost().is_empty());
}

#[test]
fn a_frame_that_was_accepted_and_not_written_is_written_by_the_next_process() {
    let mut studio = Studio::new();
    let made = [studio.tile(1, 0, 5), studio.tile(1, 1, 9)];
    let studio = studio.restarted(made);
    assert!(studio.fetch(1) == Ok(honest([5, 9])) && studio.held() == 0);
    // And one whose file is there is not touched.
    let mut studio = studio.restarted(made);
    assert!(studio.fetch(1) == Ok(honest([5, 9])) && studio.lost().is_empty());
}

#[test]
fn a_tile_in_doubt_is_in_doubt_for_the_next_process() {
    let mut studio = Studio::new();
    let first = studio.tile(1, 0, 5);
    studio.tile(1, 1, 9);
    studio.finish(1);
    // Tile 1 was put back, and the process died before or after it was accepted anew.
    let mut studio = studio.restarted([first, 0]);
    assert!(studio.fetch(1) == Err(JobRefusal::Unfinished));
    let again = studio.tile(1, 1, 3);
    let studio = studio.restarted([first, again]);
    assert!(studio.fetch(1) == Ok(honest([5, 3])));
}

#[test]
fn pixels_that_the_disk_lost_are_asked_for_again() {
    let mut studio = Studio::new();
    let first = studio.tile(1, 0, 5);
    let mut studio = studio.restarted([first, 77]);
    assert_eq!(studio.lost(), [pass(1, 1)]);
    assert!(studio.fetch(1) == Err(JobRefusal::Unfinished));
    studio.disk.damage(&tessera_journal::Disk::list(&*studio.disk).unwrap()[0], 400);
    studio.tile(1, 1, 9);
    assert_eq!(studio.lost(), [pass(1, 0)]);
    studio.tile(1, 0, 5);
    studio.finish(1);
    assert!(studio.fetch(1) == Ok(honest([5, 9])));
}

#[test]
fn a_job_is_settled_once_all_its_films_are_saved() {
    let mut studio = Studio::new();
    for tile in 0..TILES {
        studio.tile(1, tile, 1);
        studio.tile(2, tile, 1);
    }
    studio.finish(1);
    assert_eq!(studio.settle(0), None, "frame 2 is not saved");
    studio.finish(2);
    assert_eq!(studio.settle(0), Some(Told::Saved { job: JOB, reopened: 0 }));
    studio.reset(1, 0);
    assert_eq!(studio.settle(1), None, "a tile of frame 1 comes again");
    studio.tile(1, 0, 1);
    studio.finish(1);
    studio.room.save_again();
    assert_eq!(studio.news.try_recv().ok(), None, "films are tried again only so often");
    studio.room.tried = Instant::now() - SAVE_EVERY;
    studio.room.save_again();
    assert_eq!(studio.news.try_recv().ok(), Some(Told::Saved { job: JOB, reopened: 1 }));
}
