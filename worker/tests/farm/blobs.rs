//! Blobs that break off on their way, and blobs that disks change: what was there is used, and what is wrong is never rendered
//! from.

use std::path::Path;

use tessera_scheduler::client::{Client, ClientError};
use tessera_scheduler::{Identity, JobOptions, JobState, Role, SchedulerOptions};
use tessera_scheduler_core::Record;
use tessera_shared::digest::Digest;
use tessera_shared::messages::{BlobReply, JobRefusal, Request, ToWorker};
use tessera_shared::package::Package;
use tessera_transport::blobs::BlobStore;
use tessera_transport::frames::{read_message, write_message};

use crate::hostile::session;
use crate::relay::Relay;
use crate::shot::{Honest, Shot};
use crate::stand::{BRISK, Stand, behind, ended, local_digests};

/// Bytes of a scene large enough to break off in.
const LARGE: u64 = 24 << 20;
/// Where it breaks off.
const CUT: u64 = 16 << 20;
/// What may be under way unread when it does, and what packets have besides the blob.
const SLACK: u64 = 6 << 20;

fn large() -> Package {
    Shot { ballast: (LARGE / 4) as u32, ..Shot::default() }.package()
}

fn ballast(package: &Package) -> Digest {
    package.manifest.scenes[0].sections[2].blob
}

fn roomy(options: &mut SchedulerOptions) {
    options.blob_bytes_max = 1 << 30;
}

/// Flips one bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(path, bytes).unwrap();
}

