//! `tessera fetch`: writes a job's finished frames, and says which are missing and why.

mod follow;
mod package;

use anyhow::{Context, anyhow};
use tessera_scenes::shot::{Output, parse_frames};
use tessera_scheduler::client::{Client, ClientError, Frame};
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::JobRefusal;
use tessera_shared::package::Manifest;
use tessera_shared::receipt::Origin;
use tessera_shared::receipt::blocks::FrameBlocks;
use tessera_shared::watching::FrameState;

use crate::args::FetchArguments;
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::output::Targets;
use crate::output::movie::Movie;
use crate::output::sheet::Sheet;
use crate::progress::Progress;
use crate::receipt::{Amended, ReceiptFile, package_path};

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
    let frames = super::with_client(&arguments.farm, async |client| {
        let manifest = client.manifest(arguments.job).await.or_exit(Exit::Farm)?;
        let name = file_name(&manifest.name);
        let numbered = manifest.frames.len() > 1;
        let targets = Targets::new(&[], folder, &name, &outputs, numbered, arguments.exposure);
        let path = (!arguments.no_receipt).then(|| folder.join(format!("{name}.receipt.json")));
        let mut writer = Writer {
            client,
            job: arguments.job,
            targets: targets.or_exit(Exit::Usage)?,
            receipt: path.as_deref().map(ReceiptFile::begin).transpose().or_exit(Exit::Output)?,
            progress: &mut progress,
            sheet: None,
            movie: None,
        };
        let numbers = chosen(client, &arguments, &manifest).await?;
        writer.shows(&arguments, &manifest, &numbers).or_exit(Exit::Output)?;
        let mut frames = Frames::default();
        if arguments.follow {
            frames.written = follow::run(&mut writer, path.as_deref()).await?;
        }
        writer.keep_others(&manifest, &numbers);
        let written = frames.written.clone();
        for number in numbers.into_iter().filter(|number| written.binary_search(number).is_err()) {
            frames.note(number, writer.write(number).await?);
        }
        frames.written.sort_unstable();
        writer.finish()?;
        if let Some(receipt) = path.filter(|_| arguments.package) {
            package::fetch(client, arguments.job, &manifest, &package_path(&receipt)).await?;
        }
        Ok(frames)
    })?;
    progress.finish();
    if arguments.bell {
        console::ring();
    }
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

/// Fetches frames of one job and writes them.
struct Writer<'a> {
    client: &'a Client,
    job: JobId,
    targets: Targets,
    receipt: Option<ReceiptFile>,
    progress: &'a mut Progress,
    sheet: Option<Sheet>,
    movie: Option<Movie>,
}

impl Writer<'_> {
    /// Begins the contact sheet and the movie, before the first frame comes.
    fn shows(
        &mut self,
        wanted: &FetchArguments,
        manifest: &Manifest,
        frames: &[FrameNumber],
    ) -> anyhow::Result<()> {
        let grid = &manifest.settings.grid;
        let (size, stops) = ([grid.width_px, grid.height_px], wanted.exposure);
        let sheet = wanted.sheet.as_deref().map(|path| Sheet::new(path, frames.to_vec(), size, stops));
        self.sheet = sheet.transpose()?;
        let movie = wanted.movie.as_deref();
        let movie = movie.map(|path| Movie::new(path, wanted.fps, frames.to_vec(), size, stops));
        self.movie = movie.transpose()?;
        Ok(())
    }

    /// Writes a frame; says why if it is not there while others may be.
    async fn write(&mut self, number: FrameNumber) -> Result<Option<JobRefusal>, Failure> {
        let (frame, amended) = match fetch(self.client, self.job, number, &mut self.receipt).await {
            Err(Unfetched::Farm(ClientError::Job { refusal, .. })) if is_missing(&refusal) => {
                if self.keep(number) {
                    self.progress.taken_back(number);
                }
                return Ok(Some(refusal));
            }
            Err(Unfetched::Farm(error)) => Err(error).or_exit(Exit::Farm)?,
            Err(Unfetched::File(error)) => Err(error).or_exit(Exit::Output)?,
            Ok(fetched) => fetched,
        };
        let files = self.targets.write(&frame.head, &frame.film).or_exit(Exit::Output)?;
        self.sheet.iter_mut().for_each(|sheet| sheet.add(&frame.head, &frame.film));
        self.movie
            .iter_mut()
            .try_for_each(|movie| movie.add(&frame.head, &frame.film))
            .or_exit(Exit::Output)?;
        self.progress.mode = frame.head.mode;
        self.progress.frame(frame.head.frame, &frame.film, &files);
        if let Some(Amended { overturned }) = amended {
            self.progress.amended(number, overturned);
        }
        Ok(None)
    }

    /// What the receipt says of a frame from before stays. False where it says nothing.
    fn keep(&mut self, number: FrameNumber) -> bool {
        let origin = Origin::Farm(self.job);
        self.receipt.as_mut().is_some_and(|receipt| receipt.keep(origin, number))
    }

    /// The receipt loses no frame because others were asked for.
    fn keep_others(&mut self, manifest: &Manifest, numbers: &[FrameNumber]) {
        let others = manifest.frames.iter().map(|entry| entry.number);
        for number in others.filter(|number| numbers.binary_search(number).is_err()) {
            self.keep(number);
        }
    }

    /// Writes what is of all frames: the contact sheet, the movie, the receipt.
    fn finish(self) -> Result<(), Failure> {
        if let Some(sheet) = self.sheet {
            let path = sheet.finish().or_exit(Exit::Output)?;
            console::note(format_args!("contact sheet: {}", path.display()));
        }
        if let Some(movie) = self.movie {
            match movie.finish().or_exit(Exit::Output)? {
                Some(made) => {
                    console::note(format_args!("movie of {} frames: {}", made.frames, made.path.display()))
                }
                None => console::note(format_args!("no movie: no frame is finished")),
            };
        }
        match self.receipt {
            Some(receipt) => receipt.finish().or_exit(Exit::Output),
            None => Ok(()),
        }
    }
}

