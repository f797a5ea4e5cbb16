//! A connection from its handshake to its role's loop. Whatever a peer sends, only its own connection suffers for it.

mod artist;
mod blobs;
mod orders;
pub(crate) mod possession;
mod results;
mod submit;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use quinn::{RecvStream, SendStream, VarInt};
use tessera_scheduler_core::api::{Asker, ExaminedHello, WorkerHello};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::admission::DeviceReport;
use tessera_shared::ids::NodeKey;
use tessera_shared::limits::check_tags;
use tessera_shared::messages::{CloseCode, DEVICES_MAX, Hello, Refusal, TEXT_BYTES_MAX, Welcome};
use tessera_transport::blobs::BlobStore;
use tessera_transport::frames::{ReadError, WriteError, read_message, write_message};
use tessera_transport::identity::Identity;
use tessera_transport::link::Role;
use tessera_transport::tls::peer_key;

use crate::deliveries::Deliveries;
use crate::driver::{Driver, Stopped};
use crate::films::Films;
use crate::leased::Listings;
use crate::packages::Packages;
use crate::secrets::Secrets;
use crate::soundness::Soundness;
use crate::uploads::Uploads;

/// How long a client may take from its first packet to the end of its hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// What every connection shares.
pub(crate) struct Farm {
    /// Signs receipts.
    pub identity: Identity,
    pub secrets: Secrets,
    pub driver: Driver,
    pub deliveries: Arc<Deliveries>,
    pub films: Films,
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
    #[error("no hello within {HELLO_TIMEOUT:?}")]
    Slow,
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
            ConnectionEnd::Slow => CloseCode::Slow,
        }
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(farm: Arc<Farm>, incoming: quinn::Incoming) {
    let remote = incoming.remote_address();
    let connection = match incoming.await {
        Ok(connection) => connection,
        Err(error) => return tracing::debug!(%remote, %error, "no handshake"),
    };
    match attend(&farm, &connection).await {
        Ok(()) => connection.close(VarInt::from_u32(CloseCode::Done as u32), b""),
        Err(end) => {
            match end.code() {
                CloseCode::Done => tracing::debug!(%remote, %end, "connection ended"),
                _ => tracing::warn!(%remote, %end, "connection closed"),
            }
            connection.close(VarInt::from_u32(end.code() as u32), end.to_string().as_bytes());
        }
    }
}

async fn attend(farm: &Arc<Farm>, connection: &quinn::Connection) -> Result<(), ConnectionEnd> {
    let key =
        peer_key(connection).ok_or_else(|| ConnectionEnd::Malformed("no ed25519 certificate".to_owned()))?;
    let greeting = async {
        let (send, mut recv) = connection.accept_bi().await?;
        let hello = read_message::<Hello>(&mut recv).await?;
        Ok::<_, ConnectionEnd>((send, recv, hello))
    };
    let greeted = tokio::time::timeout(HELLO_TIMEOUT, greeting).await;
    let (mut send, recv, hello) = greeted.map_err(|_| ConnectionEnd::Slow)??;
    if let Err(refusal) = judge(farm, &hello) {
        return refuse(send, refusal).await;
    }
    match hello {
        Hello::Examined { name, reports, kernel_version, tags, .. } => {
            let hello = ExaminedHello { operator: key, name, kernel_version, reports, tags };
            worker::serve(farm, connection, send, recv, worker::Joining::Examined(hello)).await
        }
        Hello::Artist { .. } => {
            write_message(&mut send, &Welcome::Artist).await?;
            artist::serve(farm, connection, key, Asker::Artist(key)).await
        }
        Hello::Wrangler { .. } => {
            write_message(&mut send, &Welcome::Artist).await?;
            artist::serve(farm, connection, key, Asker::Wrangler).await
        }
        Hello::Worker { name, devices, kernel_version, tags, .. } => {
            let hello = WorkerHello { operator: key, name, kernel_version, devices, tags };
            worker::serve(farm, connection, send, recv, worker::Joining::Plain(hello)).await
        }
    }
}

fn judge(farm: &Farm, hello: &Hello) -> Result<(), Refusal> {
    let (role, token, kernel_version) = match hello {
        Hello::Artist { token, kernel_version } => (Role::Artist, token, *kernel_version),
        Hello::Wrangler { token, kernel_version } => (Role::Wrangler, token, *kernel_version),
        Hello::Worker { token, kernel_version, .. } | Hello::Examined { token, kernel_version, .. } => {
            (Role::Worker, token, *kernel_version)
        }
    };
    if !farm.secrets.admits(role, token) {
        return Err(Refusal::Token);
    }
    if kernel_version != KERNEL_VERSION {
        return Err(Refusal::KernelVersion { expected: KERNEL_VERSION, found: kernel_version });
    }
    if let Hello::Examined { name, reports, .. } = hello
        && (name.len() > TEXT_BYTES_MAX || !DeviceReport::all_sound(reports))
    {
        return Err(Refusal::Worker(
            "its reports of devices contradict themselves or are too long".to_owned(),
        ));
    }
    if let Hello::Worker { tags, .. } | Hello::Examined { tags, .. } = hello {
        check_tags(tags).map_err(|error| Refusal::Worker(error.to_string()))?;
    }
    if let Hello::Worker { name, devices, .. } = hello {
        let texts = devices.iter().flat_map(|device| [&device.name, &device.driver]).chain([name]);
        if devices.len() > DEVICES_MAX || texts.into_iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            let limits = format!("it may name {DEVICES_MAX} devices, with {TEXT_BYTES_MAX} bytes a name");
            return Err(Refusal::Worker(limits));
        }
    }
    Ok(())
}

/// Tells the client why, and leaves it the time to read that before the connection closes.
async fn refuse(mut send: SendStream, refusal: Refusal) -> Result<(), ConnectionEnd> {
    write_message(&mut send, &Welcome::Refused(refusal.clone())).await?;
    let _ = send.finish();
    let _ = tokio::time::timeout(HELLO_TIMEOUT, send.stopped()).await;
    Err(ConnectionEnd::Refused(refusal))
}

/// A request's stream and who asks.
pub(crate) struct Asked {
    pub key: NodeKey,
    /// What it may order.
    pub by: Asker,
    pub send: SendStream,
    pub recv: RecvStream,
}
