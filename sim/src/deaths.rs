//! How the scheduler's process dies and comes back: at which moment, what the disk has kept by then, and what must be there
//! again.

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
    /// With records written and not yet durable.
    BeforeSync,
    /// With durable records of which nothing has followed.
    BeforeEffects,
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
        let seen = self.process.seen;
        self.epoch += 1;
        self.outcome.deaths += 1;
        let whole = self.records.len();
        let kept = self.storage.crash(&mut self.random);
        if self.loses_pixels() {
            self.storage.lose_pixels();
        }
        Checker::Durability
            .demand(kept >= seen, || format!("{seen} of {whole} records were acted on, {kept} survive"));
        self.records.truncate(kept);
        self.outcome.records_lost += (whole - kept) as u64;
        self.process = Process { seen: kept, ..Process::default() };
        self.shell.held.clear();
        let open = self.wires.connections.iter().filter(|(_, entry)| entry.scheduler_open);
        for connection in open.map(|(id, _)| *id).collect::<Vec<_>>() {
            let entry = self.wires.connections.get_mut(&connection).expect("it is there");
            entry.scheduler_open = false;
            self.silence(connection, End::Worker);
        }
        let epoch = self.epoch;
        self.at(self.now_ms + down_ms, Happening::Recover { epoch, whole: whole == kept });
    }

    /// A new process starts from what is on the disk.
    pub(crate) fn recover(&mut self, whole: bool) {
        let replayed = Core::replay(self.farm.config.clone(), &self.records);
        let same = !whole || replayed.state().digest() == self.core.state().digest();
        Checker::Replay.demand(same, || "replay differs from the state before the restart".to_owned());
        self.core = replayed;
        self.shadow_anew();
        self.audit.begin_anew(&self.records, self.core.state());
        self.shell.recover(self.core.state(), self.storage.films());
        self.tamper_with_state();
        self.epoch_start_ms = self.now_ms;
        self.process.up = true;
        self.schedule(Event::Restarted);
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
}
