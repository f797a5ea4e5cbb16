//! A farm under floods and with peers that dawdle: every limit is kept, whoever breaks it is told by its name, and nobody else notices.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use tessera_scheduler::client::{Client, ClientError};
use tessera_scheduler::{Identity, JobOptions, JobState, Limits, Link, Role};
use tessera_shared::codec::{self, Message};
use tessera_shared::digest::Digest;
use tessera_shared::ids::FrameNumber;
use tessera_shared::lease::{Commit, Lease, Work};
use tessera_shared::messages::{
    CloseCode, Hello, Refusal, Request, ToWorker, Token, UploadRefusal, UploadReply, Welcome,
};
use tessera_transport::dial::{DialError, dial};
use tessera_transport::frames::{read_message, write_message};
use tessera_transport::tls;

use crate::hostile::{artist_hello, assert_goes_on, assert_malformed, closed, session, worker_hello};
use crate::shot::{Honest, Shot};
use crate::stand::{Stand, local_digests};

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3600);
/// Short enough to wait for, long enough for honest peers of a busy machine.
const STALL: Duration = Duration::from_secs(2);

fn endpoint(address: Ipv4Addr) -> Endpoint {
    Endpoint::client((address, 0).into()).unwrap()
}

/// A connection that has said nothing.
async fn stranger(stand: &Stand, endpoint: &Endpoint) -> Connection {
    let link = stand.scheduler.link(Role::Worker);
    let config = tls::client_config(&Identity::ephemeral().unwrap(), link.fingerprint).unwrap();
    tls::connect(endpoint, config, stand.scheduler.address()).unwrap().await.unwrap()
}

/// A welcomed connection of a peer that lets so few bytes of a stream be sent before it has read them.
async fn narrow(stand: &Stand, role: Role, window: u32) -> (Connection, SendStream, RecvStream) {
    let link = stand.scheduler.link(role);
    let mut config = tls::client_config(&Identity::ephemeral().unwrap(), link.fingerprint).unwrap();
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(window.into()).keep_alive_interval(Some(Duration::from_secs(4)));
    config.transport_config(Arc::new(transport));
    let endpoint = endpoint(Ipv4Addr::LOCALHOST);
    let connection = tls::connect(&endpoint, config, stand.scheduler.address()).unwrap().await.unwrap();
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    let hello = match role {
        Role::Worker => worker_hello(&link),
        Role::Artist | Role::Wrangler => artist_hello(&link),
    };
    write_message(&mut send, &hello).await.unwrap();
    assert!(!matches!(read_message(&mut recv).await.unwrap(), Welcome::Refused(_)));
    (connection, send, recv)
}

