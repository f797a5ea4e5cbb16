//! `tessera verify`: rechecks images against their receipt, offline. Here is the order of the checks; what each compares is in
//! a file of its own. Knows no farm.

mod image;
mod package;
mod redraw;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use tessera_scheduler::is_signed;
use tessera_shared::KERNEL_VERSION;
use tessera_shared::ids::NodeKey;
use tessera_shared::receipt::{JobFacts, MODE_EXACT, ParseReceiptError, RECEIPT_BYTES_MAX, Receipt};

use crate::args::ShotArguments;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::receipt::BlocksFile;
pub use package::read as read_package;
use redraw::Draw;
use report::{Finding, Report, TreeName};

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The receipt that `tessera fetch` or `tessera render --receipt` wrote
    pub receipt: PathBuf,
    /// EXR files of it, 32-bit or 16-bit, whose every pixel is compared
    #[arg(value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// Random blocks of all frames to render again on this machine's CPU; 0 renders none
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    pub blocks: u64,
    /// Draws the blocks of an earlier run, which named this number
    #[arg(long, value_name = "N")]
    pub draw: Option<u64>,
    /// Demands that this key has signed
    #[arg(long, value_name = "64_HEX_DIGITS", value_parser = key)]
    pub key: Option<NodeKey>,
    /// The package that --package of `render`, `submit` or `fetch` wrote [default: beside the receipt, ending in .package]
    #[arg(long, value_name = "PATH", conflicts_with = "shot")]
    pub package: Option<PathBuf>,
    /// Compiles the shot again instead; give the same keys as at first
    #[arg(long, value_name = "SHOT")]
    pub shot: Option<PathBuf>,
    /// Threads to render with, at most 1024 [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Prints one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub keys: ShotArguments,
}

fn key(text: &str) -> Result<NodeKey, String> {
    let wanted = "a key is 64 hex digits, as `signed_by` of a receipt";
    match text.parse::<tessera_shared::digest::Digest>() {
        Ok(digest) if !text.contains(':') => Ok(NodeKey(digest.0)),
        _ => Err(wanted.to_owned()),
    }
}

pub fn run(arguments: VerifyArguments) -> Result<Outcome, Failure> {
    let receipt = read(&arguments.receipt).or_exit(Exit::Output)?;
    let mut report = Report { json: arguments.json, ..Report::default() };
    report.findings.extend(receipt.faults(is_signed).into_iter().map(Finding::Receipt));
    if let Some(wanted) = arguments.key.filter(|wanted| *wanted != receipt.key) {
        report.findings.push(Finding::Key { wanted, found: receipt.key });
    }
    // Nothing that a receipt with a fault says is worth comparing.
    if report.findings.is_empty() {
        compare(arguments, &receipt, &mut report)?;
    }
    Ok(report.print(&receipt))
}

/// Compares what the receipt says with the package, the files and what this machine renders.
fn compare(arguments: VerifyArguments, receipt: &Receipt, report: &mut Report) -> Result<(), Failure> {
    if arguments.blocks > 0 {
        renderable(&receipt.job).or_exit(Exit::Device)?;
    }
    let grid = receipt.job.grid().or_exit(Exit::Output)?;
    let wanted = arguments.blocks > 0;
    let package =
        package::load(&arguments.receipt, arguments.package, arguments.shot, arguments.keys, wanted)?;
    if let Some(package) = &package {
        report.frames_of_package = Some(package.manifest.frames.len());
        report.findings.extend(package::differences(receipt, package).or_exit(Exit::Scene)?);
    }
    let mut blocks = BlocksFile::open(&arguments.receipt, receipt).or_exit(Exit::Output)?;
    report.findings.extend(digests(&mut blocks, receipt).or_exit(Exit::Output)?);
    if !report.findings.is_empty() {
        return Ok(());
    }
    let mut doubtful = Vec::new();
    for path in &arguments.images {
        let image = image::Image::read(path, &grid).or_exit(Exit::Output)?;
        let found = image.compare(path, receipt, &mut blocks).or_exit(Exit::Output)?;
        report.images.push((path.clone(), found.is_empty()));
        doubtful.extend(image.doubtful(&found));
        report.findings.extend(found);
    }
    if let Some(package) = package {
        let seed = arguments.draw.map_or_else(redraw::random_seed, Ok).or_exit(Exit::Device)?;
        let threads = arguments.threads.map_or_else(crate::devices::cores, usize::from);
        let draw = Draw { seed, blocks: arguments.blocks };
        let redrawn = redraw::redraw(receipt, &package, &mut blocks, draw, doubtful, threads)?;
        report.rendered = Some(redrawn.drawn).filter(|drawn| drawn.blocks > 0);
        report.findings.extend(redrawn.findings);
    }
    Ok(())
}

/// Frames whose digests beside the receipt are not those whose roots it has.
fn digests(blocks: &mut BlocksFile, receipt: &Receipt) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for facts in receipt.frames.iter().map(|frame| &frame.facts) {
        let (signed, found) = (facts.roots(), blocks.frame(facts.frame)?.roots());
        let trees = [
            (TreeName::Film, signed.film != found.film),
            (TreeName::Exr, signed.exr != found.exr),
            (TreeName::ExrHalf, signed.exr_half != found.exr_half),
        ];
        let wrong = trees.into_iter().filter(|(_, wrong)| *wrong);
        findings.extend(wrong.map(|(tree, _)| Finding::BlockDigests { frame: facts.frame, tree }));
    }
    Ok(findings)
}

fn read(path: &Path) -> anyhow::Result<Receipt> {
    let shown = || path.display().to_string();
    let length = std::fs::metadata(path).with_context(shown)?.len();
    if length > RECEIPT_BYTES_MAX {
        return Err(ParseReceiptError::TooLarge(length)).with_context(shown);
    }
    Receipt::from_text(&std::fs::read(path).with_context(shown)?).with_context(shown)
}

/// Another kernel renders other bits, and mode fast other ones on every device.
fn renderable(job: &JobFacts) -> anyhow::Result<()> {
    let kernel_version = job.kernel_version;
    if job.mode != MODE_EXACT {
        bail!(
            "the images were rendered in mode {}, in which every device has bits of its own: rendering blocks again proves \
             nothing. Check the signature and the files alone with --blocks 0",
            job.mode
        );
    }
    if kernel_version != KERNEL_VERSION {
        bail!(
            "the images were rendered by kernel {kernel_version}, and this program renders by kernel {KERNEL_VERSION}: other \
             bits. Verify with a tessera of kernel {kernel_version}, which CHANGELOG.md names, or check the signature and \
             the files alone with --blocks 0"
        );
    }
    Ok(())
}
