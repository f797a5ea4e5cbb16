//! What the machine knows of connected workers and forgets when they go: their measured rate and the leases in their
//! hands. None of it is recorded; after a restart it is measured anew.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::digest::Digest;
use tessera_shared::ids::LeaseId;
use tessera_shared::messages::Mode;

use crate::accounting::OperatorId;
use crate::failures::Machine;
use crate::haste::{Pace, Span};

/// Fastest rate that is believed, in rays a second of one device.
const RATE_MAX: u64 = 1 << 44;

/// Packages that it is remembered to have, and jobs that it is remembered to have failed leases of: a worker may stay for weeks.
const REMEMBERED_MAX: usize = 256;

/// A connected worker.
#[derive(Clone, Debug)]
pub struct Session {
    pub operator: OperatorId,
    /// Leases that it works on at once.
    pub devices: u32,
    /// As the worker names them.
    pub tags: BTreeSet<String>,
    /// Rays a second of one device.
    rate: u64,
    measured: bool,
    /// Leases not yet committed or answered, oldest first.
    lanes: BTreeMap<LeaseId, Lane>,
    /// Committed leases whose pixels are on their way.
    uploading: BTreeMap<LeaseId, Upload>,
    /// Packages that it has answered a lease of.
    packages: BTreeSet<Digest>,
    /// It and its later connections.
    pub machine: Machine,
    /// It gets nothing before.
    pub rests_until_ms: u64,
    /// Fast: no device of it is exact, so it gets jobs of mode fast alone.
    mode: Mode,
    /// The wrangler has it given nothing more.
    pub drained: bool,
    /// By its own schedule it wants nothing until it says otherwise, which should be then.
    pub asleep_until_ms: Option<u64>,
    pub(crate) pace: Pace,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    package: Digest,
    started_ms: Option<u64>,
    /// The package travels first, so that the time says nothing of the device.
    cold: bool,
    sent_ms: u64,
    /// No package travelled since it was sent.
    warm: bool,
}

#[derive(Clone, Copy, Debug)]
struct Upload {
    /// The time that the lease took to render, if it counts for the rate.
    rendered_ms: Option<u64>,
    span: Span,
}

impl Session {
    pub fn new(operator: OperatorId, devices: u32, first_rate: u64) -> Session {
        Session {
            operator,
            devices: devices.max(1),
            tags: BTreeSet::new(),
            rate: first_rate.clamp(1, RATE_MAX),
            measured: false,
            lanes: BTreeMap::new(),
            uploading: BTreeMap::new(),
            packages: BTreeSet::new(),
            machine: (operator, String::new()),
            rests_until_ms: 0,
            mode: Mode::Exact,
            drained: false,
            asleep_until_ms: None,
            pace: Pace::default(),
        }
    }

    /// The jobs that it gets from now on: every one, or those of mode fast.
    pub fn serve(&mut self, mode: Mode) {
        self.mode = mode;
    }

    pub fn serves(&self, mode: Mode) -> bool {
        self.mode == Mode::Exact || mode == Mode::Fast
    }

    pub fn tagged(self, tags: &[String]) -> Session {
        Session { tags: tags.iter().cloned().collect(), ..self }
    }

    /// Leases in its hands, committed ones included.
    pub fn leases(&self) -> impl Iterator<Item = LeaseId> + '_ {
        self.lanes.keys().chain(self.uploading.keys()).copied()
    }

    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// Of all its devices.
    pub fn rate_total(&self) -> u64 {
        self.rate * u64::from(self.devices)
    }

    /// The rate as it was measured; `None` before.
    pub fn measured_rate(&self) -> Option<u64> {
        self.measured.then(|| self.rate_total())
    }

    /// Whether another lease may be sent: few wait to be rendered, and not too many wait to be uploaded.
    pub fn room(&self, pipeline: u32) -> bool {
        let lanes = (pipeline * self.devices) as usize;
        self.lanes.len() < lanes && self.lanes.len() + self.uploading.len() < 2 * lanes + 2
    }

    /// It is neither drained nor asleep, and rests no more.
    pub fn takes_leases(&self, now_ms: u64) -> bool {
        !self.drained && self.asleep_until_ms.is_none() && self.rests_until_ms <= now_ms
    }

    /// It renders nothing.
    pub fn idle(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Leases ahead of the next one on each device.
    pub fn queue_length(&self) -> u64 {
        self.lanes.len() as u64 / u64::from(self.devices)
    }

    pub fn knows_package(&self, package: &Digest) -> bool {
        self.packages.contains(package)
    }

    pub fn start(&mut self, lease: LeaseId, package: Digest, now_ms: u64) {
        let rendering = self.lanes.values().filter(|lane| lane.started_ms.is_some()).count();
        let started_ms = (rendering < self.devices as usize).then_some(now_ms);
        let cold = !self.packages.contains(&package);
        let warm = !cold && self.lanes.values().all(|lane| !lane.cold);
        self.lanes.insert(lease, Lane { package, started_ms, cold, sent_ms: now_ms, warm });
    }

    /// The lease's work is done; its pixels may still travel.
    pub fn rendered(&mut self, lease: LeaseId, now_ms: u64) {
        if let Some(lane) = self.lanes.remove(&lease) {
            self.packages.insert(lane.package);
            // One that is forgotten counts as cold once more: a longer deadline, and a lease that says nothing of the rate.
            if self.packages.len() > REMEMBERED_MAX {
                self.packages.pop_first();
            }
            let counts = lane.started_ms.filter(|_| !lane.cold);
            let rendered_ms = counts.map(|started| (now_ms - started).max(1));
            let (sent_ms, taken_ms, warm) = (lane.sent_ms, now_ms - lane.sent_ms, lane.warm);
            self.uploading.insert(lease, Upload { rendered_ms, span: Span { sent_ms, taken_ms, warm } });
            self.next_lane(now_ms);
        }
    }

    /// How long a committed lease took. `None` of one that was lent on another connection, or expired.
    pub(crate) fn span(&self, lease: LeaseId) -> Option<Span> {
        self.uploading.get(&lease).map(|upload| upload.span)
    }

    /// The lease's pixels are here; they cost so many rays.
    pub fn delivered(&mut self, lease: LeaseId, rays: u64) {
        let Some(Upload { rendered_ms: Some(elapsed_ms), .. }) = self.uploading.remove(&lease) else {
            return;
        };
        let rate = (u128::from(rays) * 1000 / u128::from(elapsed_ms)).clamp(1, u128::from(RATE_MAX)) as u64;
        self.rate = match self.measured {
            true => (self.rate * 3 + rate) / 4,
            false => rate,
        };
        self.measured = true;
    }

    /// The lease is over without pixels.
    pub fn finish(&mut self, lease: LeaseId, now_ms: u64) {
        self.uploading.remove(&lease);
        if self.lanes.remove(&lease).is_some() {
            self.next_lane(now_ms);
        }
    }

    fn next_lane(&mut self, now_ms: u64) {
        let packages = &self.packages;
        if let Some(lane) = self.lanes.values_mut().find(|lane| lane.started_ms.is_none()) {
            lane.started_ms = Some(now_ms);
            lane.cold = !packages.contains(&lane.package);
        }
    }
}
