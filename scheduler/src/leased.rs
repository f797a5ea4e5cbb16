//! Which blobs belong to which packages, and which of them a worker may have: those of the packages of which its operator holds
//! a lease. Knows no stream.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use tessera_shared::digest::Digest;
use tessera_shared::ids::WorkerId;

use crate::driver::{Driver, Stopped};
use crate::packages::Packages;

/// Digests that are kept of the packages asked for last, about 50 MB.
const DIGESTS_MAX: usize = 1 << 20;

/// The digests of packages' manifests and blobs, read once while they are asked for.
#[derive(Debug)]
pub(crate) struct Listings {
    packages: Arc<Packages>,
    /// Most recently read last.
    kept: Mutex<VecDeque<(Digest, Arc<BTreeSet<Digest>>)>>,
}

impl Listings {
    pub fn new(packages: Arc<Packages>) -> Listings {
        Listings { packages, kept: Mutex::default() }
    }

    /// Whether the blob is a package's manifest or one of its blobs. A package that cannot be read has none.
    pub async fn has(self: &Arc<Listings>, package: Digest, blob: Digest) -> bool {
        if package == blob {
            return true;
        }
        if let Some(listing) = self.kept(&package) {
            return listing.contains(&blob);
        }
        let listings = self.clone();
        let read = tokio::task::spawn_blocking(move || listings.read(&package)).await;
        read.ok().flatten().is_some_and(|listing| listing.contains(&blob))
    }

    fn kept(&self, package: &Digest) -> Option<Arc<BTreeSet<Digest>>> {
        let kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        kept.iter().find(|(kept, _)| kept == package).map(|(_, listing)| listing.clone())
    }

    /// Blocks.
    fn read(&self, package: &Digest) -> Option<Arc<BTreeSet<Digest>>> {
        let (manifest, _) = match self.packages.manifest(package) {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%package, %error, "the manifest of a package that is asked for cannot be read");
                return None;
            }
        };
        let listing: Arc<BTreeSet<Digest>> =
            Arc::new(manifest.blobs().into_iter().map(|(digest, _)| digest).collect());
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !kept.iter().any(|(kept, _)| kept == package) {
            kept.push_back((*package, listing.clone()));
        }
        let mut digests: usize = kept.iter().map(|(_, listing)| listing.len()).sum();
        while kept.len() > 1 && digests > DIGESTS_MAX {
            digests -= kept.pop_front().map_or(0, |(_, listing)| listing.len());
        }
        Some(listing)
    }

    /// Whether a worker may fetch a blob now.
    pub async fn opens(
        self: &Arc<Listings>,
        driver: &Driver,
        worker: WorkerId,
        blob: Digest,
    ) -> Result<bool, Stopped> {
        // Nearly always a lease in hand: those are found without a look at everybody's.
        let in_hand = driver.question(move |core, _| core.packages_in_hand(worker)).await?;
        for package in &in_hand {
            if self.has(*package, blob).await {
                return Ok(true);
            }
        }
        let lent = driver.question(move |core, now_ms| core.packages_lent(now_ms, worker)).await?;
        for package in lent.difference(&in_hand) {
            if self.has(*package, blob).await {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
