//! The thread that makes arriving pixels durable, as many deliveries with one sync as wait. What waits holds its room in
//! memory, so that a slow or full disk slows the workers down. Judges no pixel.

use std::sync::Arc;

use tessera_journal::{HeldPixels, TileStore};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::storage::{SharedDisk, insist};

/// The pixels that the farm holds.
pub(crate) type Store = TileStore<SharedDisk>;

/// Bytes of one sync, beyond the first delivery.
const BYTES_MAX: usize = 32 << 20;

/// A delivery's pixels with the memory that they are accounted for.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub tiles: Vec<(HeldPixels, Vec<u8>)>,
    /// Given back when the pixels are on disk.
    pub _room: OwnedSemaphorePermit,
}

/// The way to the thread.
#[derive(Clone, Debug)]
pub(crate) struct PixelWriter {
    inbox: mpsc::UnboundedSender<(Arrived, oneshot::Sender<()>)>,
}

impl PixelWriter {
    /// Starts the thread; it ends when every sender is dropped.
    pub fn start(store: Arc<Store>) -> std::io::Result<PixelWriter> {
        // Bounded by the room that each delivery brings.
        let (inbox, arrivals) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("pixels".to_owned());
        thread.spawn(move || write(&store, arrivals))?;
        Ok(PixelWriter { inbox })
    }

    /// Returns when the pixels are durable. False: the scheduler is stopping.
    pub async fn put(&self, arrived: Arrived) -> bool {
        let (done, kept) = oneshot::channel();
        self.inbox.send((arrived, done)).is_ok() && kept.await.is_ok()
    }
}

fn write(store: &Store, mut arrivals: mpsc::UnboundedReceiver<(Arrived, oneshot::Sender<()>)>) {
    while let Some(first) = arrivals.blocking_recv() {
        let mut bytes = 0;
        let mut group = vec![first];
        while bytes < BYTES_MAX
            && let Ok(more) = arrivals.try_recv()
        {
            bytes += more.0.tiles.iter().map(|(_, pixels)| pixels.len()).sum::<usize>();
            group.push(more);
        }
        let tiles: Vec<(HeldPixels, &[u8])> = group
            .iter()
            .flat_map(|(arrived, _)| &arrived.tiles)
            .map(|(held, pixels)| (held.clone(), &pixels[..]))
            .collect();
        let what = "no results are taken until pixels can be written";
        if insist(what, || store.put(&tiles), || arrivals.sender_strong_count() == 0).is_err() {
            return;
        }
        for (_, done) in group {
            // Who waited may be gone with the scheduler.
            let _ = done.send(());
        }
    }
}
