//! Which leases may deliver how much, and the memory that pixels have until they are on disk. Knows no verdict.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tessera_shared::film::BLOCK_BYTES;
use tessera_shared::grid::{BlockAt, Grid};
use tessera_shared::ids::{JobId, LeaseId, NodeKey};
use tessera_shared::lease::{Lease, TilePass, Work};
use tessera_shared::package::Settings;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Unit of the memory account.
const ACCOUNT_UNIT_BYTES: usize = 1024;

/// What a lease's result stream must hold.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub tiles: Vec<(TilePass, Vec<BlockAt>)>,
}

impl Expected {
    /// Bytes of all pixels.
    pub fn bytes(&self) -> usize {
        self.tiles.iter().map(|(_, blocks)| blocks.len() * BLOCK_BYTES).sum()
    }
}

/// All deliveries of the farm. Shared by the driver and the connections.
#[derive(Debug)]
pub(crate) struct Deliveries {
    room: Arc<Semaphore>,
    units_max: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    jobs: BTreeMap<JobId, Grid>,
    lent: BTreeMap<LeaseId, Lent>,
}

/// A lease whose pixels may come.
#[derive(Debug)]
struct Lent {
    operator: NodeKey,
    job: JobId,
    tiles: Vec<TilePass>,
}

impl Deliveries {
    pub fn new(held_bytes_max: usize) -> Deliveries {
        let units_max = u32::try_from(held_bytes_max / ACCOUNT_UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        let room = Arc::new(Semaphore::new(units_max as usize));
        Deliveries { room, units_max, state: Mutex::default() }
    }

    pub fn begin_job(&self, job: JobId, settings: &Settings) {
        self.state().jobs.insert(job, settings.grid);
    }

    /// Forgets a job and its leases.
    pub fn end_job(&self, job: JobId) {
        self.state().jobs.remove(&job);
        self.drop_leases(job);
    }

    /// Forgets a job's leases: no delivery of them is wanted any more.
    pub fn drop_leases(&self, job: JobId) {
        self.state().lent.retain(|_, lent| lent.job != job);
    }

    /// A lease goes out: its pixels are expected from the operator.
    pub fn lend(&self, operator: NodeKey, lease: &Lease) {
        if let Work::Render(tiles) = &lease.work {
            self.expect(lease.id, lease.job, operator, tiles.clone());
        }
    }

    /// The operator may deliver these tile-passes for the lease.
    pub fn expect(&self, lease: LeaseId, job: JobId, operator: NodeKey, tiles: Vec<TilePass>) {
        self.state().lent.insert(lease, Lent { operator, job, tiles });
    }

    /// A lease's pixels are not wanted any more.
    pub fn revoke(&self, lease: LeaseId) {
        self.state().lent.remove(&lease);
    }

    /// What a lease's stream must hold; `None` where nothing (more) is expected of it from this operator.
    pub fn expected(&self, operator: NodeKey, lease: LeaseId) -> Option<Expected> {
        let state = self.state();
        let Lent { job, tiles, .. } = state.lent.get(&lease).filter(|lent| lent.operator == operator)?;
        let grid = state.jobs.get(job)?;
        let tiles = tiles.iter().map(|pass| (pass.clone(), grid.tile_blocks(pass.tile).collect()));
        Some(Expected { tiles: tiles.collect() })
    }

    /// Waits for room for so many bytes.
    pub async fn reserve(&self, bytes: usize) -> OwnedSemaphorePermit {
        let units = u32::try_from(bytes.div_ceil(ACCOUNT_UNIT_BYTES)).unwrap_or(u32::MAX).min(self.units_max);
        self.room.clone().acquire_many_owned(units).await.expect("the account is never closed")
    }

    /// A lease's pixels are all here: nothing more is expected of it. `None` where another delivery came first or none is wanted.
    pub fn claim(&self, lease: LeaseId) -> Option<JobId> {
        self.state().lent.remove(&lease).map(|lent| lent.job)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