/// Asks as a worker with a lease does.
async fn asks(session: &tessera_transport::dial::Session, digest: Digest) -> BlobReply {
    let (mut send, mut recv) = session.connection.open_bi().await.unwrap();
    write_message(&mut send, &Request::Blob { digest, offset: 0 }).await.unwrap();
    read_message(&mut recv).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_goes_on_where_it_broke_off() {
    let stand = Stand::brisk(roomy).await;
    let relay = Relay::to(stand.scheduler.address());
    relay.close_after(CUT);
    let package = large();
    let artist = stand.artist().await;
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let worker = stand.worker_behind(&relay, BRISK, "far", Honest);
    stand.records.hold(1, |record| matches!(record, Record::Left { .. })).await;
    relay.open();
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    worker.leave().await.unwrap();
    let travelled = relay.traffic().to_clients;
    assert!(travelled >= LARGE, "{travelled}");
    let twice = travelled - LARGE;
    println!("{twice} bytes of {LARGE} travelled twice or around the blob, after a break at {CUT}");
    assert!(twice < SLACK, "{twice} bytes travelled twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_that_is_fetched_goes_on_where_it_broke_off() {
    let stand = Stand::brisk(roomy).await;
    let relay = Relay::to(stand.scheduler.address());
    let (package, me) = (large(), Identity::ephemeral().unwrap());
    let link = stand.scheduler.link(Role::Artist);
    let near = Client::connect(&link, &me).await.unwrap();
    let job = near.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let parts = tempfile::tempdir().unwrap();
    let fetch = async || {
        // A process of its own, as it were.
        let store = BlobStore::open(parts.path(), u64::MAX).unwrap();
        let artist = Client::connect(&behind(&relay, link.clone()), &me).await?;
        for blob in package.manifest.blobs() {
            artist.package_blob(job, blob, &store).await?;
        }
        Ok::<_, ClientError>(store)
    };
    relay.close_after(CUT);
    let broken = fetch().await.unwrap_err();
    assert!(matches!(broken, ClientError::Lost(_)), "{broken}");
    relay.open();
    let store = fetch().await.unwrap();
    for (digest, _) in package.manifest.blobs() {
        assert_eq!(store.read(&digest).unwrap(), package.blobs[&digest], "{digest}");
    }
    let travelled = relay.traffic().to_clients;
    assert!(travelled >= LARGE, "{travelled}");
    let twice = travelled - LARGE;
    println!("{twice} bytes of {LARGE} travelled twice or around the blob, after a break at {CUT}");
    assert!(twice < SLACK, "{twice} bytes travelled twice");
    // It is nobody else's, and no other package's.
    let stranger = Client::connect(&link, &Identity::ephemeral().unwrap()).await.unwrap();
    let blob = (ballast(&package), LARGE);
    let empty = || BlobStore::open(&parts.path().join("none"), u64::MAX).unwrap();
    let refused = stranger.package_blob(job, blob, &empty()).await.unwrap_err();
    assert!(matches!(refused, ClientError::Job { refusal: JobRefusal::Foreign, .. }), "{refused}");
    let unknown = near.package_blob(job, (Digest::of(b"nothing"), 7), &empty()).await.unwrap_err();
    assert!(matches!(unknown, ClientError::Absent(_)), "{unknown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_where_it_broke_off() {
    let stand = Stand::brisk(roomy).await;
    let relay = Relay::to(stand.scheduler.address());
    relay.close_after(CUT);
    let (package, me) = (large(), Identity::ephemeral().unwrap());
    let link = behind(&relay, stand.scheduler.link(Role::Artist));
    let artist = Client::connect(&link, &me).await.unwrap();
    let broken = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap_err();
    assert!(matches!(broken, ClientError::Lost(_)), "{broken}");
    relay.open();
    let artist = Client::connect(&link, &me).await.unwrap();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let travelled = relay.traffic().to_scheduler;
    assert!(travelled >= LARGE, "{travelled}");
    let twice = travelled - LARGE;
    println!("{twice} bytes of {LARGE} travelled twice or around the blob, after a break at {CUT}");
    assert!(twice < SLACK, "{twice} bytes travelled twice");
    let _worker = stand.worker("one", Honest);
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_submits_of_one_artist_send_a_blob_once() {
    let stand = Stand::brisk(roomy).await;
    let relay = Relay::to(stand.scheduler.address());
    let (package, me) = (large(), Identity::ephemeral().unwrap());
    let link = behind(&relay, stand.scheduler.link(Role::Artist));
    let submit = async || {
        let artist = Client::connect(&link, &me).await.unwrap();
        artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap()
    };
    let (one, other) = tokio::join!(submit(), submit());
    assert_ne!(one, other);
    let travelled = relay.traffic().to_scheduler;
    assert!(travelled < LARGE + SLACK, "{travelled} bytes for one blob of {LARGE}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bit_that_flips_in_a_workers_cache_is_fetched_again() {
    let stand = Stand::new().await;
    let package = Shot::default().package();
    let first = stand.worker("one", Honest);
    assert_eq!(stand.completes(&package).await.1.state, JobState::Completed);
    first.leave().await.unwrap();
    let cache = stand.directory.path().join("one/blobs");
    let names =
        [Digest::of(&package.manifest.encode()), ballast(&package)].map(|digest| cache.join(digest.hex()));
    names.iter().for_each(|path| flip(path));
    // And what is left of one that broke off is not what it should be.
    let another = Shot { ballast: 1 << 12, ..Shot::default() }.package();
    std::fs::write(cache.join(format!("{}.partial", ballast(&another).hex())), [7; 5000]).unwrap();
    let second = stand.worker("one", Honest);
    for package in [package, another] {
        let (job, status) = stand.completes(&package).await;
        assert_eq!(status.state, JobState::Completed);
        assert_eq!(stand.digests(job).await, local_digests(package, 1));
    }
    second.leave().await.unwrap();
    for path in names {
        let digest: Digest = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(Digest::of(&std::fs::read(path).unwrap()), digest);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bit_that_flips_on_the_schedulers_disk_is_mended_from_memory() {
    let stand = Stand::new().await;
    let package = Shot::default().package();
    let artist = stand.artist().await;
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    flip(&stand.directory.path().join("scheduler/blobs").join(ballast(&package).hex()));
    let worker = stand.worker("one", Honest);
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    worker.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_blob_that_memory_lacks_is_refused_by_name_until_it_is_submitted_again() {
    // Room for one package in memory: the second submission drops the first.
    let small = |options: &mut SchedulerOptions| options.package_bytes_max = 6 << 10;
    let stand = Stand::brisk(small).await;
    let package = Shot::default().package();
    let other = Shot { ballast: (1 << 10) + 4, ..Shot::default() }.package();
    let artist = stand.artist().await;
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let later = artist.submit(&other, JobOptions::default(), |_| {}).await.unwrap();
    let file = stand.directory.path().join("scheduler/blobs").join(ballast(&package).hex());
    flip(&file);
    // The job's first worker is told that the blob is not to be had, and never gets the wrong bytes.
    let mut raw = session(&stand, Role::Worker).await;
    let ToWorker::Lease(lease) = read_message(&mut raw.control_recv).await.unwrap() else { panic!() };
    assert_eq!(lease.job, job);
    assert_eq!(asks(&raw, ballast(&package)).await, BlobReply::Absent);
    assert!(!file.exists());
    let again = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    assert!(matches!(asks(&raw, ballast(&package)).await, BlobReply::Follows { .. }));
    drop(raw);
    // Another submission finds damage on disk by itself.
    let third = artist.submit(&other, JobOptions::default(), |_| {}).await.unwrap();
    flip(&file);
    let fourth = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let worker = stand.worker("one", Honest);
    for (job, package) in
        [(job, &package), (again, &package), (fourth, &package), (later, &other), (third, &other)]
    {
        assert_eq!(ended(&artist, job).await.state, JobState::Completed);
        assert_eq!(stand.digests(job).await, local_digests(package.clone(), 1));
    }
    worker.leave().await.unwrap();
}
