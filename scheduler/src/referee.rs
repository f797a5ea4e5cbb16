//! The renderer that the scheduler trusts, on a thread of its own. Knows no backend; which blocks are in doubt is the core's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tessera_scheduler_core::api::{Event, RefereeDigests, RefereeId};
use tessera_shared::digest::Digest;
use tessera_shared::film::{BlockPixels, Rays};
use tessera_shared::lease::BlockPass;
use tessera_shared::package::Package;
use tokio::sync::mpsc;

use crate::driver::Driver;
use crate::packages::Packages;

/// Renders blocks again where a worker's result is in doubt or nobody else can check it. Called on one thread of its own.
pub trait Referee: Send {
    /// The pixels of every block, in order. The package has been validated; what was prepared of it may be kept.
    fn render(&mut self, package: &Arc<Package>, blocks: &[BlockPass]) -> anyhow::Result<Vec<BlockPixels>>;
}

/// One question to the referee.
#[derive(Debug)]
pub(crate) struct Request {
    pub id: RefereeId,
    pub package: Digest,
    pub blocks: Vec<BlockPass>,
}

/// The way to the referee's thread. Requests are bounded by the core (`referee_in_flight`), cancelled ones are skipped.
#[derive(Clone, Debug)]
pub(crate) struct RefereeQueue {
    requests: mpsc::UnboundedSender<Request>,
    cancelled: Arc<Mutex<BTreeSet<RefereeId>>>,
}

impl RefereeQueue {
    /// Starts the thread; it ends when the queue is dropped.
    pub fn start(
        referee: Box<dyn Referee>,
        packages: Arc<Packages>,
        driver: Driver,
    ) -> std::io::Result<RefereeQueue> {
        let (requests, inbox) = mpsc::unbounded_channel();
        let cancelled = Arc::new(Mutex::new(BTreeSet::new()));
        let queue = RefereeQueue { requests, cancelled: cancelled.clone() };
        let thread = std::thread::Builder::new().name("referee".to_owned());
        thread.spawn(move || work(referee, &packages, &driver, inbox, &cancelled))?;
        Ok(queue)
    }

    pub fn ask(&self, request: Request) {
        // A referee whose thread is gone answers nothing; the scheduler is stopping then.
        let _ = self.requests.send(request);
    }

    pub fn cancel(&self, id: RefereeId) {
        self.cancelled.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(id);
    }
}

fn work(
    mut referee: Box<dyn Referee>,
    packages: &Packages,
    driver: &Driver,
    mut inbox: mpsc::UnboundedReceiver<Request>,
    cancelled: &Mutex<BTreeSet<RefereeId>>,
) {
    while let Some(Request { id, package, blocks }) = inbox.blocking_recv() {
        {
            let mut cancelled = cancelled.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let skip = cancelled.contains(&id);
            // Ids come from a counter and requests in order: older cancellations came too late and are done with.
            *cancelled = cancelled.split_off(&RefereeId(id.0 + 1));
            if skip {
                continue;
            }
        }
        let outcome =
            answer(referee.as_mut(), packages, &package, &blocks).map_err(|error| format!("{error:#}"));
        if driver.send_blocking(Event::Refereed { id, outcome }).is_err() {
            return;
        }
    }
}

fn answer(
    referee: &mut dyn Referee,
    packages: &Packages,
    package: &Digest,
    blocks: &[BlockPass],
) -> anyhow::Result<RefereeDigests> {
    let package = packages.load(package)?;
    let pixels = referee.render(&package, blocks)?;
    anyhow::ensure!(pixels.len() == blocks.len(), "{} blocks for {} asked", pixels.len(), blocks.len());
    let mut rays = Rays::default();
    let digests = blocks.iter().zip(&pixels).map(|(block, pixels)| {
        rays += pixels.rays();
        pixels.digest(block.block, block.sample_start..block.sample_end)
    });
    Ok(RefereeDigests { blocks: digests.collect(), rays })
}
