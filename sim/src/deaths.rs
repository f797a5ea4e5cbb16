//! How the scheduler's process dies and comes back: at which moment, what its disks have kept by then, and what must be
//! there again.

use std::collections::BTreeSet;

use tessera_scheduler_core::state::State;
use tessera_scheduler_core::{Core, Event};

use crate::checkers::Checker;
use crate::network::End;
use crate::scheduler::Process;
use crate::world::{Happening, World};

/// When a process dies that decides something, makes it durable and does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Between two events.
    Now,
    /// With records made and nothing written.
    BeforeAppend,
    /// With records partly written, or written and not yet durable.
    BeforeSync,
    /// With durable records of which nothing has followed.
    BeforeEffects,
    /// With a delivery's pixels partly written.
    InPixels,
    /// With a snapshot partly written, or partly in the place of what it replaces.
    InSnapshot,
    /// After so many replies, messages and effects of one event.
    AmongEffects { after: u32 },
}

/// A death that waits for its moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doom {
    pub moment: Moment,
    pub down_ms: u64,
}

impl World {
    /// The process is to die at this moment and to come back after so long.
    pub(crate) fn doom(&mut self, moment: Moment, down_ms: u64) {
        if !self.process.up {
            return;
        }
        self.process.doom = Some(Doom { moment, down_ms });
        if moment == Moment::Now {
            self.die();
        }
    }

    /// The process is gone, with everything that was not durable.
    pub(crate) fn die(&mut self) {
        let down_ms = self.process.doom.map_or(0, |doom| doom.down_ms);
        self.epoch += 1;
        self.outcome.deaths += 1;
        self.storage.crash();
        self.process = Process { seen: self.process.seen, ..Process::default() };
        self.shell.held.clear();
        let open = self.wires.connections.iter().filter(|(_, entry)| entry.scheduler_open);
        for connection in open.map(|(id, _)| *id).collect::<Vec<_>>() {
            let entry = self.wires.connections.get_mut(&connection).expect("it is there");
            entry.scheduler_open = false;
            self.silence(connection, End::Worker);
        }
        let epoch = self.epoch;
        self.at(self.now_ms + down_ms, Happening::Recover { epoch });
    }

    /// What the disk has kept of the records is a beginning of them, with everything that was acted on. Returns the state that
    /// they tell; none if the disk has lied and that is seen.
    fn kept_state(&mut self) -> Option<State> {
        let (opened, kept) = match self.storage.open() {
            Ok(opened) => opened,
            Err(error) if self.farm.lies_permille > 0 => {
                self.note(format!("the journal refuses to open: {error}"));
                return None;
            }
            Err(error) => Checker::Durability.fail(format!("the journal does not open: {error}")),
        };
        let (seen, made) = (self.process.seen, self.records.len());
        Checker::Durability.demand(kept >= seen || self.farm.lies_permille > 0, || {
            format!("{seen} of {made} records were acted on, {kept} survive")
        });
        self.records.truncate(kept);
        self.outcome.records_lost += (made - kept) as u64;
        let mut state = State::default();
        self.records.iter().for_each(|record| state.apply(record));
        let same = state == opened.state;
        Checker::Replay.demand(same, || "the journal's state is not what its records tell".to_owned());
        (kept >= seen).then_some(opened.state)
    }

    /// A new process starts from what is on the disks.
    pub(crate) fn recover(&mut self) {
        let Some(state) = self.kept_state() else {
            self.outcome.lied_to = true;
            return;
        };
        self.core = Core::resume(self.farm.config.clone(), state);
        self.shadow_anew();
        self.audit.begin_anew(&self.records, self.core.state());
        if self.loses_pixels() {
            self.lose_pixels();
        }
        let lost = self.shell.recover(self.core.state(), &self.storage);
        if self.farm.lies_permille > 0 && !lost.is_empty() {
            self.outcome.lied_to = true;
            return;
        }
        Checker::LostTile
            .demand(lost.is_empty(), || format!("recorded, and their pixels are gone: {lost:?}"));
        self.tamper_with_state();
        self.start_scheduler();
        for job in self.jobs.iter().flatten().copied().collect::<Vec<_>>() {
            self.schedule(Event::PackageComplete { job });
        }
        for shot in 0..self.jobs.len() {
            // Whoever got no answer asks again.
            if self.jobs[shot].is_none() && self.farm.shots[shot].at_ms <= self.now_ms {
                let pause_ms = self.random.between(10, 2_000);
                self.at(self.now_ms + pause_ms, Happening::Submit { shot });
            }
        }
    }

    /// The process handles its first event.
    pub(crate) fn start_scheduler(&mut self) {
        self.epoch_start_ms = self.now_ms;
        self.process.up = true;
        if self.records.is_empty() {
            return self.schedule(Event::Remembered { operators: Vec::new() });
        }
        let _ = self.scheduled(Event::Restarted, |world| {
            // Of two deliveries in dispute neither is taken.
            let held = world.core.state().deliveries_held();
            let held: BTreeSet<_> = held.map(|(_, _, delivery)| (delivery.lease, delivery.at)).collect();
            for (lease, tiles) in &mut world.shell.held {
                tiles.retain(|at, _| held.contains(&(*lease, *at)));
            }
            world.shell.held.retain(|_, tiles| !tiles.is_empty());
        });
    }
}
