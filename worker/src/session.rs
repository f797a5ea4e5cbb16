//! The worker's connection: made, made again after it broke, read and written. What the messages mean is the core's.

use std::sync::Arc;
use std::time::Instant;

use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::admission::DeviceReport;
use tessera_shared::film::BlockPixels;
use tessera_shared::lease::Commit;
use tessera_shared::messages::{CloseCode, Device, FromWorker, Hello, ToWorker, Token, Welcome};
use tessera_transport::dial::{DialError, Session, dial_within};
use tessera_transport::frames::{read_message, write_message};
use tessera_transport::identity::Identity;
use tessera_transport::link::Link;
use tessera_transport::timing::Timing;
use tokio::sync::mpsc;

use crate::backoff::{Backoff, BackoffOptions};
use crate::devices::Inexact;
use crate::hours::Schedule;
use crate::shell::Input;

/// Messages that wait for the scheduler to read them.
const OUTBOX: usize = 1024;

/// Why a worker gives up.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Link(#[from] tessera_transport::link::ParseLinkError),
    #[error(transparent)]
    Identity(#[from] tessera_transport::identity::IdentityError),
    #[error(transparent)]
    Cache(#[from] tessera_transport::blobs::BlobError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(
        "the farm has quarantined this worker's key ({0}); its results differ from the farm's own: run `tessera bench` and tell the farm's owner"
    )]
    Quarantined(String),
    #[error("the farm's wrangler has banned this worker's key: {0}; ask the farm's owner")]
    Banned(String),
    #[error("{}", inexact(devices, quarantine.as_deref()))]
    Inexact {
        /// Those that failed; at least one.
        devices: Vec<Inexact>,
        /// Why the farm had quarantined the key, if that is why they were examined.
        quarantine: Option<String>,
    },
    #[error("no device to render with; see `tessera worker --help` for --backend")]
    NoDevice,
    #[error("no thread can be started for a device: {0}")]
    Thread(#[from] std::io::Error),
}

fn inexact(devices: &[Inexact], quarantine: Option<&str>) -> String {
    let told = devices.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match quarantine {
        None => format!("a device is not exact any more: {told}"),
        Some(reason) => format!(
            "the farm has quarantined this worker's key ({reason}), as a device is not exact any more: {told}; try another driver, and tell the farm's owner"
        ),
    }
}

/// A connection that the scheduler has welcomed, seen from the shell.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub endpoint: Endpoint,
    pub connection: Connection,
    pub outbox: mpsc::Sender<FromWorker>,
    /// The worker said that it sleeps.
    pub asleep: bool,
}

/// Who calls whom, and how patiently.
pub(crate) struct Call {
    pub link: Link,
    pub identity: Identity,
    pub hello: Greeting,
    pub timing: Timing,
    pub backoff: BackoffOptions,
}

/// What a worker says of itself when it calls.
pub(crate) struct Greeting {
    pub token: Token,
    pub name: String,
    pub devices: Vec<Device>,
    /// Of an examination; none if there was none.
    pub reports: Vec<DeviceReport>,
    pub tags: Vec<String>,
    pub schedule: Option<Schedule>,
}

impl Greeting {
    /// The hello at this time of day, and whether it says that the worker sleeps.
    fn hello(&self) -> (Hello, bool) {
        let asleep_for_ms = self.schedule.as_ref().and_then(Schedule::asleep_for_ms);
        let Greeting { token, name, devices, reports, tags, .. } = self;
        let (token, kernel_version, name, tags) = (*token, KERNEL_VERSION, name.clone(), tags.clone());
        let reports = reports.clone();
        let devices = if reports.is_empty() { devices.clone() } else { Vec::new() };
        let hello = match asleep_for_ms {
            Some(for_ms) => Hello::Asleep { token, kernel_version, name, devices, reports, tags, for_ms },
            None if reports.is_empty() => Hello::Worker { token, kernel_version, name, devices, tags },
            None => Hello::Examined { token, kernel_version, name, reports, tags },
        };
        (hello, asleep_for_ms.is_some())
    }
}

