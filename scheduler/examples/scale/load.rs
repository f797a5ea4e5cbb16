//! Workers that do no work: connections, each with a key of its own, that answer leases at once with the same pixels.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use quinn::Endpoint;
use tessera_scheduler::{Identity, Link};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::film::{BlockPixels, Rays};
use tessera_shared::grid::Grid;
use tessera_shared::lease::{Checked, Commit, Lease, Work};
use tessera_shared::messages::{Device, DeviceKind, FromWorker, Hello, ToWorker, Welcome};
use tessera_transport::frames::{read_message, write_message};
use tessera_transport::{socket, tls};
use tokio::task::JoinSet;

/// Sockets that the connections share.
const SOCKETS: u32 = 8;
/// Handshakes at once.
const HANDSHAKES: usize = 64;
/// How often a connection that was turned away is tried again.
const TRIES_MAX: u32 = 50;
const TRY_EVERY: Duration = Duration::from_millis(200);

/// What every block of every tile looks like. A rate is measured in rays: a pixel says that it cost one.
pub fn pixels() -> BlockPixels {
    let mut pixels = BlockPixels::zeroed();
    pixels.0.iter_mut().for_each(|pixel| pixel.camera_rays = 1);
    pixels
}

/// The connected workers.
pub struct Load {
    tasks: JoinSet<()>,
    waits: Arc<Mutex<Vec<u64>>>,
}

impl Load {
    pub async fn connect(link: &Link, workers: u32) -> Result<Load> {
        let sockets: Vec<Endpoint> = (0..SOCKETS.min(workers))
            .map(|_| socket::client((Ipv4Addr::LOCALHOST, 0).into()))
            .collect::<Result<_, _>>()?;
        let places = Arc::new(tokio::sync::Semaphore::new(HANDSHAKES));
        let (mut joining, waits) = (JoinSet::new(), Arc::new(Mutex::new(Vec::new())));
        for number in 0..workers {
            let (link, waits, places) = (link.clone(), waits.clone(), places.clone());
            let socket = sockets[number as usize % sockets.len()].clone();
            joining.spawn(async move {
                let _place = places.acquire_owned().await?;
                let mut tries = 0;
                loop {
                    match Worker::join(&socket, &link, number, waits.clone()).await {
                        // A busy scheduler turns handshakes away, and real workers come again.
                        Err(_) if tries < TRIES_MAX => tries += 1,
                        joined => return joined,
                    }
                    tokio::time::sleep(TRY_EVERY).await;
                }
            });
        }
        let mut tasks = JoinSet::new();
        while let Some(joined) = joining.join_next().await {
            let worker = joined??;
            tasks.spawn(async move { worker.work().await });
        }
        Ok(Load { tasks, waits })
    }

    /// How many microseconds passed each time from an answer to the next lease.
    pub fn end(mut self) -> Vec<u64> {
        self.tasks.abort_all();
        std::mem::take(&mut self.waits.lock().expect("no worker panics"))
    }
}

struct Worker {
    connection: quinn::Connection,
    send: quinn::SendStream,
    recv: quinn::RecvStream,
    waits: Arc<Mutex<Vec<u64>>>,
}

impl Worker {
    async fn join(
        socket: &Endpoint,
        link: &Link,
        number: u32,
        waits: Arc<Mutex<Vec<u64>>>,
    ) -> Result<Worker> {
        let address = SocketAddr::new(link.host.parse()?, link.port);
        let config = tls::client_config(&Identity::ephemeral()?, link.fingerprint)?;
        let connection = tls::connect(socket, config, address)?.await?;
        let (mut send, mut recv) = connection.open_bi().await?;
        let device = Device { name: "nothing".into(), kind: DeviceKind::Cpu, driver: String::new() };
        let hello = Hello::Worker {
            token: link.token,
            kernel_version: KERNEL_VERSION,
            name: format!("idle-{number}"),
            devices: vec![device],
            tags: Vec::new(),
        };
        write_message(&mut send, &hello).await?;
        let welcome = read_message::<Welcome>(&mut recv).await?;
        ensure!(matches!(welcome, Welcome::Worker { .. }), "{welcome:?}");
        Ok(Worker { connection, send, recv, waits })
    }

    async fn work(mut self) {
        // The scheduler's end ends it.
        let _ = self.serve().await;
    }

    async fn serve(&mut self) -> Result<()> {
        let (pixels, grid) = (pixels(), Grid::new(crate::EDGE_PX, crate::EDGE_PX, crate::TILE_PX)?);
        let mut asked: Option<Instant> = None;
        loop {
            let ToWorker::Lease(Lease { id: lease, work, .. }) = read_message(&mut self.recv).await? else {
                continue;
            };
            if let Some(asked) = asked.take() {
                let wait = asked.elapsed().as_micros() as u64;
                self.waits.lock().ok().context("no worker panics")?.push(wait);
            }
            match work {
                Work::Render(passes) => {
                    let blocks = |tile| grid.tile_blocks(tile);
                    let digests = |pass: &tessera_shared::lease::TilePass| -> Vec<Digest> {
                        blocks(pass.tile).map(|at| pixels.digest(at, pass.samples())).collect()
                    };
                    let commit = Commit { lease, tiles: passes.iter().map(digests).collect() };
                    let mut send = self.connection.open_uni().await?;
                    write_message(&mut send, &commit).await?;
                    for _ in commit.tiles.iter().flatten() {
                        send.write_all(pixels.bytes()).await?;
                    }
                    send.finish()?;
                }
                Work::Check(blocks) => {
                    let digest = |block: &tessera_shared::lease::BlockPass| {
                        pixels.digest(block.block, block.sample_start..block.sample_end)
                    };
                    let blocks = blocks.iter().map(digest).collect();
                    let answer = Checked { lease, blocks, rays: Rays::default() };
                    write_message(&mut self.send, &FromWorker::Checked(answer)).await?;
                }
            }
            asked = Some(Instant::now());
        }
    }
}
