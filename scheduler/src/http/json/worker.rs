//! A worker as the HTTP interface shows it.

use serde::Serialize;
use tessera_shared::ids::JobId;
use tessera_shared::messages::{DeviceKind, OperatorStanding, WorkerState, WorkerStatus};

use super::hex;

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkerStateName {
    Idle,
    Busy,
    Leaving,
    Left,
    Quarantined,
    Banned,
    Refused,
    /// The wrangler gives it nothing more.
    Drained,
    /// By its own schedule.
    Asleep,
    /// It failed too much.
    Resting,
}

#[cfg(test)]
impl WorkerStateName {
    pub const ALL: [WorkerStateName; 10] = [
        WorkerStateName::Idle,
        WorkerStateName::Busy,
        WorkerStateName::Leaving,
        WorkerStateName::Left,
        WorkerStateName::Quarantined,
        WorkerStateName::Banned,
        WorkerStateName::Refused,
        WorkerStateName::Drained,
        WorkerStateName::Asleep,
        WorkerStateName::Resting,
    ];
}

/// A device of a worker.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Device {
    name: String,
    driver: String,
    /// `cpu` or `gpu`.
    backend: &'static str,
}

/// What its operator has done on the farm, in tile-passes unless named otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Standing {
    probation_left: u64,
    delivered: u64,
    checked: u64,
    wrong: u64,
    wrong_checks: u64,
    late: u64,
    failed: u64,
    readmitted: u64,
    rays_settled: u64,
    rays_held: u64,
    /// Results that came faster than is believed, and were checked more.
    too_fast: u64,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Worker {
    worker: u64,
    name: String,
    /// Its operator's key.
    operator: String,
    state: WorkerStateName,
    /// Why it is out.
    #[schema(required)]
    reason: Option<String>,
    devices: Vec<Device>,
    tags: Vec<String>,
    tiles_accepted: u64,
    tiles_rejected: u64,
    rays_per_second: u64,
    connected_ms: u64,
    /// Of which it holds a lease.
    #[schema(required)]
    job: Option<u64>,
    standing: Standing,
}

/// A page of workers in the order they joined.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct WorkerList {
    pub workers: Vec<Worker>,
    /// Ask with `after` this for the next page.
    #[schema(required)]
    pub next: Option<u64>,
}

impl Worker {
    pub fn new(status: WorkerStatus, job: Option<JobId>) -> Worker {
        let (state, reason) = match status.state {
            WorkerState::Idle => (WorkerStateName::Idle, None),
            WorkerState::Busy => (WorkerStateName::Busy, None),
            WorkerState::Leaving => (WorkerStateName::Leaving, None),
            WorkerState::Left { .. } => (WorkerStateName::Left, None),
            WorkerState::Quarantined(reason) => (WorkerStateName::Quarantined, Some(reason)),
            WorkerState::Banned(reason) => (WorkerStateName::Banned, Some(reason)),
            WorkerState::Refused(reason) => (WorkerStateName::Refused, Some(reason)),
            WorkerState::Drained => (WorkerStateName::Drained, None),
            WorkerState::Asleep { .. } => (WorkerStateName::Asleep, None),
            WorkerState::Resting { reason, .. } => (WorkerStateName::Resting, Some(reason)),
        };
        let devices = status.devices.into_iter().map(|device| Device {
            name: device.name,
            driver: device.driver,
            backend: match device.kind {
                DeviceKind::Cpu => "cpu",
                DeviceKind::Gpu => "gpu",
            },
        });
        Worker {
            worker: status.worker.0,
            name: status.name,
            operator: hex(&status.operator),
            state,
            reason,
            devices: devices.collect(),
            tags: status.tags,
            tiles_accepted: status.tiles_accepted,
            tiles_rejected: status.tiles_rejected,
            rays_per_second: status.rays_per_second,
            connected_ms: status.connected_ms,
            job: job.map(|job| job.0),
            standing: status.standing.into(),
        }
    }
}

impl From<OperatorStanding> for Standing {
    fn from(standing: OperatorStanding) -> Standing {
        Standing {
            probation_left: standing.probation_left,
            delivered: standing.delivered,
            checked: standing.checked,
            wrong: standing.wrong,
            wrong_checks: standing.wrong_checks,
            late: standing.late,
            failed: standing.failed,
            readmitted: standing.readmitted,
            rays_settled: standing.rays_settled,
            rays_held: standing.rays_held,
            too_fast: standing.too_fast,
        }
    }
}
