//! Pixels between their arrival and the core's verdict: which leases may deliver how much, and what is held in memory.

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

/// The pixels of one tile-pass, all blocks in grid order, with the memory that they are accounted for.
#[derive(Debug)]
pub(crate) struct TilePixels {
    pub pass: TilePass,
    pub bytes: Vec<u8>,
    pub room: OwnedSemaphorePermit,
}

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
    held: BTreeMap<LeaseId, (JobId, Vec<Option<TilePixels>>)>,
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

    /// Forgets a job, its leases and what is held for it.
    pub fn end_job(&self, job: JobId) {
        self.state().jobs.remove(&job);
        self.drop_leases(job);
    }

    /// Forgets a job's leases and what is held for it: no delivery of them is wanted any more.
    pub fn drop_leases(&self, job: JobId) {
        let mut state = self.state();
        state.lent.retain(|_, lent| lent.job != job);
        state.held.retain(|_, (held, _)| *held != job);
    }

    /// A lease goes out: its pixels are expected from the operator.
    pub fn lend(&self, operator: NodeKey, lease: &Lease) {
        if let Work::Render(tiles) = &lease.work {
            let lent = Lent { operator, job: lease.job, tiles: tiles.clone() };
            self.state().lent.insert(lease.id, lent);
        }
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

    /// Holds a lease's pixels until the core's verdict. False where another delivery of it came first or none is wanted.
    pub fn hold(&self, lease: LeaseId, tiles: Vec<TilePixels>) -> bool {
        let mut state = self.state();
        let Some(Lent { job, .. }) = state.lent.remove(&lease) else { return false };
        state.held.insert(lease, (job, tiles.into_iter().map(Some).collect()));
        true
    }

    /// Drops what is held of a lease: the core does not take it.
    pub fn ignore(&self, lease: LeaseId) {
        self.state().held.remove(&lease);
    }

    /// Takes held tile-passes of a lease by their place in it.
    pub fn take(&self, lease: LeaseId, places: impl Iterator<Item = u32>) -> Vec<TilePixels> {
        let mut state = self.state();
        let Some((_, tiles)) = state.held.get_mut(&lease) else { return Vec::new() };
        let taken = places.filter_map(|at| tiles.get_mut(at as usize)?.take()).collect();
        if tiles.iter().all(Option::is_none) {
            state.held.remove(&lease);
        }
        taken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
