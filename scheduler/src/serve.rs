//! Starting and stopping a scheduler: the endpoint, the core's driver, the threads beside it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use quinn::{Endpoint, VarInt};
use tessera_journal::tiles::SEGMENT_BYTES;
use tessera_journal::{Journal, JournalOptions, OpenError, Opened};
use tessera_scheduler_core::Core;
use tessera_scheduler_core::api::{Asker, Config, Event};
use tessera_shared::ids::NodeKey;
use tessera_shared::messages::{CloseCode, Token};
use tessera_shared::web::{LINK_DAYS, WebAccess};
use tessera_transport::blobs::{BlobError, BlobStore};
use tessera_transport::identity::{Identity, IdentityError};
use tessera_transport::link::{Fingerprint, Link, Role};
use tessera_transport::{socket, tls};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::connection::{self, Farm};
use crate::deliveries::Deliveries;
use crate::driver::{self, Driver, Machine};
use crate::feed::Feed;
use crate::films;
use crate::gate::Gate;
use crate::http::doorway::{self, Doorway};
use crate::http::revocations::Registry;
use crate::http::token::Tokens;
use crate::http::{self, Site};
use crate::journal::Writer;
use crate::leased::Listings;
use crate::options::SchedulerOptions;
use crate::packages::Packages;
use crate::pixels::{PixelWriter, Store};
use crate::recovery;
use crate::referee::{Referee, RefereeQueue};
use crate::secrets::Secrets;
use crate::soundness::Soundness;
use crate::standings::Standings;
use crate::storage::{Lock, Storage};
use crate::throttle::Quiet;
use crate::uploads::Uploads;
use crate::webhooks::{Observer, WebhookError, Webhooks};

