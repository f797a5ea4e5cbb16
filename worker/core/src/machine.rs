//! The machine: leases wait for their package and for a device, are rendered in the order they came, answered once, and
//! dropped when they are over. Decides nothing about pixels or connections.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::film::{BLOCK_BYTES, Rays};
use tessera_shared::grid::Grid;
use tessera_shared::ids::LeaseId;
use tessera_shared::lease::{Commit, Lease};

use crate::api::{Action, Config, Event, Output};
use crate::examination::{Examination, draw, next_random};
use crate::items::{Finished, finish, items};

/// How long after its deadline a finished lease is kept for a scheduler that is away: it may use late answers.
const LATE_MS: u64 = 600_000;

/// Where a lease stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Life {
    /// Waits for its package or for a device.
    Waiting,
    Rendering(Grid),
    /// Rendered; the shell holds its pixels and sends them, or will.
    Finished(Commit),
}

#[derive(Clone, Debug)]
struct Held {
    lease: Lease,
    deadline_ms: u64,
    life: Life,
}

impl Held {
    /// When it is dropped unasked. One that renders is given its time once more, as a late answer may be of use; what takes
    /// longer than that may take for ever.
    fn due_ms(&self) -> u64 {
        match self.life {
            Life::Waiting => self.deadline_ms,
            Life::Rendering(_) => self.deadline_ms.saturating_add(u64::from(self.lease.duration_ms)),
            Life::Finished(_) => self.deadline_ms.saturating_add(LATE_MS),
        }
    }

    /// Of the pixels that the shell holds for it.
    fn result_bytes(&self) -> u64 {
        match &self.life {
            Life::Finished(commit) => commit.tiles.iter().map(|tile| (tile.len() * BLOCK_BYTES) as u64).sum(),
            Life::Waiting | Life::Rendering(_) => 0,
        }
    }
}

/// A package as the machine knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Package {
    Fetching,
    Ready(Grid),
}

/// The worker's core.
pub struct Core {
    config: Config,
    connected: bool,
    leases: BTreeMap<LeaseId, Held>,
    /// Leases in the order they came.
    queue: Vec<LeaseId>,
    packages: BTreeMap<Digest, Package>,
    /// Leases that are with a device.
    rendering: BTreeSet<LeaseId>,
    examination: Examination,
    actions: Vec<Action>,
}

impl Core {
    pub fn new(config: Config) -> Core {
        let examination = Examination::new(&config);
        Core {
            config,
            examination,
            connected: false,
            leases: BTreeMap::new(),
            queue: Vec::new(),
            packages: BTreeMap::new(),
            rendering: BTreeSet::new(),
            actions: Vec::new(),
        }
    }

    /// Nothing is in hand: a worker that leaves may end.
    pub fn idle(&self) -> bool {
        self.leases.is_empty()
    }

    /// Takes an event that happened at `now_ms`, milliseconds on a clock that never runs backwards.
    pub fn handle(&mut self, now_ms: u64, event: Event) -> Output {
        match event {
            Event::Connected => self.connected(),
            Event::Disconnected => self.disconnected(),
            Event::Lease(lease) => self.take(now_ms, lease),
            Event::Revoke(lease) => self.revoke(lease),
            Event::PackageReady { package, grid } => {
                self.packages.insert(package, Package::Ready(grid));
            }
            Event::PackageFailed { package, failure } => self.package_failed(package, &failure),
            Event::PackageDropped { package } => {
                self.packages.remove(&package);
            }
            Event::Rendered { lease, digests, rays } => self.rendered(lease, digests, rays),
            Event::RenderFailed { lease, failure } => {
                if self.rendering.remove(&lease) {
                    self.fail(lease, failure);
                }
            }
            Event::ResultsSent { lease } => {
                if self.leases.get(&lease).is_some_and(|held| matches!(held.life, Life::Finished(_))) {
                    self.drop_lease(lease);
                }
            }
            Event::Examined { exact } => self.examined(now_ms, exact),
            Event::Tick => {}
        }
        self.expire(now_ms);
        self.examine(now_ms);
        self.start();
        let due = self.leases.values().map(Held::due_ms).chain(self.examination.at_ms());
        let wake_at = due.min().filter(|due_ms| *due_ms < u64::MAX);
        Output { actions: std::mem::take(&mut self.actions), wake_at }
    }

