//! A lease's results: the commit, then pixels that are hashed off the driver's task and held until the core's verdict.

use std::sync::Arc;

use quinn::RecvStream;
use tessera_journal::HeldPixels;
use tessera_scheduler_core::api::{CommittedTile, DeliveredTile, Event};
use tessera_scheduler_core::tile_root;
use tessera_shared::digest::Digest;
use tessera_shared::film::{BLOCK_BYTES, BlockPixels, Rays};
use tessera_shared::grid::BlockAt;
use tessera_shared::ids::{NodeKey, WorkerId};
use tessera_shared::lease::{Commit, TilePass};
use tessera_transport::frames::read_message;

use super::worker::stop;
use super::{ConnectionEnd, Farm};
use crate::deliveries::Expected;
use crate::pixels::Arrived;

/// Reads one lease's commit and pixels. Only what breaks the protocol is an error; an unwanted lease is turned away.
pub(super) async fn receive(
    farm: Arc<Farm>,
    worker: WorkerId,
    operator: NodeKey,
    mut recv: RecvStream,
) -> Result<(), ConnectionEnd> {
    let commit = read_message::<Commit>(&mut recv).await?;
    let lease = commit.lease;
    let Some(expected) = farm.deliveries.expected(operator, lease) else {
        stop(recv);
        return Ok(());
    };
    check_shape(&commit, &expected)?;
    let committed = commit.tiles.into_iter().map(|blocks| CommittedTile { root: tile_root(&blocks), blocks });
    farm.driver.send(Event::Committed { worker, lease, tiles: committed.collect() }).await?;
    let room = farm.deliveries.reserve(expected.bytes()).await;
    let mut tiles = Vec::with_capacity(expected.tiles.len());
    let mut delivered = Vec::with_capacity(expected.tiles.len());
    for (pass, blocks) in expected.tiles {
        let mut bytes = vec![0u8; blocks.len() * BLOCK_BYTES];
        if let Err(error) = recv.read_exact(&mut bytes).await {
            return Err(ConnectionEnd::Malformed(format!("the pixels of {lease} broke off: {error}")));
        }
        let hashing = tokio::task::spawn_blocking(move || (digest_tile(&pass, &blocks, &bytes), pass, bytes));
        let (tile, pass, bytes) =
            hashing.await.map_err(|error| ConnectionEnd::Malformed(error.to_string()))?;
        tiles.push((pass, tile.root, bytes));
        delivered.push(tile);
    }
    if recv.read_chunk(1, true).await.is_ok_and(|more| more.is_some()) {
        return Err(ConnectionEnd::Malformed(format!("bytes follow the pixels of {lease}")));
    }
    let Some(job) = farm.deliveries.claim(lease) else { return Ok(()) };
    let held = |(pass, root, bytes)| (HeldPixels { lease, job, pass, root }, bytes);
    let arrived = Arrived { tiles: tiles.into_iter().map(held).collect(), _room: room };
    // Goes on without the connection: the worker may have been told that all has arrived.
    let kept = tokio::spawn(async move {
        if farm.pixels.put(arrived).await {
            // The scheduler is stopping, and the worker delivers again to the next one.
            let _ = farm.driver.send(Event::Delivered { worker, lease, tiles: delivered }).await;
        }
    });
    kept.await.map_err(|error| ConnectionEnd::Malformed(error.to_string()))
}

fn check_shape(commit: &Commit, expected: &Expected) -> Result<(), ConnectionEnd> {
    let said = commit.tiles.iter().map(Vec::len);
    let lent = expected.tiles.iter().map(|(_, blocks)| blocks.len());
    match said.eq(lent) {
        true => Ok(()),
        false => {
            Err(ConnectionEnd::Malformed(format!("the commit of {} does not fit the lease", commit.lease)))
        }
    }
}

fn digest_tile(pass: &TilePass, blocks: &[BlockAt], bytes: &[u8]) -> DeliveredTile {
    let mut rays = Rays::default();
    let digests: Vec<Digest> = blocks
        .iter()
        .zip(bytes.chunks_exact(BLOCK_BYTES))
        .filter_map(|(at, bytes)| {
            let pixels = BlockPixels::from_bytes(bytes)?;
            rays += pixels.rays();
            Some(pixels.digest(*at, pass.samples()))
        })
        .collect();
    DeliveredTile { root: tile_root(&digests), rays }
}
