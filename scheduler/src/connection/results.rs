//! A lease's results: the commit, then pixels that are hashed off the driver's task and held until the core's verdict.

use std::sync::Arc;

use quinn::RecvStream;
use tessera_journal::HeldPixels;
use tessera_scheduler_core::api::{CommittedTile, DeliveredTile, Event};
use tessera_scheduler_core::tile_root;
use tessera_shared::codec::{self, PREFIX_BYTES};
use tessera_shared::digest::Digest;
use tessera_shared::film::{BLOCK_BYTES, BlockPixels, Rays};
use tessera_shared::grid::BlockAt;
use tessera_shared::ids::{LeaseId, NodeKey, WorkerId};
use tessera_shared::lease::{Commit, TilePass};
use tessera_transport::frames::ReadError;

use super::blobs::Slowness;
use super::worker::stop;
use super::{ConnectionEnd, Farm};
use crate::deliveries::Expected;
use crate::pixels::Arrived;

/// Pixels of a tile that are hashed where they are read: to wake another thread costs as much as some ten kilobytes.
const HASHED_HERE_BYTES_MAX: usize = 64 << 10;
/// Bytes of an encoded number at most.
const LEASE_ID_BYTES_MAX: usize = 9;

/// Reads one lease's commit and pixels. Only what breaks the protocol is an error; an unwanted lease is turned away.
pub(super) async fn receive(
    farm: Arc<Farm>,
    worker: WorkerId,
    operator: NodeKey,
    mut recv: RecvStream,
) -> Result<(), ConnectionEnd> {
    let Some((commit, expected)) = commit(&farm, operator, &mut recv).await? else {
        stop(recv);
        return Ok(());
    };
    let lease = commit.lease;
    check_shape(&commit, &expected)?;
    let committed = commit.tiles.into_iter().map(|blocks| CommittedTile { root: tile_root(&blocks), blocks });
    farm.driver.send(Event::Committed { worker, lease, tiles: committed.collect() }).await?;
    let room = farm.deliveries.reserve(expected.bytes()).await;
    let mut tiles = Vec::with_capacity(expected.tiles.len());
    let mut delivered = Vec::with_capacity(expected.tiles.len());
    let mut slow = Slowness::new(&farm);
    for (pass, blocks) in expected.tiles {
        let mut bytes = vec![0u8; blocks.len() * BLOCK_BYTES];
        if let Err(error) = slow.within(bytes.len(), "its pixels", recv.read_exact(&mut bytes)).await? {
            return Err(ConnectionEnd::Malformed(format!("the pixels of {lease} broke off: {error}")));
        }
        let (tile, pass, bytes) = if bytes.len() <= HASHED_HERE_BYTES_MAX {
            (digest_tile(&pass, &blocks, &bytes), pass, bytes)
        } else {
            let hashing =
                tokio::task::spawn_blocking(move || (digest_tile(&pass, &blocks, &bytes), pass, bytes));
            hashing.await.map_err(|error| ConnectionEnd::Malformed(error.to_string()))?
        };
        tiles.push((pass, tile.root, bytes));
        delivered.push(tile);
    }
    let end = farm.patient(0, "the end of its pixels", recv.read_chunk(1, true)).await?;
    if end.is_ok_and(|more| more.is_some()) {
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

/// Reads the commit of a lease that is expected of the operator. Its first bytes name the lease, so that no room is made for a longer
/// commit than that lease has.
async fn commit(
    farm: &Farm,
    operator: NodeKey,
    recv: &mut RecvStream,
) -> Result<Option<(Commit, Expected)>, ConnectionEnd> {
    let mut prefix = [0u8; PREFIX_BYTES];
    let read = async |recv: &mut RecvStream, bytes: &mut [u8]| {
        let read = farm.patient(bytes.len() as u64, "its commit", recv.read_exact(bytes)).await?;
        read.map_err(|error| ConnectionEnd::Malformed(format!("a commit broke off: {error}")))
    };
    read(recv, &mut prefix).await?;
    let length = codec::payload_length::<Commit>(prefix).map_err(ReadError::from)?;
    let mut payload = vec![0u8; length.min(LEASE_ID_BYTES_MAX)];
    read(recv, &mut payload).await?;
    let lease = codec::decode_with::<LeaseId, 64>(&payload);
    let (lease, _) =
        lease.map_err(|error| ConnectionEnd::Malformed(format!("a commit without a lease: {error}")))?;
    let Some(expected) = farm.deliveries.expected(operator, lease) else { return Ok(None) };
    if length > commit_bytes_max(&expected) {
        return Err(ConnectionEnd::Malformed(format!("the commit of {lease} does not fit the lease")));
    }
    let head = payload.len();
    payload.resize(length, 0);
    read(recv, &mut payload[head..]).await?;
    Ok(Some((codec::decode_payload(&payload).map_err(ReadError::from)?, expected)))
}

/// Bytes of an encoded commit at most: lease, number of tile-passes, and of each the number of blocks and their digests.
fn commit_bytes_max(expected: &Expected) -> usize {
    let digests: usize = expected.tiles.iter().map(|(_, blocks)| blocks.len()).sum();
    LEASE_ID_BYTES_MAX * (2 + expected.tiles.len()) + size_of::<Digest>() * digests
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
    DeliveredTile { root: tile_root(&digests), blocks: digests, rays }
}