    fn connected(&mut self) {
        self.connected = true;
        for id in self.queue.clone() {
            if let Some(Held { life: Life::Finished(commit), .. }) = self.leases.get(&id) {
                self.actions.push(Action::SendResults { commit: commit.clone() });
            }
        }
    }

    fn disconnected(&mut self) {
        self.connected = false;
        let waiting = |(id, held): (&LeaseId, &Held)| (held.life == Life::Waiting).then_some(*id);
        for id in self.leases.iter().filter_map(waiting).collect::<Vec<_>>() {
            self.drop_lease(id);
        }
        self.drop_results();
    }

    fn results_bytes(&self) -> u64 {
        self.leases.values().map(Held::result_bytes).sum()
    }

    /// Makes room for results while nobody takes them. Those due first go first: their work was lent anew before the others'.
    fn drop_results(&mut self) {
        while !self.connected && self.results_bytes() > self.config.results_bytes_max {
            let mut finished: Vec<_> =
                self.leases.iter().filter(|(_, held)| matches!(held.life, Life::Finished(_))).collect();
            finished.sort_by_key(|(id, held)| (held.deadline_ms, **id));
            match finished[..] {
                [(first, _), _, ..] => {
                    let first = *first;
                    self.drop_lease(first);
                }
                _ => return,
            }
        }
    }

    fn take(&mut self, now_ms: u64, lease: Lease) {
        match self.leases.get(&lease.id) {
            Some(held) if held.lease == lease => return,
            // A scheduler that has lost its records counts its leases anew: what was held is nobody's.
            Some(_) => self.revoke(lease.id),
            None => {}
        }
        if self.examination == Examination::Failed {
            return;
        }
        if self.leases.len() >= self.config.leases_max as usize {
            let reason = format!("the worker holds {} leases and takes no more", self.leases.len());
            let failure = Failure::new(FailureClass::Node, reason);
            return self.actions.push(Action::SendFailed { lease: lease.id, failure });
        }
        let deadline_ms = now_ms.saturating_add(u64::from(lease.duration_ms));
        self.queue.push(lease.id);
        self.leases.insert(lease.id, Held { lease, deadline_ms, life: Life::Waiting });
    }

    fn revoke(&mut self, lease: LeaseId) {
        if self.rendering.remove(&lease) {
            self.actions.push(Action::Abort { lease });
        }
        self.drop_lease(lease);
    }

    fn drop_lease(&mut self, lease: LeaseId) {
        self.queue.retain(|queued| *queued != lease);
        if let Some(Held { life: Life::Finished(_), .. }) = self.leases.remove(&lease) {
            self.actions.push(Action::DropPixels { lease });
        }
    }

    fn fail(&mut self, lease: LeaseId, failure: Failure) {
        self.drop_lease(lease);
        if self.connected {
            self.actions.push(Action::SendFailed { lease, failure });
        }
    }

    fn package_failed(&mut self, package: Digest, failure: &Failure) {
        self.packages.remove(&package);
        let needs = |(id, held): (&LeaseId, &Held)| {
            (held.lease.package == package && held.life == Life::Waiting).then_some(*id)
        };
        for lease in self.leases.iter().filter_map(needs).collect::<Vec<_>>() {
            self.fail(lease, failure.clone());
        }
    }

