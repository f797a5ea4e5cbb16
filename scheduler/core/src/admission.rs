//! What workers told of their devices when they joined, and who is let in on it: a worker with a device that serves. Reports are
//! claims, kept for people; what a worker is worth the checks of its work say. Knows no suite.

use std::collections::BTreeMap;

use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::ids::{NodeKey, WorkerId};
use tessera_shared::messages::{Mode, TEXT_BYTES_MAX, WorkerState, WorkerStatus};

use crate::api::{Answer, Record, RequestId, WorkerHello};
use crate::machine::Core;
use crate::state::State;

/// Workers whose reports are kept: connected, left or refused, the last to come.
const KEPT_MAX: usize = 1024;

/// A worker's hello with what its devices made of the conformance suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminedHello {
    /// The key of its connection.
    pub operator: NodeKey,
    pub name: String,
    pub kernel_version: u32,
    /// Of every device, those that serve nothing included.
    pub reports: Vec<DeviceReport>,
    pub tags: Vec<String>,
    /// It wants no leases for so long, or until it is awake.
    pub asleep_for_ms: Option<u64>,
}

/// A worker's reports.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Examined {
    pub operator: NodeKey,
    pub name: String,
    pub at_ms: u64,
    pub reports: Vec<DeviceReport>,
    /// No device of it serves: it was not let in.
    pub refused: bool,
}

/// The reports that are kept.
#[derive(Clone, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Admissions {
    by_worker: BTreeMap<WorkerId, Examined>,
}

impl Admissions {
    /// Enters what a worker told. An earlier refusal of the same operator's worker of that name is settled by it.
    pub fn enter(&mut self, worker: WorkerId, examined: Examined) {
        self.by_worker.retain(|_, earlier| {
            !earlier.refused || (earlier.operator, &earlier.name) != (examined.operator, &examined.name)
        });
        self.by_worker.insert(worker, examined);
        if self.by_worker.len() > KEPT_MAX {
            self.by_worker.pop_first();
        }
    }

    pub fn reports(&self, worker: WorkerId) -> &[DeviceReport] {
        self.by_worker.get(&worker).map_or(&[], |examined| &examined.reports)
    }

    /// Those that were not let in, behind `after`.
    pub fn refused(&self, after: Option<WorkerId>) -> impl Iterator<Item = (WorkerId, &Examined)> {
        let behind = self.by_worker.iter().filter(move |(id, _)| after.is_none_or(|after| **id > after));
        behind.filter(|(_, examined)| examined.refused).map(|(id, examined)| (*id, examined))
    }
}

/// The jobs that the reports of a worker let it serve: fast ones alone where no device is exact; `None` where none serves.
fn served(reports: &[DeviceReport]) -> Option<Mode> {
    let any = |serves| reports.iter().any(|report| report.serves == serves);
    match (any(Serves::Every), any(Serves::Fast)) {
        (true, _) => Some(Mode::Exact),
        (false, true) => Some(Mode::Fast),
        (false, false) => None,
    }
}

impl State {
    pub(crate) fn examined(&mut self, worker: WorkerId, examined: &Examined) {
        self.next_worker = self.next_worker.max(worker.0 + 1);
        self.admissions.enter(worker, examined.clone());
    }
}

impl Core {
    /// Lets a worker in with the devices that serve, or refuses it by the name of what failed.
    pub(crate) fn examine(&mut self, request: RequestId, hello: ExaminedHello) {
        let ExaminedHello { operator, name, kernel_version, reports, tags, asleep_for_ms } = hello;
        let worker = WorkerId(self.state.next_worker.max(1));
        let examined = Examined { operator, name: name.clone(), at_ms: self.now_ms, reports, refused: false };
        let Some(mode) = served(&examined.reports) else {
            let reason = reason(&examined.reports);
            self.record(Record::Examined { worker, examined: Examined { refused: true, ..examined } });
            return self.reply(request, Answer::Refused(reason));
        };
        // A worker without an exact device serves with all that it lends; another with its exact ones.
        let wanted = if mode == Mode::Exact { Serves::Every } else { Serves::Fast };
        let lent = examined.reports.iter().filter(|report| report.serves == wanted);
        let devices = lent.map(|report| report.device.clone()).collect();
        self.connect(request, WorkerHello { operator, name, kernel_version, devices, tags }, asleep_for_ms);
        if let Some(session) = self.sessions.get_mut(&worker) {
            session.serve(mode);
            self.record(Record::Examined { worker, examined });
        }
    }
}

/// Why a worker with these reports is not let in.
fn reason(reports: &[DeviceReport]) -> String {
    let told: Vec<String> = reports.iter().map(ToString::to_string).collect();
    let mut reason = if told.is_empty() { "it lends no device".to_owned() } else { told.join("; ") };
    reason.truncate(reason.floor_char_boundary(TEXT_BYTES_MAX));
    reason
}

/// A worker that was not let in, as `workers` shows it.
pub(crate) fn refused_status(worker: WorkerId, examined: &Examined) -> WorkerStatus {
    WorkerStatus {
        worker,
        name: examined.name.clone(),
        operator: examined.operator,
        devices: examined.reports.iter().map(|report| report.device.clone()).collect(),
        state: WorkerState::Refused(reason(&examined.reports)),
        tiles_accepted: 0,
        tiles_rejected: 0,
        rays_per_second: 0,
        connected_ms: 0,
        standing: Default::default(),
        reports: examined.reports.clone(),
        tags: Vec::new(),
    }
}
