//! What a farm does with garbage, liars and strangers: a clear refusal for them, and nothing for anybody else.

use std::net::Ipv4Addr;

use quinn::{ConnectionError, Endpoint};
use tessera_scheduler::client::{Client, ClientError};
use tessera_scheduler::{Identity, JobOptions, JobState, Link, Role};
use tessera_shared::codec;
use tessera_shared::digest::Digest;
use tessera_shared::ids::JobId;
use tessera_shared::lease::Commit;
use tessera_shared::messages::{
    CloseCode, Hello, JobRefusal, Request, ToWorker, Token, UploadRefusal, UploadReply, Welcome,
};
use tessera_transport::dial::{DialError, Session, dial};
use tessera_transport::frames::{read_message, write_message};
use tessera_transport::{link::Fingerprint, tls};

use crate::shot::{Honest, Shot};
use crate::stand::{Stand, local_digests};

pub fn worker_hello(link: &Link) -> Hello {
    let (kernel_version, name) = (tessera_shared::KERNEL_VERSION, "hostile".to_owned());
    Hello::Worker { token: link.token, kernel_version, name, devices: Vec::new(), tags: Vec::new() }
}

fn artist_hello(link: &Link) -> Hello {
    Hello::Artist { token: link.token, kernel_version: tessera_shared::KERNEL_VERSION }
}

pub async fn session(stand: &Stand, role: Role) -> Session {
    let link = stand.scheduler.link(role);
    let hello = match role {
        Role::Artist => artist_hello(&link),
        Role::Worker => worker_hello(&link),
        Role::Wrangler => {
            Hello::Wrangler { token: link.token, kernel_version: tessera_shared::KERNEL_VERSION }
        }
    };
    dial(&link, &Identity::ephemeral().unwrap(), &hello).await.unwrap()
}

/// The code and the reason with which the scheduler closed a connection.
async fn closed(connection: &quinn::Connection) -> (u64, String) {
    match connection.closed().await {
        ConnectionError::ApplicationClosed(close) => {
            (close.error_code.into(), String::from_utf8_lossy(&close.reason).into_owned())
        }
        other => panic!("closed by {other}"),
    }
}

pub async fn assert_malformed(connection: &quinn::Connection, says: &str) {
    let (code, reason) = closed(connection).await;
    assert_eq!(code, CloseCode::Malformed as u64, "{reason}");
    assert!(reason.contains(says), "{reason}");
}