    fn rendered(&mut self, lease: LeaseId, digests: Vec<Digest>, rays: Rays) {
        if !self.rendering.remove(&lease) {
            return;
        }
        let Some(held) = self.leases.get_mut(&lease) else { return };
        let Life::Rendering(grid) = held.life else { return };
        match finish(lease, &held.lease.work, &grid, digests, rays) {
            None => {
                let log = "the renderer answered another number of blocks than the lease has";
                self.fail(lease, Failure::new(FailureClass::Node, log))
            }
            Some(Finished::Results(commit)) => {
                held.life = Life::Finished(commit.clone());
                match self.connected {
                    true => self.actions.push(Action::SendResults { commit }),
                    false => self.drop_results(),
                }
            }
            Some(Finished::Check(checked)) => {
                self.drop_lease(lease);
                self.actions.push(Action::DropPixels { lease });
                if self.connected {
                    self.actions.push(Action::SendChecked(checked));
                }
            }
        }
    }

    fn expire(&mut self, now_ms: u64) {
        let over = |(id, held): (&LeaseId, &Held)| (held.due_ms() <= now_ms).then_some(*id);
        for lease in self.leases.iter().filter_map(over).collect::<Vec<_>>() {
            match self.rendering.remove(&lease) {
                true => self.give_up(lease),
                false => self.drop_lease(lease),
            }
        }
    }

    /// Frees the device of a lease that takes too long, whatever its scene has in store for it.
    fn give_up(&mut self, lease: LeaseId) {
        let duration_ms = self.leases.get(&lease).map_or(0, |held| held.lease.duration_ms);
        self.actions.push(Action::Abort { lease });
        let log = format!(
            "it was not rendered in twice the {} s that the lease is for; shorten the job's passes (pass_spp)",
            duration_ms.div_ceil(1000)
        );
        self.fail(lease, Failure::new(FailureClass::Node, log));
    }

    /// Draws when the devices are examined next, and has it done once none of them renders.
    fn examine(&mut self, now_ms: u64) {
        if self.examination == Examination::Undrawn {
            self.draw(now_ms);
        }
        if self.examination.at_ms().is_some_and(|at_ms| at_ms <= now_ms) {
            self.examination = Examination::Due;
        }
        if self.examination == Examination::Due && self.rendering.is_empty() {
            self.examination = Examination::Running;
            self.actions.push(Action::Examine);
        }
    }

    fn draw(&mut self, now_ms: u64) {
        let random = next_random(&mut self.config.seed);
        self.examination = Examination::At(draw(now_ms, self.config.examine_every_ms, random));
    }

    fn examined(&mut self, now_ms: u64, exact: bool) {
        if self.examination != Examination::Running {
            return;
        }
        if exact {
            return self.draw(now_ms);
        }
        self.examination = Examination::Failed;
        // What it has rendered and not delivered is as doubtful as what it would render.
        for lease in self.queue.clone() {
            self.revoke(lease);
        }
        self.actions.push(Action::Leave);
    }

    /// Fetches what is missing and gives free devices the oldest leases whose packages are here.
    fn start(&mut self) {
        let full = self.results_bytes() >= self.config.results_bytes_max;
        for id in self.queue.clone() {
            let Some(held) = self.leases.get_mut(&id).filter(|held| held.life == Life::Waiting) else {
                continue;
            };
            let package = held.lease.package;
            let grid = match self.packages.get(&package) {
                Some(Package::Ready(grid)) => *grid,
                Some(Package::Fetching) => continue,
                None => {
                    self.packages.insert(package, Package::Fetching);
                    self.actions.push(Action::Fetch { package });
                    continue;
                }
            };
            if full
                || self.examination.holds_back()
                || self.rendering.len() >= self.config.slots.max(1) as usize
            {
                continue;
            }
            match items(&held.lease.work, &grid, self.config.lease_blocks_max) {
                Ok(items) => {
                    held.life = Life::Rendering(grid);
                    self.rendering.insert(id);
                    self.actions.push(Action::Render { lease: id, job: held.lease.job, package, items });
                }
                Err(error) => self.fail(id, Failure::new(FailureClass::Job, error.to_string())),
            }
        }
    }
}
