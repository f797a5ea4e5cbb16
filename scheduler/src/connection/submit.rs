//! Submitting: a package is whole and valid before its job exists.

use std::sync::Arc;

use tessera_scheduler_core::api::{Answer, Event, JobSpec};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::ids::{FrameNumber, NodeKey};
use tessera_shared::messages::{JobOptions, MISSING_MAX, SubmitReply, TEXT_BYTES_MAX};
use tessera_shared::package::manifest::MANIFEST_BYTES_MAX;
use tessera_shared::package::{Manifest, Package, Settings};
use tessera_transport::blobs::BlobError;

use super::Farm;
use crate::driver::Stopped;
use crate::films::JobFilms;
use crate::limits::Limits;
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
    if let Err(reason) = bounds(farm.limits(), manifest) {
        return Ok(SubmitReply::Refused(reason));
    }
    let frames: Vec<FrameNumber> = manifest.frames.iter().map(|frame| frame.number).collect();
    let _one_at_a_time = farm.submitting.acquire().await.map_err(|_| Stopped)?;
    if let Err(reason) = queued(farm, owner).await? {
        return Ok(SubmitReply::Refused(reason));
    }
    let spec = Box::new(JobSpec { owner, package, name, settings, frames, options });
    let films = JobFilms::of(&spec);
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

/// Whether a job is small enough for the farm, whatever it has; the error names what is too large.
fn bounds(limits: &Limits, manifest: &Manifest) -> Result<(), String> {
    let Settings { grid, .. } = manifest.settings;
    let pixels = u64::from(grid.width_px) * u64::from(grid.height_px);
    if pixels > limits.frame_pixels_max {
        let (width, height, pixels_max) = (grid.width_px, grid.height_px, limits.frame_pixels_max);
        return Err(format!(
            "a frame of {width}×{height} pixels; the farm takes {pixels_max} of them: make it smaller, or ask the farm's owner to raise --frame-pixels"
        ));
    }
    let (frames, passes) = (manifest.frames.len() as u64, manifest.settings.passes().count() as u64);
    let tiles = u64::from(grid.tile_count());
    let tile_passes = frames.saturating_mul(tiles).saturating_mul(passes);
    if tile_passes > limits.tile_passes_max {
        let most = limits.tile_passes_max;
        return Err(format!(
            "{frames} frames of {tiles} tiles in {passes} passes are {tile_passes} tile-passes; the farm takes {most} a job: submit fewer frames at once, use larger tiles or longer passes, or ask the farm's owner to raise --job-tile-passes"
        ));
    }
    let blobs = manifest.blobs().len();
    match blobs > limits.blobs_max {
        true => Err(format!(
            "the package has {blobs} blobs; the farm takes {}: submit fewer frames at once, or ask the farm's owner to raise --job-blobs",
            limits.blobs_max
        )),
        false => Ok(()),
    }
}

/// Whether the farm takes another job of this owner now; the error says why not.
async fn queued(farm: &Farm, owner: NodeKey) -> Result<Result<(), String>, Stopped> {
    let counted = farm.question(move |core, _| {
        let open = core.state().jobs.values().filter(|job| !job.ended());
        open.fold((0, 0), |(all, own), job| (all + 1, own + usize::from(job.spec.owner == owner)))
    });
    let (all, own): (usize, usize) = counted.await?;
    let Limits { jobs_max, key_jobs_max, .. } = farm.limits();
    Ok(if own >= *key_jobs_max {
        Err(format!(
            "this key has {own} jobs that have not ended, as many as one key may have; wait for some or cancel them, or ask the farm's owner to raise --key-jobs"
        ))
    } else if all >= *jobs_max {
        Err(format!(
            "the farm has {all} jobs that have not ended, as many as it takes; submit again later, or ask its owner to raise --jobs"
        ))
    } else {
        Ok(())
    })
}
