//! Starting and stopping a scheduler: the endpoint, the core's driver, the threads beside it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use quinn::{Endpoint, VarInt};
use tessera_scheduler_core::Core;
use tessera_scheduler_core::api::Config;
use tessera_shared::ids::NodeKey;
use tessera_shared::messages::{CloseCode, Token};
use tessera_transport::blobs::{BlobError, BlobStore};
use tessera_transport::identity::{Identity, IdentityError};
use tessera_transport::link::{Fingerprint, Link, Role};
use tessera_transport::tls;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::connection::{self, Farm};
use crate::deliveries::Deliveries;
use crate::driver::{self, Driver, Machine};
use crate::films;
use crate::journal::{Journal, MemoryJournal};
use crate::leased::Listings;
use crate::options::SchedulerOptions;
use crate::packages::Packages;
use crate::referee::{Referee, RefereeQueue};
use crate::secrets::Secrets;
use crate::standings::Standings;

/// Why a scheduler does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "cannot listen on {address}: {source}; choose another address with --listen, or stop what uses it"
    )]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("{path}: {source}; give a directory that this user can write with --data")]
    Data { path: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error("this machine's TLS set-up failed: {0}")]
    Tls(#[from] rustls::Error),
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
}

/// A scheduler that runs until [`Scheduler::stop`]. Dropping it stops it less politely.
#[derive(Debug)]
pub struct Scheduler {
    endpoint: Endpoint,
    address: SocketAddr,
    advertise: Option<String>,
    key: NodeKey,
    tokens: [Token; 3],
    driver: Driver,
    driving: JoinHandle<std::io::Result<()>>,
    accepting: JoinHandle<()>,
}

/// Starts a scheduler; it serves once this returns.
pub async fn serve(options: SchedulerOptions, referee: Box<dyn Referee>) -> Result<Scheduler, ServeError> {
    serve_with(options, referee, Box::new(MemoryJournal::default()), Config::new).await
}

/// As [`serve`], with a journal and with the core's configuration made from the farm's secret.
pub async fn serve_with(
    options: SchedulerOptions,
    referee: Box<dyn Referee>,
    journal: Box<dyn Journal>,
    config: impl FnOnce([u8; 32]) -> Config,
) -> Result<Scheduler, ServeError> {
    let data = |path: &Path| {
        let path = path.to_owned();
        move |source| ServeError::Data { path, source }
    };
    let identity = Identity::load_or_create(&options.data)?;
    let secrets = Secrets::load_or_create(&options.data).map_err(data(&options.data))?;
    let blobs = BlobStore::open(&options.data.join("blobs"), options.disk_bytes_max)?;
    let films_path = options.data.join("films");
    let films = films::start(films_path.clone()).map_err(data(&films_path))?;
    let packages = Arc::new(Packages::new(blobs.clone(), options.package_bytes_max));
    let deliveries = Arc::new(Deliveries::new(options.held_bytes_max));
    let (driver, inbox) = driver::channel();
    let referee =
        RefereeQueue::start(referee, packages.clone(), driver.clone()).map_err(ServeError::Thread)?;
    let listen = |source| ServeError::Listen { address: options.listen, source };
    let mut quic = tls::server_config(&identity)?;
    quic.transport_config(Arc::new(tls::transport(&options.timing)));
    let endpoint = Endpoint::server(quic, options.listen).map_err(listen)?;
    let address = endpoint.local_addr().map_err(listen)?;
    let core = Core::new(options.trust.applied_to(Config { pools: options.pools, ..config(secrets.core) }));
    let (standings, known) = Standings::open(&options.data).map_err(data(&options.data))?;
    let machine =
        Machine { core, journal, standings, deliveries: deliveries.clone(), films: films.clone(), referee };
    let driving = tokio::spawn(driver::drive(machine, known, inbox));
    let key = identity.key();
    let tokens = [Role::Artist, Role::Worker, Role::Wrangler].map(|role| secrets.token(role));
    let farm = Arc::new(Farm {
        identity,
        secrets,
        driver: driver.clone(),
        deliveries,
        films,
        blobs,
        listings: Arc::new(Listings::new(packages.clone())),
        packages,
        blob_bytes_max: options.blob_bytes_max,
        shown: connection::possession::Shown::default(),
        validating: Semaphore::new(1),
        signing: Semaphore::new(1),
    });
    let accepting = tokio::spawn(accept(endpoint.clone(), farm, options.connections_max));
    tracing::info!(%address, %key, "scheduler listens");
    let advertise = options.advertise;
    Ok(Scheduler { endpoint, address, advertise, key, tokens, driver, driving, accepting })
}

async fn accept(endpoint: Endpoint, farm: Arc<Farm>, connections_max: usize) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                None => return,
                Some(incoming) if connections.len() >= connections_max => {
                    tracing::warn!(connections_max, "a connection is refused: there are as many as allowed");
                    incoming.refuse();
                }
                // Who pretends to be elsewhere must first prove to receive there.
                Some(incoming) if !incoming.remote_address_validated() && connections.len() * 2 >= connections_max => {
                    let _ = incoming.retry();
                }
                Some(incoming) => {
                    connections.spawn(connection::serve(farm.clone(), incoming));
                }
            },
            Some(ended) = connections.join_next() => if let Err(panic) = ended {
                tracing::error!(%panic, "a connection's task failed");
            },
        }
    }
}

impl Scheduler {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The link that gives a role. It holds a secret: print it for the farm's owner, never log it.
    pub fn link(&self, role: Role) -> Link {
        let token = match role {
            Role::Artist => self.tokens[0],
            Role::Worker => self.tokens[1],
            Role::Wrangler => self.tokens[2],
        };
        let fingerprint = Fingerprint::of(&self.key);
        Link { host: self.host(), port: self.address.port(), role, fingerprint, token }
    }

    fn host(&self) -> String {
        match (&self.advertise, self.address) {
            (Some(host), _) => host.clone(),
            // Listening everywhere is no address to connect to: this machine's own is.
            (None, SocketAddr::V6(address)) if address.ip().is_unspecified() => "[::1]".to_owned(),
            (None, SocketAddr::V4(address)) if address.ip().is_unspecified() => "127.0.0.1".to_owned(),
            (None, SocketAddr::V6(address)) => format!("[{}]", address.ip()),
            (None, SocketAddr::V4(address)) => address.ip().to_string(),
        }
    }

    /// Waits for an end that nobody asked for: the journal failed.
    pub async fn failed(&mut self) -> std::io::Error {
        match (&mut self.driving).await {
            Ok(Ok(())) => std::io::Error::other("the driver ended"),
            Ok(Err(error)) => error,
            Err(panic) => std::io::Error::other(panic),
        }
    }

    /// Stops: connections are closed with the reason, workers keep what they hold and try to come back.
    pub async fn stop(self) {
        self.driver.stop().await;
        self.endpoint.close(VarInt::from_u32(CloseCode::Stopping as u32), b"the scheduler stops");
        self.accepting.abort();
        self.endpoint.wait_idle().await;
    }
}
