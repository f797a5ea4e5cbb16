//! What a scheduler takes up of the process before it: leases whose results may still come, films, and which pixels are still
//! wanted. Reads the core's state after its restart and decides nothing.

use std::collections::BTreeSet;

use tessera_scheduler_core::api::Event;
use tessera_scheduler_core::jobs::{Job, Phase};
use tessera_scheduler_core::state::State;
use tessera_shared::ids::{FrameNumber, JobId};

use crate::deliveries::Deliveries;
use crate::films::{Accepted, Command, JobFilms};
use crate::packages::Packages;
use crate::pixels::Store;

/// The jobs that a state knows.
pub(crate) fn jobs(state: &State) -> BTreeSet<JobId> {
    state.jobs.keys().copied().collect()
}

/// Leases that may still be answered can be, pixels that nobody wants go. Returns what the films are told, in order.
pub(crate) fn recover(state: &State, deliveries: &Deliveries, store: &Store) -> Vec<Command> {
    for (job, entry) in state.jobs.iter().filter(|(_, entry)| !entry.ended()) {
        deliveries.begin_job(*job, &entry.spec.settings);
    }
    for (id, lease) in &state.leases {
        let Some(entry) = state.jobs.get(&lease.job) else { continue };
        let passes: Vec<_> = lease.rendered().iter().map(|key| entry.pass(*key)).collect();
        if !passes.is_empty() {
            deliveries.expect(*id, lease.job, state.operators.key(lease.operator), passes);
        }
    }
    let orphans = store.keep(|held| state.wants_pixels(held.job, held.lease, &held.pass));
    if orphans > 0 {
        tracing::info!(tile_passes = orphans, "pixels that nobody wants are dropped");
    }
    state.jobs.iter().map(|(job, entry)| films_of(*job, entry)).collect()
}

fn films_of(job: JobId, entry: &Job) -> Command {
    let spec = &entry.spec;
    let films = JobFilms::of(spec);
    if entry.ended() && !entry.overturnable() {
        let finished = entry.credits.keys().filter_map(|frame| spec.frames.get(*frame as usize));
        return Command::Ended { job, films, finished: finished.copied().collect() };
    }
    let frames = entry.ledgers.iter().filter_map(|(frame, ledger)| {
        let frame: FrameNumber = *spec.frames.get(*frame as usize)?;
        let made = ledger.entries.iter().map(|entry| entry.map_or(0, |accepted| accepted.lease.0)).collect();
        Some(Accepted { frame, made, rays: ledger.rays })
    });
    Command::Recover { job, films, frames: frames.collect() }
}

/// Deliveries whose pixels are not there, as events.
pub(crate) fn lost_deliveries(state: &State, store: &Store) -> Vec<Event> {
    let lost = state.deliveries_held().filter(|(_, pass, delivery)| !store.holds(delivery.lease, pass));
    lost.map(|(job, pass, _)| Event::PixelsLost { job, passes: vec![pass] }).collect()
}

/// Jobs that were submitted and whose package is here, as events: the process before had no time to say so.
pub(crate) fn whole_packages(state: &State, packages: &Packages) -> Vec<Event> {
    let uploading = state.jobs.iter().filter(|(_, entry)| entry.phase == Phase::Uploading);
    let whole = uploading.filter(|(job, entry)| match packages.manifest(&entry.spec.package) {
        Ok((_, missing)) if missing.is_empty() => true,
        _ => {
            tracing::warn!(%job, "its package is not whole; submit the shot again");
            false
        }
    });
    whole.map(|(job, _)| Event::PackageComplete { job: *job }).collect()
}
