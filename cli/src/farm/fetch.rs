//! `tessera fetch`: writes a job's finished frames, and says which are missing and why.

use anyhow::{Context, anyhow};
use tessera_scenes::shot::Output;
use tessera_scheduler::client::{Client, ClientError, Frame};
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::JobRefusal;
use tessera_shared::receipt::blocks::FrameBlocks;

use crate::args::FetchArguments;
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::output::Targets;
use crate::progress::Progress;
use crate::receipt::ReceiptFile;

/// A frame that keeps changing while it is fetched is asked for so many times.
const TRIES: usize = 3;

/// Which frames of a job were to be had.
#[derive(Default)]
struct Frames {
    written: Vec<FrameNumber>,
    missing: Vec<FrameNumber>,
    /// Why those are missing.
    refusal: Option<JobRefusal>,
}

pub fn run(arguments: FetchArguments) -> Result<Outcome, Failure> {
    let outputs: Result<Vec<Output>, _> = arguments.outputs.iter().map(|output| output.parse()).collect();
    let outputs = outputs.context("--outputs").or_exit(Exit::Usage)?;
    let folder = &arguments.output;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string()).or_exit(Exit::Output)?;
    let mut progress = Progress::new(arguments.json);
    let mut frames = Frames::default();
    super::with_client(&arguments.farm, async |client| {
        let manifest = client.manifest(arguments.job).await.or_exit(Exit::Farm)?;
        let name = file_name(&manifest.name);
        let numbered = manifest.frames.len() > 1;
        let targets = Targets::new(&[], folder, &name, &outputs, numbered, arguments.exposure);
        let targets = targets.or_exit(Exit::Usage)?;
        let path = folder.join(format!("{name}.receipt.json"));
        let mut receipt = match arguments.no_receipt {
            true => None,
            false => Some(ReceiptFile::begin(&path).or_exit(Exit::Output)?),
        };
        for entry in &manifest.frames {
            let frame = match fetch(client, arguments.job, entry.number, &mut receipt).await {
                Err(Unfetched::Farm(ClientError::Job { refusal, .. })) if is_missing(&refusal) => {
                    frames.missing.push(entry.number);
                    frames.refusal = Some(refusal);
                    continue;
                }
                Err(Unfetched::Farm(error)) => Err(error).or_exit(Exit::Farm)?,
                Err(Unfetched::File(error)) => Err(error).or_exit(Exit::Output)?,
                Ok(frame) => frame,
            };
            let files = targets.write(&frame.head, &frame.film).or_exit(Exit::Output)?;
            progress.mode = frame.head.mode;
            progress.frame(frame.head.frame, &frame.film, &files);
            frames.written.push(entry.number);
        }
        let Some(receipt) = receipt else { return Ok(()) };
        let written = receipt.finish().or_exit(Exit::Output)?;
        if !written.amended.is_empty() {
            let frames = ranges(&written.amended);
            console::note(format_args!("amended since they were fetched last: frames {frames}"));
        }
        Ok(())
    })?;
    progress.finish();
    match frames.sentence(arguments.job) {
        None => Ok(Outcome::Done),
        // The job goes on: asking again will help.
        Some(sentence) if frames.refusal == Some(JobRefusal::Unfinished) => {
            Err(anyhow!(sentence)).or_exit(Exit::Farm)
        }
        Some(sentence) => {
            console::note(format_args!("tessera: {sentence}"));
            Ok(Outcome::Negative)
        }
    }
}

/// Why a frame is not had.
enum Unfetched {
    Farm(ClientError),
    /// What is kept for the receipt cannot be written.
    File(anyhow::Error),
}