/// The farm still does what it is for.
async fn assert_goes_on(stand: &Stand) {
    let worker = stand.worker("good", Honest);
    let package = Shot::default().package();
    let (job, status) = stand.completes(&package).await;
    assert_eq!(status.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    worker.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_before_the_hello() {
    let stand = Stand::new().await;
    let link = stand.scheduler.link(Role::Worker);
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let oversized = u32::MAX.to_le_bytes();
    let garbage = [&8u32.to_le_bytes()[..], &[0xff; 8]].concat();
    for (bytes, says) in [(&oversized[..], "at most 524288"), (&garbage[..], "does not decode")] {
        let config = tls::client_config(&Identity::ephemeral().unwrap(), link.fingerprint).unwrap();
        let connection = tls::connect(&endpoint, config, stand.scheduler.address()).unwrap().await.unwrap();
        let (mut send, _recv) = connection.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        assert_malformed(&connection, says).await;
    }
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_every_stream_of_both_roles() {
    let stand = Stand::new().await;
    let huge = u32::MAX.to_le_bytes();
    let mut worker = session(&stand, Role::Worker).await;
    worker.control_send.write_all(&huge).await.unwrap();
    assert_malformed(&worker.connection, "FromWorker").await;

    let worker = session(&stand, Role::Worker).await;
    worker.connection.open_uni().await.unwrap().write_all(&huge).await.unwrap();
    assert_malformed(&worker.connection, "Commit").await;

    for role in [Role::Worker, Role::Artist] {
        let peer = session(&stand, role).await;
        let (mut send, _recv) = peer.connection.open_bi().await.unwrap();
        send.write_all(&huge).await.unwrap();
        assert_malformed(&peer.connection, "Request").await;
    }
    let worker = session(&stand, Role::Worker).await;
    let (mut send, _recv) = worker.connection.open_bi().await.unwrap();
    write_message(&mut send, &Request::Jobs).await.unwrap();
    assert_malformed(&worker.connection, "a worker may not ask").await;
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_told_why_they_stay_outside() {
    let stand = Stand::new().await;
    let link = stand.scheduler.link(Role::Artist);
    let me = Identity::ephemeral().unwrap();
    let wrong_token = Link { token: Token([0; 16]), ..link.clone() };
    let error = Client::connect(&wrong_token, &me).await.unwrap_err();
    assert!(error.to_string().contains("refuses this link's token"), "{error}");
    // The worker's token opens no other door.
    let wrong_door = Link { token: stand.scheduler.link(Role::Worker).token, ..link.clone() };
    assert!(Client::connect(&wrong_door, &me).await.is_err());
    let wrong_key = Link { fingerprint: Fingerprint::of(&me.key()), ..link.clone() };
    let error = Client::connect(&wrong_key, &me).await.unwrap_err();
    assert!(matches!(error, ClientError::Dial(DialError::Fingerprint { .. })), "{error}");
    let error = Client::connect(&stand.scheduler.link(Role::Worker), &me).await.unwrap_err();
    assert!(error.to_string().contains("needs the artist link"), "{error}");
    let old = Hello::Artist { token: link.token, kernel_version: 0 };
    let error = dial(&link, &me, &old).await.unwrap_err();
    assert!(error.to_string().contains("kernel version 0"), "{error}");
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_that_does_not_hash_is_refused() {
    let stand = Stand::new().await;
    let artist = session(&stand, Role::Artist).await;
    let digest = Digest::of(b"what was announced");
    let (mut send, mut recv) = artist.connection.open_bi().await.unwrap();
    write_message(&mut send, &Request::Upload { digest, bytes: 18 }).await.unwrap();
    assert_eq!(read_message::<UploadReply>(&mut recv).await.unwrap(), UploadReply::From { offset: 0 });
    send.write_all(b"something else....").await.unwrap();
    send.finish().unwrap();
    let reply = read_message::<UploadReply>(&mut recv).await.unwrap();
    assert_eq!(reply, UploadReply::Refused(UploadRefusal::Digest));

    let (mut send, mut recv) = artist.connection.open_bi().await.unwrap();
    write_message(&mut send, &Request::Upload { digest, bytes: 1 << 40 }).await.unwrap();
    let reply = read_message::<UploadReply>(&mut recv).await.unwrap();
    assert!(matches!(reply, UploadReply::Refused(UploadRefusal::TooLarge { .. })), "{reply:?}");
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_that_is_not_valid_is_refused_by_its_fault() {
    let stand = Stand::new().await;
    let mut package = Shot::default().package();
    package.manifest.frames[0].camera.eye[0] = f32::NAN;
    let artist = stand.artist().await;
    let error = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("frame 1, camera"), "{error}");
    let mut package = Shot::default().package();
    package.manifest.scenes[0].sections[0].bytes += 1;
    let error = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap_err();
    assert!(matches!(error, ClientError::Submit(_)), "{error}");
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_belongs_to_the_key_that_submitted_it() {
    let stand = Stand::new().await;
    let _worker = stand.worker("good", Honest);
    let (job, _) = stand.completes(&Shot::default().package()).await;
    let link = stand.scheduler.link(Role::Artist);
    let other = Client::connect(&link, &Identity::ephemeral().unwrap()).await.unwrap();
    let refused = |error: ClientError| match error {
        ClientError::Job { refusal, .. } => refusal,
        other => panic!("{other}"),
    };
    assert_eq!(refused(other.cancel(job).await.unwrap_err()), JobRefusal::Foreign);
    assert_eq!(refused(other.manifest(job).await.unwrap_err()), JobRefusal::Foreign);
    let frame = tessera_shared::ids::FrameNumber(1);
    assert_eq!(refused(other.fetch_frame(job, frame).await.unwrap_err()), JobRefusal::Foreign);
    assert_eq!(refused(other.watch(JobId(99)).await.unwrap().next().await.unwrap_err()), JobRefusal::Unknown);
    let owner = stand.artist().await;
    assert_eq!(refused(owner.cancel(job).await.unwrap_err()), JobRefusal::Ended);
    let frame = tessera_shared::ids::FrameNumber(2);
    assert_eq!(refused(owner.fetch_frame(job, frame).await.unwrap_err()), JobRefusal::NoFrame);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_answers_nonsense_loses_its_connection_and_the_job_goes_on() {
    let stand = Stand::new().await;
    let artist = stand.artist().await;
    let mut liar = session(&stand, Role::Worker).await;
    assert!(matches!(liar.welcome, Welcome::Worker { .. }));
    let package = Shot::default().package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let ToWorker::Lease(lease) = read_message(&mut liar.control_recv).await.unwrap() else { panic!() };
    let mut stream = liar.connection.open_uni().await.unwrap();
    let commit = Commit { lease: lease.id, tiles: vec![vec![Digest([0; 32]); 3]] };
    stream.write_all(&codec::encode_frame(&commit).unwrap()).await.unwrap();
    assert_malformed(&liar.connection, "does not fit the lease").await;
    let _worker = stand.worker("good", Honest);
    assert_eq!(crate::stand::ended(&artist, job).await.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
}
