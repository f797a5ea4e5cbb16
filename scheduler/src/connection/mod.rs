//! A connection from its handshake to its role's loop. Whatever a peer sends, only its own connection suffers for it.

mod artist;
mod blobs;
mod orders;
pub(crate) mod possession;
mod results;
mod submit;
mod watching;
mod web;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::{RecvStream, SendStream, VarInt};
use tessera_scheduler_core::Core;
use tessera_scheduler_core::api::{Asker, ExaminedHello, WorkerHello};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::admission::DeviceReport;
use tessera_shared::codec::{self, Message};
use tessera_shared::ids::NodeKey;
use tessera_shared::limits::check_tags;
use tessera_shared::messages::{CloseCode, DEVICES_MAX, Device, Hello, Refusal, TEXT_BYTES_MAX, Welcome};
use tessera_transport::blobs::BlobStore;
use tessera_transport::frames::{ReadError, WriteError, read_message};
use tessera_transport::identity::Identity;
use tessera_transport::link::Role;
use tessera_transport::tls::{self, peer_key};

use crate::deliveries::Deliveries;
use crate::driver::{Driver, Stopped};
use crate::feed::Feed;
use crate::films::Films;
use crate::gate::{Gate, Member};
use crate::http::doorway::Doorway;
use crate::leased::Listings;
use crate::limits::Limits;
use crate::packages::Packages;
use crate::pixels::PixelWriter;
use crate::secrets::Secrets;
use crate::soundness::Soundness;
use crate::throttle::{Quiet, Throttle};
use crate::uploads::Uploads;

/// Questions of artists that wait for the core at once: its queue keeps room for what workers send.
pub(crate) const ASKING_MAX: usize = 64;

/// What every connection shares.
pub(crate) struct Farm {
    /// Signs receipts.
    pub identity: Identity,
    pub secrets: Secrets,
    pub driver: Driver,
    pub deliveries: Arc<Deliveries>,
    pub films: Films,
    pub feed: Arc<Feed>,
    pub pixels: PixelWriter,
    pub blobs: Arc<BlobStore>,
    pub packages: Arc<Packages>,
    pub listings: Arc<Listings>,
    pub blob_bytes_max: u64,
    pub shown: possession::Shown,
    pub soundness: Arc<Soundness>,
    pub uploads: Uploads,
    /// Packages are validated one after the other, as each may fill the memory it is allowed.
    pub validating: tokio::sync::Semaphore,
    /// Receipts are made one after the other, as each reads a whole film.
    pub signing: tokio::sync::Semaphore,
    /// Pictures are drawn one after the other, as each may hold a whole film.
    pub drawing: tokio::sync::Semaphore,
    /// Jobs are counted and entered one after the other.
    pub submitting: tokio::sync::Semaphore,
    /// See [`ASKING_MAX`].
    pub asking: tokio::sync::Semaphore,
    pub gate: Arc<Gate>,
    /// Where the page is served, if it is.
    pub doorway: Option<Doorway>,
    /// What peers can make the log say.
    pub quiet: Quiet,
}

impl Farm {
    pub fn limits(&self) -> &Limits {
        self.gate.limits()
    }

    /// Waits for a peer no longer than its limits say for so many bytes.
    pub async fn patient<T>(
        &self,
        bytes: u64,
        what: &'static str,
        work: impl Future<Output = T>,
    ) -> Result<T, ConnectionEnd> {
        let done = tokio::time::timeout(self.limits().patience(bytes), work).await;
        done.map_err(|_| ConnectionEnd::Slow(what))
    }

    /// Writes a message to a peer that must read it.
    pub async fn tell<M: Message>(&self, send: &mut SendStream, message: &M) -> Result<(), ConnectionEnd> {
        let frame = codec::encode_frame(message).map_err(WriteError::from)?;
        let written = self.patient(frame.len() as u64, "what it is sent", send.write_all(&frame)).await?;
        Ok(written.map_err(WriteError::from)?)
    }

    /// Writes a line of the log that peers can cause, with the number of those that were left out since the last.
    pub fn warn(&self, line: impl FnOnce(u64)) {
        if let Some(unsaid) = self.quiet.admits(Instant::now()) {
            line(unsaid);
        }
    }

    /// Asks the core for an artist.
    pub async fn question<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Core, u64) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let _place = self.asking.acquire().await.map_err(|_| Stopped)?;
        self.driver.question(question).await
    }
}