/// Why a scheduler does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "cannot listen on {address}: {source}; choose another address with --listen, or stop what uses it"
    )]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("cannot serve the page on {address}: {source}; choose another address with --http")]
    ListenHttp { address: SocketAddr, source: std::io::Error },
    #[error("{path}: {source}")]
    Lock { path: std::path::PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Journal { path: std::path::PathBuf, source: OpenError },
    #[error("{path}: {source}; give a directory that this user can write with --data")]
    Data { path: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error("this machine's TLS set-up failed: {0}")]
    Tls(#[from] rustls::Error),
    #[error("--webhook: {0}")]
    Webhooks(#[from] WebhookError),
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
    http: Option<Http>,
    webhooks: Arc<Webhooks>,
    /// Let go of when everything else has ended.
    _lock: Lock,
}

/// The HTTP interface while it serves.
#[derive(Debug)]
struct Http {
    doorway: Doorway,
    serving: JoinHandle<()>,
}

/// Starts a scheduler, or the one that stopped here again; it serves once this returns.
pub async fn serve(options: SchedulerOptions, referee: Box<dyn Referee>) -> Result<Scheduler, ServeError> {
    let data = options.data.clone();
    let storage = Storage::folders(&data).map_err(|source| ServeError::Data { path: data, source })?;
    serve_with(options, referee, storage, Config::new).await
}

/// As [`serve`], with disks for records and pixels and with the core's configuration made from the farm's secret.
pub async fn serve_with(
    options: SchedulerOptions,
    referee: Box<dyn Referee>,
    storage: Storage,
    config: impl FnOnce([u8; 32]) -> Config,
) -> Result<Scheduler, ServeError> {
    let data = |path: &Path| {
        let path = path.to_owned();
        move |source| ServeError::Data { path, source }
    };
    let locked = Lock::take(&options.data);
    let mut lock = locked.map_err(|source| ServeError::Lock { path: options.data.clone(), source })?;
    let identity = Identity::load_or_create(&options.data)?;
    let secrets = Secrets::load_or_create(&options.data).map_err(data(&options.data))?;
    let blobs = BlobStore::open(&options.data.join("blobs"), options.disk_bytes_max)?;
    let packages = Arc::new(Packages::new(blobs.clone(), options.package_bytes_max));
    let soundness = Arc::new(Soundness::new(blobs.clone(), packages.clone()));
    let (standings, known) = Standings::open(&options.data).map_err(data(&options.data))?;
    let config = options.trust.applied_to(Config { pools: options.pools, ..config(secrets.core) });
    let kept = read(&storage, &options.data)?;
    let first = match kept.opened.replayed.new {
        true => Event::Remembered { operators: known },
        false => Event::Restarted,
    };
    let films_path = options.data.join("films");
    let jobs = recovery::jobs(&kept.opened.state);
    let (films, news) =
        films::start(films_path.clone(), &jobs, kept.store.clone()).map_err(data(&films_path))?;
    let deliveries = Arc::new(Deliveries::new(options.held_bytes_max));
    let (driver, inbox) = driver::channel();
    let referee =
        RefereeQueue::start(referee, packages.clone(), driver.clone()).map_err(ServeError::Thread)?;
    let listen = |source| ServeError::Listen { address: options.listen, source };
    let mut quic = tls::server_config(&identity)?;
    quic.transport_config(Arc::new(tls::to_strangers(tls::transport(&options.timing))));
    let endpoint = socket::server(options.listen, quic, &secrets.core).map_err(listen)?;
    let address = endpoint.local_addr().map_err(listen)?;
    lock.name(address).map_err(data(&options.data))?;
    let core = Core::resume(config, kept.opened.state);
    let journal = Writer::start(&storage, kept.opened.journal).map_err(ServeError::Thread)?;
    let pixels = PixelWriter::start(kept.store.clone()).map_err(ServeError::Thread)?;
    let feed = Arc::new(Feed::new(options.http.is_some()));
    let webhooks = Arc::new(options.webhooks.as_ref().map_or_else(|| Ok(Webhooks::none()), Webhooks::start)?);
    let told = options.webhooks.map(|webhooks| webhooks.events).unwrap_or_default();
    let http = match options.http {
        None => None,
        Some(listen) => {
            let revoked = Arc::new(Registry::open(&options.data).map_err(data(&options.data))?);
            let site = Site::new(
                driver.clone(),
                films.clone(),
                feed.clone(),
                Tokens::new(&secrets.core, revoked),
                webhooks.clone(),
            );
            Some(serve_http(listen, options.advertise.clone(), site).await?)
        }
    };
    let machine = Machine {
        observer: Observer::new(told, core.state()),
        webhooks: webhooks.clone(),
        core,
        journal,
        standings,
        deliveries: deliveries.clone(),
        packages: packages.clone(),
        store: kept.store,
        films: films.clone(),
        news,
        referee,
        feed: feed.clone(),
    };
    let driving = tokio::spawn(driver::drive(machine, first, inbox));
    let key = identity.key();
    let tokens = [Role::Artist, Role::Worker, Role::Wrangler].map(|role| secrets.token(role));
    let farm = Arc::new(Farm {
        identity,
        secrets,
        driver: driver.clone(),
        deliveries,
        films,
        feed,
        pixels,
        blobs,
        listings: Arc::new(Listings::new(packages.clone())),
        packages,
        blob_bytes_max: options.blob_bytes_max,
        shown: connection::possession::Shown::default(),
        soundness,
        uploads: Uploads::new(options.timing.keep_alive),
        validating: Semaphore::new(1),
        signing: Semaphore::new(1),
        drawing: Semaphore::new(1),
        submitting: Semaphore::new(1),
        asking: Semaphore::new(connection::ASKING_MAX),
        gate: Gate::new(options.limits),
        doorway: http.as_ref().map(|http| http.doorway.clone()),
        quiet: Quiet::new(),
    });
    let accepting = tokio::spawn(accept(endpoint.clone(), farm, options.connections_max));
    tracing::info!(%address, %key, "scheduler listens");
    let advertise = options.advertise;
    Ok(Scheduler {
        endpoint,
        address,
        advertise,
        key,
        tokens,
        driver,
        driving,
        accepting,
        http,
        webhooks,
        _lock: lock,
    })
}

async fn serve_http(listen: SocketAddr, advertise: Option<String>, site: Site) -> Result<Http, ServeError> {
    let refused = |source| ServeError::ListenHttp { address: listen, source };
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let doorway = Doorway { address, advertise, tokens: site.tokens.clone() };
    tracing::info!(%address, "the page is served");
    Ok(Http { doorway, serving: tokio::spawn(http::serve(Arc::new(site), listener)) })
}

/// What the process before left.
struct Kept {
    opened: Opened,
    store: Arc<Store>,
}

/// Reads the journal and finds the pixels.
fn read(storage: &Storage, data: &Path) -> Result<Kept, ServeError> {
    let start = std::time::Instant::now();
    let failed = |folder: &str| {
        let path = data.join(folder);
        move |source| ServeError::Journal { path, source }
    };
    let opened = Journal::resume(&storage.journal, JournalOptions::default()).map_err(failed("journal"))?;
    let store = Store::open(storage.tiles.clone(), SEGMENT_BYTES).map_err(failed("tiles"))?;
    let replayed = &opened.replayed;
    for torn in &replayed.torn {
        tracing::info!(
            name = torn.name,
            bytes = torn.bytes,
            "a batch was not written to its end and is passed over; nobody was told of it"
        );
    }
    for name in &replayed.damaged {
        tracing::error!(name, "the snapshot is damaged; the one before it serves");
    }
    if !replayed.new {
        let (batches, records, jobs) = (replayed.batches, replayed.records, opened.state.jobs.len());
        let elapsed_ms = start.elapsed().as_millis() as u64;
        tracing::info!(
            batches,
            records,
            jobs,
            elapsed_ms,
            "the journal is read: the farm goes on where it was"
        );
    }
    Ok(Kept { opened, store: Arc::new(store) })
}

async fn accept(endpoint: Endpoint, farm: Arc<Farm>, connections_max: usize) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                None => return,
                Some(incoming) if connections.len() >= connections_max => {
                    if let Some(unsaid) = farm.quiet.admits(Instant::now()) {
                        tracing::warn!(connections_max, unsaid, "a connection is refused: there are as many as allowed");
                    }
                    incoming.refuse();
                }
                Some(incoming) if farm.gate.bars(incoming.remote_address().ip(), Instant::now()) => incoming.refuse(),
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

    /// The page's address with the wrangler's token, if the page is served. It holds a secret: print it for the farm's owner,
    /// never log it.
    pub fn page(&self) -> Option<String> {
        let doorway = &self.http.as_ref()?.doorway;
        let page = doorway.page(Asker::Wrangler, WebAccess::Own, Some(LINK_DAYS));
        Some(format!("http://{}:{}/#token={}", self.host_of(doorway.address), page.port, page.token.0))
    }

    fn host(&self) -> String {
        self.host_of(self.address)
    }

    fn host_of(&self, address: SocketAddr) -> String {
        // Listening everywhere is no address to connect to: this machine's own is.
        let own = if address.is_ipv6() { "[::1]" } else { "127.0.0.1" };
        doorway::named(self.advertise.as_deref(), address).unwrap_or_else(|| own.to_owned())
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
        self.webhooks.finish().await;
        self.endpoint.close(VarInt::from_u32(CloseCode::Stopping as u32), b"the scheduler stops");
        self.accepting.abort();
        self.http.iter().for_each(|http| http.serving.abort());
        self.endpoint.wait_idle().await;
    }
}
