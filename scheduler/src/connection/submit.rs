//! Submitting: a package is whole and valid before its job exists.

use std::sync::Arc;

use tessera_scheduler_core::api::{Answer, Event, JobSpec};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::ids::{FrameNumber, NodeKey};
use tessera_shared::messages::{JobOptions, MISSING_MAX, SubmitReply, TEXT_BYTES_MAX};
use tessera_shared::package::Package;
use tessera_shared::package::manifest::MANIFEST_BYTES_MAX;
use tessera_transport::blobs::BlobError;

use super::Farm;
use crate::driver::Stopped;
use crate::films::JobFilms;
use crate::packages::PackageError;

/// Judges a submission. Everything that is wrong with the package is a refusal that names it.
pub(super) async fn submit(
    farm: &Arc<Farm>,
    owner: NodeKey,
    package: Digest,
    options: JobOptions,
) -> Result<SubmitReply, Stopped> {
    match farm.blobs.bytes_of(&package) {
        None => return Ok(SubmitReply::Missing(vec![package])),
        Some(bytes) if bytes > MANIFEST_BYTES_MAX as u64 => {
            return Ok(SubmitReply::Refused(PackageError::ManifestTooLarge(bytes).to_string()));
        }
        Some(_) if !farm.shown.has(owner, package) => return Ok(SubmitReply::Missing(vec![package])),
        Some(_) => {}
    }
    let loaded = match load(farm, package).await {
        Ok(Ok(package)) => package,
        Ok(Err(missing)) => return Ok(SubmitReply::Missing(missing)),
        Err(reason) => return Ok(SubmitReply::Refused(reason)),
    };
    accept(farm, owner, package, &loaded, options).await
}

/// The validated package, or the blobs that it lacks.
async fn load(farm: &Arc<Farm>, id: Digest) -> Result<Result<Arc<Package>, Vec<Digest>>, String> {
    let _turn = farm.validating.acquire().await.map_err(|error| error.to_string())?;
    let packages = farm.packages.clone();
    let work = tokio::task::spawn_blocking(move || {
        let (_, mut missing) = packages.manifest(&id)?;
        if !missing.is_empty() {
            missing.truncate(MISSING_MAX);
            return Ok(Err(missing));
        }
        packages.load(&id).map(Ok)
    });
    match work.await {
        // Damaged on disk, and dropped: whoever submits has it.
        Ok(Err(PackageError::Blob(BlobError::Digest(blob) | BlobError::Absent(blob)))) => Ok(Err(vec![blob])),
        Ok(loaded) => loaded.map_err(|error: PackageError| error.to_string()),
        Err(_) => {
            Err("the farm failed to validate the package; ask its owner to look at the scheduler's log"
                .to_owned())
        }
    }
}

async fn accept(
    farm: &Farm,
    owner: NodeKey,
    package: Digest,
    loaded: &Package,
    options: JobOptions,
) -> Result<SubmitReply, Stopped> {
    let manifest = &loaded.manifest;
    if manifest.kernel_version != KERNEL_VERSION {
        let (found, expected) = (manifest.kernel_version, KERNEL_VERSION);
        let reason =
            format!("it is made for kernel version {found}, the farm has {expected}; compile the shot again");
        return Ok(SubmitReply::Refused(reason));
    }
    let mut name = manifest.name.clone();
    name.truncate(name.floor_char_boundary(TEXT_BYTES_MAX));
    let settings = manifest.settings.clone();
    let frames: Vec<FrameNumber> = manifest.frames.iter().map(|frame| frame.number).collect();
    let films = JobFilms {
        name: name.clone(),
        package,
        settings: settings.clone(),
        mode: options.mode,
        frames: frames.clone(),
    };
    let spec = Box::new(JobSpec { owner, package, name, settings, frames, options });
    match farm.driver.ask(move |request| Event::Submit { request, spec }).await? {
        Answer::Submitted(job) => {
            tracing::info!(%job, %owner, %package, "job submitted");
            farm.driver.begin(job, films).await?;
            farm.driver.send(Event::PackageComplete { job }).await?;
            Ok(SubmitReply::Accepted(job))
        }
        Answer::Refused(reason) => Ok(SubmitReply::Refused(reason)),
        other => Ok(SubmitReply::Refused(format!("the core answers a submission with {other:?}"))),
    }
}