/// A frame, and its entry in the receipt. One that is amended between the two is fetched again.
async fn fetch(
    client: &Client,
    job: JobId,
    number: FrameNumber,
    receipt: &mut Option<ReceiptFile>,
) -> Result<Frame, Unfetched> {
    for _ in 0..TRIES {
        let frame = client.fetch_frame(job, number).await.map_err(Unfetched::Farm)?;
        let Some(file) = receipt else { return Ok(frame) };
        let signed = client.receipt(job, number).await.map_err(Unfetched::Farm)?;
        let blocks = FrameBlocks::of(&frame.film, frame.head.samples);
        let facts = &signed.frames[0].facts;
        if facts.film == frame.film.digest() && facts.roots() == blocks.roots() {
            file.add(signed, &blocks).map_err(Unfetched::File)?;
            return Ok(frame);
        }
    }
    let reason = format!("its receipts of frame {} are not of the films that it sends", number.0);
    Err(Unfetched::Farm(ClientError::Answer(reason)))
}

/// The frame is not there, and others may be.
fn is_missing(refusal: &JobRefusal) -> bool {
    matches!(refusal, JobRefusal::Unfinished | JobRefusal::Cancelled | JobRefusal::Failed)
}

impl Frames {
    /// What a person should know; nothing if every frame was written.
    fn sentence(&self, job: JobId) -> Option<String> {
        let (state, next) = match self.refusal.as_ref()? {
            JobRefusal::Cancelled => ("was cancelled", "submit the shot again for the rest".to_string()),
            JobRefusal::Failed => ("failed", format!("`tessera watch {job}` says why")),
            _ => ("is not finished yet", format!("`tessera watch {job} --wait` waits for it")),
        };
        Some(match self.written.is_empty() {
            true => format!("{job} {state} and has no finished frame; {next}"),
            false => format!(
                "{job} {state}; written: {}, not finished: {}; {next}",
                ranges(&self.written),
                ranges(&self.missing)
            ),
        })
    }
}

/// Ascending frame numbers as people write them: `1-3,7`.
fn ranges(frames: &[FrameNumber]) -> String {
    let runs = frames.chunk_by(|a, b| a.0.checked_add(1) == Some(b.0));
    let run = |run: &[FrameNumber]| match run {
        [first, .., last] => format!("{}-{}", first.0, last.0),
        [only] => only.0.to_string(),
        [] => String::new(),
    };
    runs.map(run).collect::<Vec<_>>().join(",")
}

/// A job's name, which came over the network, as a file's name.
fn file_name(name: &str) -> String {
    let plain = |symbol: char| if symbol.is_alphanumeric() || "-_ ".contains(symbol) { symbol } else { '_' };
    let name: String = name.chars().take(100).map(plain).collect();
    if name.trim().is_empty() { "frame".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_frames_are_named_with_the_reason() {
        let numbers = |numbers: &[u32]| numbers.iter().map(|number| FrameNumber(*number)).collect::<Vec<_>>();
        let mut frames = Frames { written: numbers(&[1, 2, 3]), ..Frames::default() };
        assert_eq!(frames.sentence(JobId(7)), None);
        frames.missing = numbers(&[4, 6, 7]);
        frames.refusal = Some(JobRefusal::Cancelled);
        assert_eq!(
            frames.sentence(JobId(7)).unwrap(),
            "j7 was cancelled; written: 1-3, not finished: 4,6-7; submit the shot again for the rest"
        );
        frames.refusal = Some(JobRefusal::Unfinished);
        assert!(frames.sentence(JobId(7)).unwrap().contains("`tessera watch j7 --wait`"));
        frames.written.clear();
        frames.refusal = Some(JobRefusal::Failed);
        assert_eq!(
            frames.sentence(JobId(7)).unwrap(),
            "j7 failed and has no finished frame; `tessera watch j7` says why"
        );
    }

    #[test]
    fn a_hostile_name_stays_in_its_folder() {
        assert_eq!(file_name("../../etc/passwd"), "______etc_passwd");
        assert_eq!(file_name(""), "frame");
        assert_eq!(file_name("Still life 2"), "Still life 2");
    }
}
