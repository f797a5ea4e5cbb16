//! A worker's packages: blobs come once over the network into a bounded cache on disk, those of a scene when a device needs the
//! scene, and packages are kept in memory ready to render. Which package is needed when is the core's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use quinn::Connection;
use tessera_shared::control::FailureClass;
use tessera_shared::digest::Digest;
use tessera_shared::messages::{BlobReply, Request};
use tessera_shared::package::manifest::MANIFEST_BYTES_MAX;
use tessera_shared::package::validate::{validate_manifest, validate_scene};
use tessera_shared::package::{Manifest, Package};
use tessera_transport::blobs::download::{DownloadError, Offer, download};
use tessera_transport::blobs::{BlobError, BlobStore};
use tessera_transport::frames::{read_message, write_message};

use crate::renderer::{SceneSource, Stage};

/// A blob whose bytes do not hash is asked for so many times.
const TRIES: usize = 3;

/// The cache on disk. One process at a time uses its directory.
#[derive(Debug)]
pub(crate) struct Packages {
    blobs: Arc<BlobStore>,
    bytes_max: u64,
    /// The way to the farm, while there is one.
    connection: Mutex<Option<Connection>>,
    /// Blobs that a scene in memory holds: scenes of an animation share most of theirs.
    memory: Mutex<BTreeMap<Digest, Weak<[u8]>>>,
}

/// Why a package cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the connection to the farm is gone")]
    Gone,
    #[error("the blob {0} broke off on its way")]
    BrokeOff(Digest),
    #[error("the farm's disk has lost or damaged the blob {0}; submit the shot again, which brings it back")]
    Lacks(Digest),
    /// The lease ended while its package was on its way.
    #[error("the farm gives the blob {0} only to who holds a lease of its package")]
    Unleased(Digest),
    #[error("the blob {digest} has {bytes} bytes, {announced} were announced")]
    Length { digest: Digest, bytes: u64, announced: u64 },
    #[error(
        "a scene of the package has {bytes} bytes, this worker's cache takes {bytes_max}; start it with a larger --cache-gib"
    )]
    Scene { bytes: u64, bytes_max: u64 },
    #[error(
        "the cache cannot keep the blob {digest}; make room on its disk, start the worker with --data on another, or with a smaller --cache-gib"
    )]
    Cache { digest: Digest, source: BlobError },
}

impl FetchError {
    pub fn class(&self) -> FailureClass {
        match self {
            FetchError::Gone | FetchError::BrokeOff(_) | FetchError::Unleased(_) => FailureClass::Network,
            FetchError::Lacks(_) | FetchError::Length { .. } => FailureClass::Job,
            FetchError::Scene { .. } => FailureClass::Shortage,
            FetchError::Cache { source, .. } if source.is_shortage() => FailureClass::Shortage,
            FetchError::Cache { .. } => FailureClass::Node,
        }
    }
}

/// The scenes of one package, from the cache or the farm.
#[derive(Debug)]
struct Fetched {
    packages: Arc<Packages>,
    id: Digest,
    manifest: Manifest,
    runtime: tokio::runtime::Handle,
}

impl SceneSource for Fetched {
    fn load(&self, index: u32) -> anyhow::Result<Arc<Package>> {
        let loaded = self.packages.scene(self.id, &self.manifest, index);
        let package = self.runtime.block_on(loaded)?;
        validate_scene(&package, index as usize)?;
        Ok(Arc::new(package))
    }
}

/// Packages in memory, the most recently used last.
#[derive(Debug)]
pub(crate) struct Stages {
    bytes_max: u64,
    kept: Mutex<Vec<(Digest, Arc<Stage>)>>,
}

impl Packages {
    pub fn new(blobs: Arc<BlobStore>, bytes_max: u64) -> Packages {
        Packages { blobs, bytes_max, connection: Mutex::default(), memory: Mutex::default() }
    }

    /// What is missing is fetched over this connection from now on.
    pub fn connect(&self, connection: Option<Connection>) {
        *self.connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = connection;
    }

    fn connection(&self) -> anyhow::Result<Connection> {
        let connection = self.connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        Ok(connection.ok_or(FetchError::Gone)?)
    }

    /// Fetches and validates the manifest; scenes follow when they are rendered.
    pub async fn stage(self: &Arc<Packages>, id: Digest) -> anyhow::Result<Stage> {
        let keep = BTreeSet::from([id]);
        let manifest = Manifest::decode(&self.blob(id, MANIFEST_BYTES_MAX as u64, &keep).await?)?;
        validate_manifest(&manifest)?;
        let runtime = tokio::runtime::Handle::current();
        let source = Fetched { packages: self.clone(), id, manifest: manifest.clone(), runtime };
        Ok(Stage::fetched(manifest, Box::new(source)))
    }

