//! Where the package comes from that blocks are rendered again from, and what a receipt says otherwise than it. Knows no block.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use tessera_shared::ids::FrameNumber;
use tessera_shared::package::{Package, archive};
use tessera_shared::receipt::{JobFacts, Receipt};

use super::report::Finding;
use crate::args::ShotArguments;
use crate::failure::{Exit, Failure, OrExit};
use crate::receipt::package_path;
use crate::shot::compile_shot;

/// The package as it is named, or the one beside the receipt; none only where it is not `wanted`.
pub fn load(
    receipt: &Path,
    named: Option<PathBuf>,
    shot: Option<PathBuf>,
    keys: ShotArguments,
    wanted: bool,
) -> Result<Option<Arc<Package>>, Failure> {
    if let Some(shot) = shot {
        let (_, compiled) = compile_shot(&shot, keys)?;
        return Ok(Some(Arc::new(compiled.package)));
    }
    let beside = package_path(receipt);
    let path = match named {
        Some(path) => path,
        None if beside.is_file() => beside,
        None if wanted => {
            return Err(anyhow!(
                "no package to render from: give the file that `--package` of render, submit or fetch wrote with --package, or the \
                 shot with --shot, or check the signature and the files alone with --blocks 0"
            ))
            .or_exit(Exit::Usage);
        }
        None => return Ok(None),
    };
    read(&path).with_context(|| path.display().to_string()).or_exit(Exit::Output).map(Some)
}

/// A package in one file, validated.
pub fn read(path: &Path) -> Result<Arc<Package>> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    Ok(Arc::new(archive::read(&mut BufReader::new(file), bytes)?))
}

/// What the receipt says otherwise than its package. Another package than the receipt's is an error: nothing can be compared.
pub fn differences(receipt: &Receipt, package: &Package) -> Result<Vec<Finding>> {
    let (job, manifest, id) = (&receipt.job, &package.manifest, package.id());
    if id != job.package {
        bail!(
            "this is the package {id}, the receipt is of {}; give that one with --package, or its shot with the same keys",
            job.package
        );
    }
    let truth = JobFacts::new(job.origin, &manifest.name, id, &manifest.settings, &job.verify);
    // A package is of no mode.
    let truth = JobFacts { kernel_version: manifest.kernel_version, mode: job.mode.clone(), ..truth };
    let mut findings: Vec<Finding> =
        job.differences(&truth).into_iter().map(|field| Finding::Setting { field }).collect();
    for facts in receipt.frames.iter().map(|frame| &frame.facts) {
        let known = manifest.frames.binary_search_by_key(&FrameNumber(facts.frame), |frame| frame.number);
        if known.is_err() {
            findings.push(Finding::NoFrame { frame: facts.frame });
        }
    }
    Ok(findings)
}