/// Which frames of a job are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameChoice {
    /// The last one that is finished.
    Last,
    /// Ascending.
    Numbers(Vec<FrameNumber>),
}

/// Reads `last`, or numbers and ranges of frames.
pub fn choice(text: &str) -> Result<FrameChoice, String> {
    match text {
        "last" => Ok(FrameChoice::Last),
        numbers => parse_frames(numbers).map(FrameChoice::Numbers).map_err(|error| error.to_string()),
    }
}

/// The frames of a job that are asked for.
async fn chosen(
    client: &Client,
    arguments: &FetchArguments,
    manifest: &Manifest,
) -> Result<Vec<FrameNumber>, Failure> {
    let all: Vec<_> = manifest.frames.iter().map(|entry| entry.number).collect();
    match &arguments.frames {
        None => Ok(all),
        Some(FrameChoice::Last) => {
            let last = last_finished(client, arguments.job).await.or_exit(Exit::Farm)?;
            let none = || anyhow!("{} has no finished frame yet", arguments.job);
            last.map(|frame| vec![frame]).ok_or_else(none).or_exit(Exit::Farm)
        }
        Some(FrameChoice::Numbers(numbers)) => {
            match numbers.iter().find(|number| all.binary_search(number).is_err()) {
                None => Ok(numbers.clone()),
                Some(FrameNumber(number)) => {
                    let (job, all) = (arguments.job, ranges(&all));
                    Err(anyhow!("--frames: {job} has no frame {number}; it has {all}")).or_exit(Exit::Usage)
                }
            }
        }
    }
}

async fn last_finished(client: &Client, job: JobId) -> Result<Option<FrameNumber>, ClientError> {
    let (mut last, mut after) = (None, None);
    loop {
        let page = client.frames(job, after).await?;
        let finished = page.frames.iter().rfind(|frame| frame.state == FrameState::Finished);
        last = finished.map(|frame| frame.frame).or(last);
        after = page.next;
        if after.is_none() {
            return Ok(last);
        }
    }
}

/// Why a frame is not had.
enum Unfetched {
    Farm(ClientError),
    /// What is kept for the receipt cannot be written.
    File(anyhow::Error),
}

/// A frame, and its entry in the receipt, with what that says of an earlier fetch. One that is amended between the two is fetched
/// again.
async fn fetch(
    client: &Client,
    job: JobId,
    number: FrameNumber,
    receipt: &mut Option<ReceiptFile>,
) -> Result<(Frame, Option<Amended>), Unfetched> {
    for _ in 0..TRIES {
        let frame = client.fetch_frame(job, number).await.map_err(Unfetched::Farm)?;
        let Some(file) = receipt else { return Ok((frame, None)) };
        let signed = client.receipt(job, number).await.map_err(Unfetched::Farm)?;
        let blocks = FrameBlocks::of(&frame.film, frame.head.samples);
        let facts = &signed.frames[0].facts;
        if facts.film == frame.film.digest() && facts.roots() == blocks.roots() {
            let amended = file.add(signed, &blocks).map_err(Unfetched::File)?;
            return Ok((frame, amended));
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
    fn note(&mut self, number: FrameNumber, refusal: Option<JobRefusal>) {
        match refusal {
            None => self.written.push(number),
            Some(refusal) => {
                self.missing.push(number);
                self.refusal = Some(refusal);
            }
        }
    }

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