/// Connects again and again until a reason comes that does not go away by itself.
pub(crate) async fn keep_connected(call: Call, inputs: mpsc::Sender<Input>) -> WorkerError {
    let Call { link, identity, hello, timing, backoff } = call;
    let mut backoff = Backoff::new(backoff);
    loop {
        let (greeted, asleep) = hello.hello();
        match dial_within(&link, &identity, &greeted, &timing).await {
            Ok(session) => {
                let since = Instant::now();
                let ended = attend(session, asleep, &inputs).await;
                backoff.connected_for(since.elapsed());
                match ended {
                    ConnectionError::ApplicationClosed(close)
                        if close.error_code == (CloseCode::Quarantined as u32).into() =>
                    {
                        return WorkerError::Quarantined(String::from_utf8_lossy(&close.reason).into_owned());
                    }
                    ConnectionError::ApplicationClosed(close)
                        if close.error_code == (CloseCode::Banned as u32).into() =>
                    {
                        return WorkerError::Banned(String::from_utf8_lossy(&close.reason).into_owned());
                    }
                    reason => {
                        tracing::warn!(%reason, "the connection to the farm broke off; connecting again")
                    }
                }
            }
            Err(error) if error.is_transient() => tracing::warn!(%error, "not connected; trying again"),
            Err(error) => return error.into(),
        }
        tokio::time::sleep(backoff.pause(random_u64())).await;
    }
}

/// Without randomness the pause is the middle one.
pub(crate) fn random_u64() -> u64 {
    let mut bytes = [0, 0, 0, 0, 0, 0, 0, 0x80];
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Serves one connection until it is gone.
async fn attend(session: Session, asleep: bool, inputs: &mpsc::Sender<Input>) -> ConnectionError {
    let Session { endpoint, connection, control_send, control_recv, welcome } = session;
    let Welcome::Worker { worker } = welcome else {
        let code = CloseCode::Malformed as u32;
        connection.close(code.into(), b"a worker's hello was answered as another's");
        return connection.closed().await;
    };
    tracing::info!(%worker, farm = %connection.remote_address(), "connected");
    let (outbox, messages) = mpsc::channel(OUTBOX);
    let wire = Wire { endpoint, connection: connection.clone(), outbox, asleep };
    if inputs.send(Input::Connected(wire)).await.is_ok() {
        let broken = tokio::select! {
            broken = read(control_recv, inputs) => broken,
            broken = write(control_send, messages) => broken,
            _ = connection.closed() => String::new(),
        };
        // A close of ours would hide the scheduler's reason.
        if connection.close_reason().is_none() {
            connection.close((CloseCode::Malformed as u32).into(), broken.as_bytes());
        }
    }
    let reason = connection.closed().await;
    // The shell may be gone: the worker is ending then.
    let _ = inputs.send(Input::Disconnected).await;
    reason
}

async fn read(mut recv: RecvStream, inputs: &mpsc::Sender<Input>) -> String {
    loop {
        match read_message::<ToWorker>(&mut recv).await {
            Ok(message) => {
                if inputs.send(Input::Message(message)).await.is_err() {
                    return "the worker ends".to_owned();
                }
            }
            Err(error) => return error.to_string(),
        }
    }
}

async fn write(mut send: SendStream, mut messages: mpsc::Receiver<FromWorker>) -> String {
    while let Some(message) = messages.recv().await {
        if let Err(error) = write_message(&mut send, &message).await {
            return error.to_string();
        }
    }
    "the worker ends".to_owned()
}

/// Sends a lease's commit and pixels; true once the scheduler has them all or does not want them.
pub(crate) async fn send_results(
    connection: &Connection,
    commit: &Commit,
    pixels: &Arc<Vec<BlockPixels>>,
) -> bool {
    let sent: anyhow::Result<()> = async {
        let mut send = connection.open_uni().await?;
        write_message(&mut send, commit).await?;
        for block in pixels.iter() {
            send.write_all(block.bytes()).await?;
        }
        send.finish()?;
        send.stopped().await?;
        Ok(())
    }
    .await;
    match sent {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(lease = %commit.lease, %error, "results were not taken to their end");
            // Turned away by a living scheduler: nothing more to send. Otherwise the next connection sends again.
            connection.close_reason().is_none()
        }
    }
}