/// Why a connection ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionEnd {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Connection(#[from] quinn::ConnectionError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error("{0}")]
    Malformed(String),
    #[error("refused: {0}")]
    Refused(Refusal),
    #[error("too slow over {0}")]
    Slow(&'static str),
    #[error("nothing was said while others waited")]
    Crowded,
}

impl ConnectionEnd {
    fn code(&self) -> CloseCode {
        match self {
            ConnectionEnd::Read(ReadError::Decode(_) | ReadError::Truncated)
            | ConnectionEnd::Malformed(_) => CloseCode::Malformed,
            ConnectionEnd::Read(_) | ConnectionEnd::Write(_) | ConnectionEnd::Connection(_) => {
                CloseCode::Done
            }
            ConnectionEnd::Stopped(_) => CloseCode::Stopping,
            ConnectionEnd::Refused(_) => CloseCode::Refused,
            ConnectionEnd::Slow(_) | ConnectionEnd::Crowded => CloseCode::Slow,
        }
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(farm: Arc<Farm>, incoming: quinn::Incoming) {
    let remote = incoming.remote_address();
    let (stranger, mut crowded) = farm.gate.stranger();
    let connected = tokio::select! {
        connected = tokio::time::timeout(farm.limits().hello, incoming.into_future()) => connected,
        _ = &mut crowded => return tracing::debug!(%remote, "dropped in its handshake while others waited"),
    };
    let connection = match connected {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return tracing::debug!(%remote, %error, "no handshake"),
        Err(_) => return tracing::debug!(%remote, "a handshake without an end"),
    };
    let greeted = tokio::select! {
        greeted = greet(&farm, &connection) => greeted,
        _ = &mut crowded => Err(ConnectionEnd::Crowded),
    };
    drop(stranger);
    let ended = match greeted {
        Ok(guest) => attend(&farm, &connection, guest).await,
        Err(end) => Err(end),
    };
    match ended {
        Ok(()) => connection.close(VarInt::from_u32(CloseCode::Done as u32), b""),
        Err(end) => {
            match end.code() {
                CloseCode::Done => tracing::debug!(%remote, %end, "connection ended"),
                _ => farm.warn(|unsaid| tracing::warn!(%remote, %end, unsaid, "connection closed")),
            }
            connection.close(VarInt::from_u32(end.code() as u32), end.to_string().as_bytes());
        }
    }
}

/// A peer that has said a hello which the farm takes.
struct Guest {
    key: NodeKey,
    member: Member,
    hello: Hello,
    send: SendStream,
    recv: RecvStream,
}

/// Reads the hello and judges it.
async fn greet(farm: &Arc<Farm>, connection: &quinn::Connection) -> Result<Guest, ConnectionEnd> {
    let key =
        peer_key(connection).ok_or_else(|| ConnectionEnd::Malformed("no ed25519 certificate".to_owned()))?;
    let greeting = async {
        let (send, mut recv) = connection.accept_bi().await?;
        let hello = read_message::<Hello>(&mut recv).await?;
        Ok::<_, ConnectionEnd>((send, recv, hello))
    };
    let greeted = tokio::time::timeout(farm.limits().hello, greeting).await;
    let (send, recv, hello) = greeted.map_err(|_| ConnectionEnd::Slow("its hello"))??;
    let judged = judge(farm, &hello);
    if judged == Err(Refusal::Token) {
        farm.gate.wrong_token(connection.remote_address().ip(), Instant::now());
    }
    match judged.and_then(|()| farm.gate.member(key, Instant::now())) {
        Ok(member) => Ok(Guest { key, member, hello, send, recv }),
        Err(refusal) => Err(refuse(farm, send, refusal).await),
    }
}

async fn attend(farm: &Arc<Farm>, connection: &quinn::Connection, guest: Guest) -> Result<(), ConnectionEnd> {
    let Guest { key, member, hello, mut send, recv } = guest;
    match hello {
        Hello::Examined { name, reports, kernel_version, tags, .. } => {
            tls::admit_worker(connection);
            let hello =
                ExaminedHello { operator: key, name, kernel_version, reports, tags, asleep_for_ms: None };
            worker::serve(farm, connection, send, recv, worker::Joining::Examined(hello)).await
        }
        Hello::Asleep { name, devices, reports, kernel_version, tags, for_ms, .. } => {
            tls::admit_worker(connection);
            let (operator, asleep_for_ms) = (key, Some(for_ms));
            let joining = match reports.is_empty() {
                true => {
                    let hello = WorkerHello { operator, name, kernel_version, devices, tags };
                    worker::Joining::Asleep(hello, for_ms)
                }
                false => worker::Joining::Examined(ExaminedHello {
                    operator,
                    name,
                    kernel_version,
                    reports,
                    tags,
                    asleep_for_ms,
                }),
            };
            worker::serve(farm, connection, send, recv, joining).await
        }
        Hello::Artist { .. } => {
            admit_artist(farm, connection, &mut send).await?;
            artist::serve(farm, connection, key, (Asker::Artist(key), Arc::new(member))).await
        }
        Hello::Wrangler { .. } => {
            admit_artist(farm, connection, &mut send).await?;
            artist::serve(farm, connection, key, (Asker::Wrangler, Arc::new(member))).await
        }
        Hello::Worker { name, devices, kernel_version, tags, .. } => {
            tls::admit_worker(connection);
            let hello = WorkerHello { operator: key, name, kernel_version, devices, tags };
            worker::serve(farm, connection, send, recv, worker::Joining::Plain(hello)).await
        }
    }
}

async fn admit_artist(
    farm: &Farm,
    connection: &quinn::Connection,
    send: &mut SendStream,
) -> Result<(), ConnectionEnd> {
    tls::admit_artist(connection);
    farm.tell(send, &Welcome::Artist).await
}

fn judge(farm: &Farm, hello: &Hello) -> Result<(), Refusal> {
    let (role, token, kernel_version) = match hello {
        Hello::Artist { token, kernel_version } => (Role::Artist, token, *kernel_version),
        Hello::Wrangler { token, kernel_version } => (Role::Wrangler, token, *kernel_version),
        Hello::Worker { token, kernel_version, .. }
        | Hello::Examined { token, kernel_version, .. }
        | Hello::Asleep { token, kernel_version, .. } => (Role::Worker, token, *kernel_version),
    };
    if !farm.secrets.admits(role, token) {
        return Err(Refusal::Token);
    }
    if kernel_version != KERNEL_VERSION {
        return Err(Refusal::KernelVersion { expected: KERNEL_VERSION, found: kernel_version });
    }
    let (name, devices, reports, tags): (_, &[Device], &[DeviceReport], _) = match hello {
        Hello::Artist { .. } | Hello::Wrangler { .. } => return Ok(()),
        Hello::Worker { name, devices, tags, .. } => (name, devices, &[], tags),
        Hello::Examined { name, reports, tags, .. } => (name, &[], reports, tags),
        Hello::Asleep { name, devices, reports, tags, .. } => (name, devices, reports, tags),
    };
    let texts = devices.iter().flat_map(|device| [&device.name, &device.driver]).chain([name]);
    if devices.len() > DEVICES_MAX || texts.into_iter().any(|text| text.len() > TEXT_BYTES_MAX) {
        let limits = format!("it may name {DEVICES_MAX} devices, with {TEXT_BYTES_MAX} bytes a name");
        return Err(Refusal::Worker(limits));
    }
    if !DeviceReport::all_sound(reports) {
        return Err(Refusal::Worker(
            "its reports of devices contradict themselves or are too long".to_owned(),
        ));
    }
    check_tags(tags).map_err(|error| Refusal::Worker(error.to_string()))
}

/// Tells the client why, and leaves it the time to read that before the connection closes.
async fn refuse(farm: &Farm, mut send: SendStream, refusal: Refusal) -> ConnectionEnd {
    if let Err(end) = farm.tell(&mut send, &Welcome::Refused(refusal.clone())).await {
        return end;
    }
    let _ = send.finish();
    let _ = tokio::time::timeout(farm.limits().hello, send.stopped()).await;
    ConnectionEnd::Refused(refusal)
}

/// The requests of one connection, no more than so many a second.
pub(crate) struct Pace(Throttle);

impl Pace {
    pub fn new(limits: &Limits) -> Pace {
        let a_second = limits.requests_per_second.max(1);
        Pace(Throttle::new(a_second, Duration::from_secs(1) / a_second))
    }

    /// Waits for the next request's turn, then for the request. Cancel safe: the turn is spent with the request.
    pub async fn accept_bi(
        &mut self,
        connection: &quinn::Connection,
    ) -> Result<(SendStream, RecvStream), quinn::ConnectionError> {
        let wait = self.0.wait(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let stream = connection.accept_bi().await?;
        self.0.spend(Instant::now());
        Ok(stream)
    }
}

/// A request's stream and who asks.
pub(crate) struct Asked {
    pub key: NodeKey,
    /// What it may order.
    pub by: Asker,
    pub member: Arc<Member>,
    pub send: SendStream,
    pub recv: RecvStream,
}
