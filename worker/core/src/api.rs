//! What goes into a worker's machine and what comes out of it. Pixels, packages, devices and the connection are the
//! shell's; the machine knows leases by their ids and decides what is fetched, rendered and sent when.

use tessera_shared::control::Failure;
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{JobId, LeaseId};
use tessera_shared::lease::{BlockPass, Checked, Commit, Lease};

/// What a worker's machine is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Leases that render at once: one a device.
    pub slots: u32,
    /// Most leases that are kept; more are failed at once.
    pub leases_max: u32,
    /// Most blocks of a lease that is taken on.
    pub lease_blocks_max: u32,
    /// Most bytes of pixels that wait to be taken by the scheduler. No lease begins while so many do. Without a connection
    /// the results that were due first are dropped for later ones; the last is kept whatever its size.
    pub results_bytes_max: u64,
    /// How often the devices are examined anew, on average; 0 is never. Between two times lies half as long to one and a half
    /// times as long, so that nobody can tell when.
    pub examine_every_ms: u64,
    /// Draws those times.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            slots: 1,
            leases_max: 64,
            lease_blocks_max: 1 << 20,
            results_bytes_max: 1 << 30,
            examine_every_ms: 0,
            seed: 0,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The scheduler has welcomed this process, for the first time or again. What was sent before and is not known to have
    /// arrived is sent again.
    Connected,
    /// The connection is gone. Leases that have begun go on, and their results are sent at the next [`Event::Connected`], as
    /// far as [`Config::results_bytes_max`] has room for them; the others are dropped, as the scheduler lends them anew.
    Disconnected,
    Lease(Lease),
    Revoke(LeaseId),
    /// The package is in memory, valid and ready to render; its frames have this grid.
    PackageReady {
        package: Digest,
        grid: Grid,
    },
    /// The package cannot be had or is not valid.
    PackageFailed {
        package: Digest,
        failure: Failure,
    },
    /// The shell dropped the package from memory; a lease that needs it fetches it again.
    PackageDropped {
        package: Digest,
    },
    /// A lease's items are rendered; the shell holds the pixels. Digests are those of the items, in their order, rays
    /// their sum.
    Rendered {
        lease: LeaseId,
        digests: Vec<Digest>,
        rays: Rays,
    },
    /// The lease's items could not be rendered.
    RenderFailed {
        lease: LeaseId,
        failure: Failure,
    },
    /// The stream that [`Action::SendResults`] opened was read to its end by the scheduler.
    ResultsSent {
        lease: LeaseId,
    },
    /// The devices have been examined, as [`Action::Examine`] asked: all give the kernel's bits, or not.
    Examined {
        exact: bool,
    },
    Tick,
}

/// What the shell does, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fetch, validate and prepare the package.
    Fetch {
        package: Digest,
    },
    /// Render these blocks on a free device and answer with [`Event::Rendered`] or [`Event::RenderFailed`].
    Render {
        lease: LeaseId,
        job: JobId,
        package: Digest,
        items: Vec<BlockPass>,
    },
    /// Stop rendering the lease; no answer is needed.
    Abort {
        lease: LeaseId,
    },
    /// Open a stream, send the commit and then the pixels of every block of the lease in the commit's order.
    SendResults {
        commit: Commit,
    },
    /// Send the answer to a check.
    SendChecked(Checked),
    SendFailed {
        lease: LeaseId,
        failure: Failure,
    },
    /// The lease's pixels are not needed any more; stop sending them if that is still going on.
    DropPixels {
        lease: LeaseId,
    },
    /// Examine every device and answer with [`Event::Examined`]. None renders, and none is given anything before the answer.
    Examine,
    /// A device is not exact any more: leave the farm. Nothing is held, so that everything goes back.
    Leave,
}

/// What is to be done after an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub actions: Vec<Action>,
    /// When the next [`Event::Tick`] is due, if no other event comes before it.
    pub wake_at: Option<u64>,
}
