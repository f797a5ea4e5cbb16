//! A scheduler that is killed again and again over one job: the picture is that of `render`, and no more is rendered twice than
//! was in workers' hands.

use std::collections::BTreeSet;

use serde_json::Value;
use tessera_journal::{Folder, Journal, JournalOptions};
use tessera_scheduler_core::Record;
use tessera_scheduler_core::leases::LentWork;
use tessera_scheduler_core::state::State;
use tessera_scheduler_core::tiles::{TileKey, TileLife};
use tessera_shared::ids::LeaseId;

use crate::farm::Farm;
use crate::sandbox::Running;

/// How often the scheduler is killed where `TESSERA_KILLS` does not say.
const KILLS: u64 = 5;

/// What the records say of work done twice.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rework {
    restarts: u64,
    /// Tile-passes in live leases when the scheduler died.
    in_flight: u64,
    /// Tile-passes that were lent although they had been lent before and nobody had them.
    lent_again: u64,
    accepted: u64,
    lost: u64,
}

impl Rework {
    /// Reads the journal of a scheduler that has stopped.
    fn read(folder: &std::path::Path) -> Rework {
        let (mut state, mut rework, mut lent) = (State::default(), Rework::default(), BTreeSet::new());
        let disk = Folder::open(folder).unwrap();
        let opened = Journal::open_and_show(&disk, JournalOptions::default(), |_, record| {
            rework.count(&state, &mut lent, record);
            state.apply(record);
        });
        assert_eq!(opened.unwrap().state, state, "a snapshot hides the first records: make the job smaller");
        rework
    }

    fn count(&mut self, state: &State, lent: &mut BTreeSet<TileKey>, record: &Record) {
        match record {
            Record::Restarted => {
                let live = state.leases.values().filter(|lease| lease.live());
                self.in_flight += live.map(|lease| lease.rendered().len() as u64).sum::<u64>();
                self.restarts += 1;
            }
            Record::Granted { job, tiles, .. } => {
                let held = |key: &&TileKey| {
                    let life = state.jobs[job].open.get(key);
                    matches!(life, Some(TileLife::Leased { lease, .. }) if is_live(state, *lease))
                };
                // At the end of a frame idle workers duplicate what others are slow with.
                let fresh = tiles.iter().filter(|key| !held(key));
                self.lent_again += fresh.filter(|key| !lent.insert(**key)).count() as u64;
            }
            Record::Accepted { tiles, .. } => self.accepted += tiles.len() as u64,
            Record::PixelsLost { tiles, .. } => self.lost += tiles.len() as u64,
            _ => {}
        }
    }
}

fn is_live(state: &State, lease: LeaseId) -> bool {
    state.leases.get(&lease).is_some_and(LentWork::live)
}

/// The scheduler again, where it listened before.
fn again(farm: &Farm, port: &str) -> Running {
    let mut scheduler = farm.sandbox.start(&format!("scheduler --data @farm --listen 127.0.0.1:{port}"));
    let link = scheduler.line(|line| line.strip_prefix("worker ").map(str::to_owned));
    assert_eq!(link, farm.worker_link, "workers keep their link");
    scheduler
}

fn samples_done(line: &str) -> Option<u64> {
    serde_json::from_str::<Value>(line).ok()?["samples_done"].as_u64()
}

#[test]
fn a_scheduler_that_is_killed_again_and_again_loses_nothing() {
    let kills = std::env::var("TESSERA_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    // Some seconds of work for every life of the scheduler.
    let samples = 48 * kills;
    let shot = format!("scenes/mosaic.toml --width 256 --height 192 --spp {samples} --pass-spp 8");
    let mut farm = Farm::new();
    let port =
        farm.worker_link.split('/').nth(2).and_then(|host| host.rsplit(':').next()).unwrap().to_owned();
    let workers = ["one", "two"].map(|name| farm.worker(name, "--backend cpu --threads 1"));
    let job = farm.submit(&shot);
    let (mut killed, mut before) = (0, 0);
    while killed < kills {
        let mut watch = farm.sandbox.start(&format!("watch {job} --wait --json"));
        before = watch.line(|line| samples_done(line).filter(|done| *done > before));
        let scheduler = std::mem::replace(&mut farm.scheduler, watch);
        scheduler.kill();
        farm.scheduler = again(&farm, &port);
        killed += 1;
    }
    let mut watch = farm.sandbox.start(&format!("watch {job} --wait --json"));
    while before < samples * 256 * 192 {
        before = watch.line(|line| samples_done(line).filter(|done| *done > before));
    }
    let (code, lines) = watch.end();
    assert_eq!(code, Some(0), "{lines:?}");
    let fetched = crate::sandbox::only_film(&farm.sandbox.succeed(&format!("fetch {job} -o @fetched")));
    let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    let folder = farm.sandbox.path("farm/journal");
    let Farm { sandbox, scheduler, .. } = farm;
    drop(workers);
    scheduler.ask_to_end();
    let rework = Rework::read(&folder);
    eprintln!("{rework:?} of {} tile-passes", last["tiles_total"]);
    assert_eq!((rework.restarts, rework.lost), (kills, 0), "{rework:?}");
    assert_eq!(Some(rework.accepted), last["tiles_total"].as_u64(), "{rework:?}");
    assert!(rework.lent_again <= rework.in_flight, "{rework:?}");
    assert_eq!(fetched, sandbox.film(&format!("{shot} --backend cpu")));
}
