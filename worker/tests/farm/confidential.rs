//! Scenes travel to those who hold a lease of them, and to nobody else.

use tessera_scheduler::{Identity, JobOptions, Role};
use tessera_shared::digest::Digest;
use tessera_shared::limits::JobLimits;
use tessera_shared::messages::{BlobReply, Request, SubmitReply, ToWorker, UploadRefusal, UploadReply};
use tessera_shared::package::Package;
use tessera_transport::dial::{Session, dial};
use tessera_transport::frames::{read_message, write_message};

use crate::hostile::{assert_malformed, session, worker_hello};
use crate::shot::{Honest, Shot};
use crate::stand::{Stand, ended};

/// The scheduler's answer to a worker that asks for a blob.
async fn ask(worker: &Session, digest: Digest) -> BlobReply {
    let (mut send, mut recv) = worker.connection.open_bi().await.unwrap();
    write_message(&mut send, &Request::Blob { digest, offset: 0 }).await.unwrap();
    read_message(&mut recv).await.unwrap()
}

async fn connect(stand: &Stand, identity: &Identity) -> Session {
    let link = stand.scheduler.link(Role::Worker);
    dial(&link, identity, &worker_hello(&link)).await.unwrap()
}

/// The digests of a package's manifest and of its blobs.
fn digests(package: &Package) -> Vec<Digest> {
    let manifest = Digest::of(&package.manifest.encode());
    package.blobs.keys().copied().chain([manifest]).collect()
}

fn only(identity: &Identity) -> JobOptions {
    let limits = JobLimits { operators: vec![identity.key()], ..JobLimits::default() };
    JobOptions { limits, ..JobOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_are_for_the_holder_of_a_lease_alone() {
    let stand = Stand::new().await;
    let [leased, absent] = [(); 2].map(|()| Identity::ephemeral().unwrap());
    let mut holder = connect(&stand, &leased).await;
    let stranger = session(&stand, Role::Worker).await;
    let artist = stand.artist().await;
    let (mine, others) =
        (Shot::default().package(), Shot { samples: 5, pass_samples: 5, ballast: 99, ..Shot::default() });
    let others = others.package();
    artist.submit(&others, only(&absent), |_| {}).await.unwrap();
    let job = artist.submit(&mine, only(&leased), |_| {}).await.unwrap();
    let ToWorker::Lease(lease) = read_message(&mut holder.control_recv).await.unwrap() else { panic!() };
    assert_eq!((lease.job, lease.package), (job, Digest::of(&mine.manifest.encode())));

    let foreign: Vec<Digest> =
        digests(&others).into_iter().filter(|digest| !digests(&mine).contains(digest)).collect();
    assert!(foreign.len() >= 2, "a manifest and a blob of its own");
    for digest in digests(&mine) {
        assert!(matches!(ask(&holder, digest).await, BlobReply::Follows { .. }), "{digest}");
        assert_eq!(ask(&stranger, digest).await, BlobReply::Unleased, "{digest}");
    }
    for digest in foreign {
        assert_eq!(ask(&holder, digest).await, BlobReply::Unleased, "{digest}");
    }
    // Not even whether the farm has it.
    assert_eq!(ask(&stranger, Digest::of(b"nothing")).await, BlobReply::Unleased);

    // Another connection of the holder's key is the holder; the connection of the lease is gone by then.
    let again = connect(&stand, &leased).await;
    holder.connection.close(0u32.into(), b"");
    for digest in digests(&mine) {
        assert!(matches!(ask(&again, digest).await, BlobReply::Follows { .. }), "{digest}");
    }
    artist.cancel(job).await.unwrap();
    for digest in digests(&mine) {
        assert_eq!(ask(&again, digest).await, BlobReply::Unleased, "the lease is over: {digest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_digest_of_a_package_is_not_the_package() {
    let stand = Stand::new().await;
    let artist = stand.artist().await;
    let mine = Shot::default().package();
    let job = artist.submit(&mine, JobOptions::default(), |_| {}).await.unwrap();
    let thief = session(&stand, Role::Artist).await;
    let request = async |request: Request| {
        let (mut send, recv) = thief.connection.open_bi().await.unwrap();
        write_message(&mut send, &request).await.unwrap();
        (send, recv)
    };
    let manifest = mine.manifest.encode();
    let package = Digest::of(&manifest);
    let submit = || Request::Submit { package, options: JobOptions::default() };
    let refused = SubmitReply::Missing(vec![package]);
    let reply: SubmitReply = read_message(&mut request(submit()).await.1).await.unwrap();
    assert_eq!(reply, refused, "{job}'s digest was enough");
    let mut guess = manifest.clone();
    guess[9] ^= 1;
    let bytes = manifest.len() as u64;
    let offer = async |sent: &[u8]| {
        let (mut send, mut recv) = request(Request::Upload { digest: package, bytes }).await;
        assert_eq!(read_message::<UploadReply>(&mut recv).await.unwrap(), UploadReply::From { offset: 0 });
        send.write_all(sent).await.unwrap();
        send.finish().unwrap();
        read_message::<UploadReply>(&mut recv).await.unwrap()
    };
    for wrong in [&guess[..], &manifest[1..], &[]] {
        assert_eq!(offer(wrong).await, UploadReply::Refused(UploadRefusal::Digest));
        let reply: SubmitReply = read_message(&mut request(submit()).await.1).await.unwrap();
        assert_eq!(reply, refused);
    }
    // Who has it may submit it.
    assert_eq!(offer(&manifest).await, UploadReply::Stored);
    let reply: SubmitReply = read_message(&mut request(submit()).await.1).await.unwrap();
    assert!(matches!(reply, SubmitReply::Accepted(_)), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn artists_get_no_blobs() {
    let stand = Stand::new().await;
    let artist = session(&stand, Role::Artist).await;
    let (mut send, _recv) = artist.connection.open_bi().await.unwrap();
    write_message(&mut send, &Request::Blob { digest: Digest::of(b"x"), offset: 0 }).await.unwrap();
    assert_malformed(&artist.connection, "an artist may not ask for blobs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_nobody_may_serve_says_so_and_completes_once_somebody_may() {
    let stand = Stand::new().await;
    let _shut_out = stand.worker("shut out", Honest);
    let artist = stand.artist().await;
    let key = Identity::load_or_create(&stand.directory.path().join("allowed")).unwrap();
    let job = artist.submit(&Shot::default().package(), only(&key), |_| {}).await.unwrap();
    let status = artist.watch(job).await.unwrap().next().await.unwrap().unwrap();
    assert!(status.unserved, "{status:?}");
    let _allowed = stand.worker("allowed", Honest);
    let status = ended(&artist, job).await;
    assert_eq!((status.unserved, status.tiles_done), (false, status.tiles_total));
    let workers = artist.workers().await.unwrap();
    let idle = workers.iter().filter(|worker| worker.operator != key.key());
    assert!(idle.map(|worker| worker.tiles_accepted).eq([0]), "{workers:?}");
    let pool = JobLimits { pool: Some("night".into()), ..JobLimits::default() };
    let options = JobOptions { limits: pool, ..JobOptions::default() };
    let error = artist.submit(&Shot::default().package(), options, |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("no pool `night`; ask its owner"), "{error}");
}