    /// The package with the blobs of one scene.
    async fn scene(&self, id: Digest, manifest: &Manifest, index: u32) -> anyhow::Result<Package> {
        let entry = manifest.scenes.get(index as usize);
        let sections = entry.map(|entry| &entry.sections[..]).unwrap_or_default();
        let bytes = sections.iter().fold(0u64, |sum, section| sum.saturating_add(section.bytes));
        if bytes > self.bytes_max {
            return Err(FetchError::Scene { bytes, bytes_max: self.bytes_max }.into());
        }
        let mut keep: BTreeSet<Digest> = sections.iter().map(|section| section.blob).collect();
        keep.insert(id);
        let mut package = Package { manifest: manifest.clone(), blobs: Default::default() };
        for section in sections {
            let held = self.memory().get(&section.blob).and_then(Weak::upgrade);
            let blob = match held {
                Some(blob) => blob,
                None => self.blob(section.blob, section.bytes, &keep).await?,
            };
            package.blobs.insert(section.blob, blob);
        }
        let mut memory = self.memory();
        memory.retain(|_, blob| blob.strong_count() > 0);
        memory.extend(package.blobs.iter().map(|(digest, blob)| (*digest, Arc::downgrade(blob))));
        drop(memory);
        Ok(package)
    }

    fn memory(&self) -> MutexGuard<'_, BTreeMap<Digest, Weak<[u8]>>> {
        self.memory.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A verified blob of at most so many bytes, from the cache or the scheduler.
    async fn blob(
        &self,
        digest: Digest,
        bytes_max: u64,
        keep: &BTreeSet<Digest>,
    ) -> anyhow::Result<Arc<[u8]>> {
        let (mut last, mut emptied) = (None, false);
        for _ in 0..TRIES {
            if self.blobs.bytes_of(&digest).is_none() {
                match self.fetch(&self.connection()?, digest, bytes_max, keep).await? {
                    Ok(()) => {}
                    Err(error @ BlobError::Digest(_)) => {
                        last = Some(error);
                        continue;
                    }
                    // The disk is full of other things: what is here for later goes first.
                    Err(error) if error.is_shortage() && !emptied => {
                        tracing::warn!(%digest, %error, "the cache is emptied, as its disk is full");
                        emptied = true;
                        self.blobs.make_room(self.bytes_max, keep);
                        last = Some(error);
                        continue;
                    }
                    Err(source) => return Err(FetchError::Cache { digest, source }.into()),
                }
            }
            let blobs = self.blobs.clone();
            match tokio::task::spawn_blocking(move || blobs.read(&digest)).await? {
                Ok(blob) => return Ok(blob),
                // Damaged on disk or just evicted: it comes again.
                Err(error) => last = Some(error),
            }
        }
        match last.unwrap_or(BlobError::Absent(digest)) {
            source if source.is_shortage() => Err(FetchError::Cache { digest, source }.into()),
            error => Err(error.into()),
        }
    }

    async fn fetch(
        &self,
        connection: &Connection,
        digest: Digest,
        bytes_max: u64,
        keep: &BTreeSet<Digest>,
    ) -> anyhow::Result<Result<(), BlobError>> {
        let asked = download(&self.blobs, digest, bytes_max, keep, |offset| ask(connection, digest, offset));
        match asked.await {
            Ok(()) => Ok(Ok(())),
            Err(DownloadError::Store(error)) => Ok(Err(error)),
            Err(DownloadError::Asking(error)) => Err(error),
            Err(DownloadError::Read(error)) => Err(error.into()),
            Err(DownloadError::Absent) => Err(FetchError::Lacks(digest).into()),
            Err(DownloadError::BrokeOff) => Err(FetchError::BrokeOff(digest).into()),
            Err(DownloadError::Length { bytes, announced }) => {
                Err(FetchError::Length { digest, bytes, announced }.into())
            }
        }
    }
}

async fn ask(connection: &Connection, digest: Digest, offset: u64) -> anyhow::Result<Offer> {
    let (mut send, mut recv) = connection.open_bi().await?;
    write_message(&mut send, &Request::Blob { digest, offset }).await?;
    match read_message(&mut recv).await? {
        BlobReply::Follows { bytes } => Ok(Some((recv, bytes))),
        BlobReply::Absent => Ok(None),
        BlobReply::Unleased => Err(FetchError::Unleased(digest).into()),
        BlobReply::Refused(refusal) => Err(refusal.into()),
    }
}

impl Stages {
    pub fn new(bytes_max: u64) -> Stages {
        Stages { bytes_max, kept: Mutex::default() }
    }

    pub fn stage(&self, id: &Digest) -> Option<Arc<Stage>> {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at = kept.iter().position(|(kept, _)| kept == id)?;
        let entry = kept.remove(at);
        let stage = entry.1.clone();
        kept.push(entry);
        Some(stage)
    }

    /// Keeps a package and returns those that had to go for it.
    pub fn keep(&self, id: Digest, stage: Stage) -> Vec<Digest> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((id, Arc::new(stage)));
        self.trim()
    }

    /// Drops the packages used longest ago until the scenes in memory fit, and returns their ids.
    pub fn trim(&self) -> Vec<Digest> {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let bytes = |(_, stage): &(Digest, Arc<Stage>)| stage.bytes();
        let mut total: u64 = kept.iter().map(bytes).sum();
        let mut gone = Vec::new();
        // What a device renders from stays, and so does what has just come.
        let mut at = 0;
        while total > self.bytes_max && at + 1 < kept.len() {
            match Arc::strong_count(&kept[at].1) {
                1 => {
                    let entry = kept.remove(at);
                    total -= bytes(&entry);
                    gone.push(entry.0);
                }
                _ => at += 1,
            }
        }
        gone
    }
}