async fn assert_slow(connection: &Connection, over: &str) {
    let (code, reason) = closed(connection).await;
    assert_eq!((code, reason), (CloseCode::Slow as u64, format!("too slow over {over}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_that_say_nothing() {
    let (crowd, room) = (1000, 50);
    let stand = Stand::limited(Limits { strangers_max: room, hello: NEVER, ..Limits::default() }).await;
    let endpoint = endpoint(Ipv4Addr::LOCALHOST);
    let mut silent = Vec::new();
    for _ in 0..crowd {
        silent.push(stranger(&stand, &endpoint).await);
    }
    for connection in &silent[..crowd - room] {
        let (code, reason) = closed(connection).await;
        assert_eq!((code, &reason[..]), (CloseCode::Slow as u64, "nothing was said while others waited"));
    }
    assert!(silent[crowd - room..].iter().all(|connection| connection.close_reason().is_none()));
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_granted_a_stream_for_its_hello_and_no_other() {
    let stand = Stand::new().await;
    let connection = stranger(&stand, &endpoint(Ipv4Addr::LOCALHOST)).await;
    let _hello = connection.open_bi().await.unwrap();
    tokio::select! {
        biased;
        _ = connection.open_bi() => panic!("a second stream"),
        _ = connection.open_uni() => panic!("a stream of results"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_or_a_hello_that_does_not_end_is_ended() {
    let stand = Stand::limited(Limits { hello: STALL, ..Limits::default() }).await;
    let silent = stranger(&stand, &endpoint(Ipv4Addr::LOCALHOST)).await;
    assert_slow(&silent, "its hello").await;
    let dribbling = stranger(&stand, &endpoint(Ipv4Addr::LOCALHOST)).await;
    let (mut send, _recv) = dribbling.open_bi().await.unwrap();
    send.write_all(&100u32.to_le_bytes()).await.unwrap();
    assert_slow(&dribbling, "its hello").await;
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_so_many_connections() {
    let stand = Stand::limited(Limits { key_connections_max: 3, ..Limits::default() }).await;
    // Artists: workers that hold connections and do nothing else would be lent tiles.
    let link = stand.scheduler.link(Role::Artist);
    let (me, hello) = (Identity::ephemeral().unwrap(), artist_hello(&link));
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(dial(&link, &me, &hello).await.unwrap());
    }
    for _ in 0..100 {
        let error = dial(&link, &me, &hello).await.unwrap_err();
        assert!(matches!(error, DialError::Refused(Refusal::Key { connections_max: 3 })), "{error}");
        assert!(error.is_transient() && error.to_string().contains("--key-connections"), "{error}");
    }
    // Another key is not concerned, and a place that becomes free is had again.
    assert_goes_on(&stand).await;
    held.pop().unwrap().connection.close(0u32.into(), b"");
    while dial(&link, &me, &hello).await.is_err() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_guesses_tokens_is_not_even_answered() {
    let (guesses, limits) =
        (5, Limits { wrong_tokens_max: 5, wrong_token_forgiven: NEVER, ..Limits::default() });
    let stand = Stand::limited(limits).await;
    let guesser = endpoint(Ipv4Addr::new(127, 0, 0, 2));
    let link = Link { token: Token([7; 16]), ..stand.scheduler.link(Role::Artist) };
    for _ in 0..guesses {
        let connection = stranger(&stand, &guesser).await;
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        write_message(&mut send, &artist_hello(&link)).await.unwrap();
        assert_eq!(read_message::<Welcome>(&mut recv).await.unwrap(), Welcome::Refused(Refusal::Token));
    }
    let config = tls::client_config(&Identity::ephemeral().unwrap(), link.fingerprint).unwrap();
    let refused = tls::connect(&guesser, config, stand.scheduler.address()).unwrap().await;
    assert!(refused.is_err(), "a sixth guess");
    // Who lives elsewhere comes in.
    assert_goes_on(&stand).await;
}

/// The first lease of a job, in the hands of a worker.
async fn lent(stand: &Stand, artist: &Client, recv: &mut RecvStream) -> Lease {
    artist.submit(&Shot::default().package(), JobOptions::default(), |_| {}).await.unwrap();
    let _ = stand;
    let ToWorker::Lease(lease) = read_message(recv).await.unwrap() else { panic!() };
    lease
}

/// An honest-looking commit for the lease.
fn commit(lease: &Lease) -> Commit {
    let (Work::Render(passes), shot) = (&lease.work, Shot::default()) else { panic!("no render") };
    let grid = shot.package().manifest.settings.grid;
    let digests = |tile| grid.tile_blocks(tile).map(|_| Digest([1; 32])).collect();
    Commit { lease: lease.id, tiles: passes.iter().map(|pass| digests(pass.tile)).collect() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_and_then_nothing() {
    let stand = Stand::limited(Limits { stall: STALL, ..Limits::default() }).await;
    let artist = session(&stand, Role::Artist).await;
    let (mut upload, mut reply) = artist.connection.open_bi().await.unwrap();
    let request = Request::Upload { digest: Digest([1; 32]), bytes: 100 };
    write_message(&mut upload, &request).await.unwrap();
    assert_eq!(read_message::<UploadReply>(&mut reply).await.unwrap(), UploadReply::From { offset: 0 });
    upload.write_all(b"x").await.unwrap();

    let asker = session(&stand, Role::Artist).await;
    let (mut half, _recv) = asker.connection.open_bi().await.unwrap();
    half.write_all(&[9, 0]).await.unwrap();

    let honest = stand.artist().await;
    let mut worker = session(&stand, Role::Worker).await;
    let lease = lent(&stand, &honest, &mut worker.control_recv).await;
    let mut results = worker.connection.open_uni().await.unwrap();
    write_message(&mut results, &commit(&lease)).await.unwrap();
    results.write_all(b"x").await.unwrap();

    let hesitant = session(&stand, Role::Worker).await;
    let mut half = hesitant.connection.open_uni().await.unwrap();
    half.write_all(&[9]).await.unwrap();

    assert_slow(&artist.connection, "a blob").await;
    assert_slow(&asker.connection, "a request").await;
    assert_slow(&worker.connection, "its pixels").await;
    assert_slow(&hesitant.connection, "its commit").await;
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_do_not_read() {
    let stand = Stand::limited(Limits { stall: STALL, ..Limits::default() }).await;
    let (worker, _send, _recv) = narrow(&stand, Role::Worker, 16).await;
    let honest = stand.artist().await;
    let job = honest.submit(&Shot::default().package(), JobOptions::default(), |_| {}).await.unwrap();
    assert_slow(&worker, "what it is sent").await;

    let _good = stand.worker("good", Honest);
    assert_eq!(crate::stand::ended(&honest, job).await.state, JobState::Completed);
    let (artist, _send, _recv) = narrow(&stand, Role::Artist, 16).await;
    let (mut send, _recv) = artist.open_bi().await.unwrap();
    write_message(&mut send, &Request::Jobs).await.unwrap();
    assert_slow(&artist, "what it is sent").await;
    assert!(honest.fetch_frame(job, FrameNumber(1)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_nobody_reads() {
    let stand = Stand::limited(Limits { stall: STALL, ..Limits::default() }).await;
    let _good = stand.worker("good", Honest);
    let (job, _) = stand.completes(&Shot::default().package()).await;
    // The owner's own key, and a window that takes the answer's head and not its pixels.
    let link = stand.scheduler.link(Role::Artist);
    let owner = Identity::load_or_create(&stand.directory.path().join("artist")).unwrap();
    let mut config = tls::client_config(&owner, link.fingerprint).unwrap();
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(4096u32.into());
    config.transport_config(Arc::new(transport));
    let endpoint = endpoint(Ipv4Addr::LOCALHOST);
    let lazy = tls::connect(&endpoint, config, stand.scheduler.address()).unwrap().await.unwrap();
    let (mut send, _recv) = lazy.open_bi().await.unwrap();
    write_message(&mut send, &artist_hello(&link)).await.unwrap();
    let (mut send, _recv) = lazy.open_bi().await.unwrap();
    write_message(&mut send, &Request::Fetch { job, frame: FrameNumber(1) }).await.unwrap();
    assert_slow(&lazy, "what it is sent").await;
    assert_goes_on(&stand).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_no_longer_than_its_lease() {
    let stand = Stand::new().await;
    let artist = stand.artist().await;
    let mut liar = session(&stand, Role::Worker).await;
    let lease = lent(&stand, &artist, &mut liar.control_recv).await;
    let mut stream = liar.connection.open_uni().await.unwrap();
    // As much as a commit may ever have, and the first bytes of it.
    let frame = codec::encode_frame(&commit(&lease)).unwrap();
    let claim = [&(Commit::BYTES_MAX as u32).to_le_bytes(), &frame[4..24]].concat();
    stream.write_all(&claim).await.unwrap();
    assert_malformed(&liar.connection, "does not fit the lease").await;
    assert_goes_on(&stand).await;
}

fn refused(outcome: Result<tessera_shared::ids::JobId, ClientError>) -> String {
    match outcome {
        Err(ClientError::Submit(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_a_key_and_their_sizes() {
    let limits = Limits { key_jobs_max: 2, jobs_max: 3, frame_pixels_max: 7500, ..Limits::default() };
    let stand = Stand::limited(Limits { tile_passes_max: 24, blobs_max: 6, ..limits }).await;
    let (artist, options) = (stand.artist().await, JobOptions::default);
    let submit = async |shot: Shot| artist.submit(&shot.package(), options(), |_| {}).await;
    let first = submit(Shot::default()).await.unwrap();
    // Frames, tiles and passes multiply.
    let reason = refused(submit(Shot { frames: 3, ..Shot::default() }).await);
    assert!(
        reason.contains("3 frames of 12 tiles in 1 passes are 36 tile-passes; the farm takes 24"),
        "{reason}"
    );
    let reason = refused(submit(Shot { edge_px: (101, 75), ..Shot::default() }).await);
    assert!(reason.contains("101×75 pixels; the farm takes 7500"), "{reason}");
    let reason = refused(submit(Shot { frames: 2, scenes: 12, ..Shot::default() }).await);
    assert!(reason.contains("blobs; the farm takes 6"), "{reason}");
    submit(Shot::default()).await.unwrap();
    let reason = refused(submit(Shot::default()).await);
    assert!(reason.contains("this key has 2 jobs") && reason.contains("--key-jobs"), "{reason}");
    let link = stand.scheduler.link(Role::Artist);
    let other = Client::connect(&link, &Identity::ephemeral().unwrap()).await.unwrap();
    other.submit(&Shot::default().package(), options(), |_| {}).await.unwrap();
    let third = Client::connect(&link, &Identity::ephemeral().unwrap()).await.unwrap();
    let reason = refused(third.submit(&Shot::default().package(), options(), |_| {}).await);
    assert!(reason.contains("the farm has 3 jobs"), "{reason}");
    artist.cancel(first).await.unwrap();
    submit(Shot::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_of_a_key() {
    let limits = Limits { key_upload_bytes_max: 1 << 20, key_uploads_max: 1, ..Limits::default() };
    let stand = Stand::limited(limits).await;
    let artist = session(&stand, Role::Artist).await;
    let offer = async |byte: u8| {
        let (mut send, recv) = artist.connection.open_bi().await.unwrap();
        let request = Request::Upload { digest: Digest([byte; 32]), bytes: 700 << 10 };
        write_message(&mut send, &request).await.unwrap();
        (send, recv)
    };
    let (_open, mut first) = offer(1).await;
    assert_eq!(read_message::<UploadReply>(&mut first).await.unwrap(), UploadReply::From { offset: 0 });
    // The second waits for the first, and is then too much.
    let (_waits, mut second) = offer(2).await;
    tokio::select! {
        biased;
        reply = read_message::<UploadReply>(&mut second) => panic!("{reply:?} while another is open"),
        reply = read_message::<UploadReply>(&mut first) => panic!("{reply:?} to nothing"),
        () = std::future::ready(()) => {}
    }
    drop(_open);
    let reply = read_message::<UploadReply>(&mut second).await.unwrap();
    assert_eq!(reply, UploadReply::Refused(UploadRefusal::Key { bytes_max: 1 << 20 }));
    assert!(reply_says(&reply).contains("--key-upload-gib"));
    assert_goes_on(&stand).await;
}

fn reply_says(reply: &UploadReply) -> String {
    match reply {
        UploadReply::Refused(refusal) => refusal.to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hellos_from_one_key_leave_nothing_behind() {
    let stand = Stand::new().await;
    let link = stand.scheduler.link(Role::Worker);
    let me = Identity::ephemeral().unwrap();
    let hello = Hello::Worker {
        token: link.token,
        kernel_version: tessera_shared::KERNEL_VERSION,
        name: "again".to_owned(),
        devices: Vec::new(),
        tags: Vec::new(),
    };
    for _ in 0..1000 {
        let session = dial(&link, &me, &hello).await.unwrap();
        session.connection.close(0u32.into(), b"");
    }
    assert_goes_on(&stand).await;
    let workers = stand.artist().await.workers().await.unwrap();
    assert!(workers.len() <= 300, "{} workers are listed", workers.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_small_blobs() {
    let stand = Stand::new().await;
    let small =
        Shot { edge_px: (8, 8), tile_px: 8, samples: 1, pass_samples: 1, ballast: 4, ..Shot::default() };
    let package = Shot { frames: 10_000, scenes: 10_000, ..small }.package();
    assert_eq!(package.blobs.len(), 10_000 + 2);
    let artist = stand.artist().await;
    let (mut sent, begun) = (0, std::time::Instant::now());
    let job =
        artist.submit(&package, JobOptions::default(), |progress| sent = progress.bytes_sent).await.unwrap();
    println!("submitted in {:?}", begun.elapsed());
    // Each once, the manifest too.
    let bytes: usize = package.blobs.values().map(|blob| blob.len()).sum();
    assert_eq!(sent, (bytes + package.manifest.encode().len()) as u64);
    let again =
        artist.submit(&package, JobOptions::default(), |_| panic!("everything is here")).await.unwrap();
    assert_ne!(job, again);
    let _good = stand.worker("good", Honest);
    for job in [job, again] {
        artist.cancel(job).await.unwrap();
    }
    // A worker that needs a little of each of many scenes gets along as well.
    let few = Shot { frames: 300, scenes: 300, ..small }.package();
    let (job, status) = stand.completes(&few).await;
    assert_eq!(status.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(few, 1));
}
