//! `tessera render`: the farm in one process, and the files of its frames.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tessera_shared::film::Film;
use tessera_shared::messages::{FrameHead, Mode};
use tessera_shared::package::Package;
use tessera_worker::{LocalEvent, LocalOptions, render_local};

use crate::args::RenderArguments;
use crate::devices;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::output::Targets;
use crate::progress::Progress;
use crate::receipt::{self, OwnSignature, ReceiptFile};
use crate::shot::compile_shot;

pub fn run(arguments: Box<RenderArguments>) -> Result<Outcome, Failure> {
    let arguments = *arguments;
    let (shot, compiled) = compile_shot(&arguments.shot, arguments.keys)?;
    let numbered = shot.frames.len() > 1;
    let folder = Path::new("");
    let targets = Targets::new(&arguments.output, folder, &shot.name, &shot.outputs, numbered, shot.exposure);
    let targets = targets.or_exit(Exit::Usage)?;
    targets.check().or_exit(Exit::Output)?;
    receipt::write_package(arguments.receipt.package.as_deref(), &compiled.package).or_exit(Exit::Output)?;
    let mut receipt = OwnReceipt::begin(arguments.receipt.receipt.as_deref(), &compiled.package, shot.mode)?;
    let renderers = devices::choose(&arguments.device, usize::from(arguments.workers), shot.mode)?;
    let mut progress = Progress::new(arguments.json);
    progress.mode = shot.mode;
    let options = LocalOptions { mode: shot.mode, ..LocalOptions::default() };
    let mut unwritten = None;
    let ended = render_local(Arc::new(compiled.package), renderers, options, &mut |event| {
        match event {
            // The frames are wanted whoever reads of them.
            LocalEvent::Progress(status) => {
                progress.status(&status);
            }
            LocalEvent::Frame { head, film } => match written(&targets, &mut receipt, &head, &film) {
                Ok(files) => progress.frame(head.frame, &film, &files),
                Err(error) => {
                    unwritten = Some(error);
                    return false;
                }
            },
        }
        true
    });
    progress.finish();
    if let Some(error) = unwritten {
        return Err(error).or_exit(Exit::Output);
    }
    ended.or_exit(Exit::Device)?;
    if let Some(OwnReceipt { file, .. }) = receipt {
        file.finish().or_exit(Exit::Output)?;
    }
    Ok(Outcome::Done)
}

/// The receipt of this run, and whose word it is.
struct OwnReceipt {
    file: ReceiptFile,
    signer: OwnSignature,
}

impl OwnReceipt {
    fn begin(path: Option<&Path>, package: &Package, mode: Mode) -> Result<Option<OwnReceipt>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let file = ReceiptFile::begin(path).or_exit(Exit::Output)?;
        let identity = crate::farm::identity()?;
        Ok(Some(OwnReceipt { file, signer: OwnSignature::new(identity, package, mode) }))
    }
}

/// Writes a frame's files and enters it into the receipt.
fn written(
    targets: &Targets,
    receipt: &mut Option<OwnReceipt>,
    head: &FrameHead,
    film: &Film,
) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(OwnReceipt { file, signer }) = receipt {
        let (signed, blocks) = signer.sign(head, film);
        file.add(signed, &blocks)?;
    }
    targets.write(head, film)
}
