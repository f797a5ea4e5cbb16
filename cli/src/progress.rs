//! Tells a person or a machine how far a job is: a bar on a terminal, plain lines elsewhere, JSON lines on request. Knows
//! where the figures come from only by their type.

use std::fmt::Arguments;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tessera_shared::film::{Film, Rays};
use tessera_shared::ids::FrameNumber;
use tessera_shared::messages::{JobState, JobStatus, Mode};

use crate::console::{self, Reader};

/// Least time between two plain or JSON lines.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// What a job waits for whose limits shut out everybody.
pub const UNSERVED: &str =
    "no connected worker may serve it; compare its tags, operators and pool with `tessera workers --json`";

/// Where progress goes.
pub struct Progress {
    style: Style,
    last: Option<Instant>,
    /// Of the frames to come: the film of a fast one is comparable with no other.
    pub mode: Mode,
}

enum Style {
    Bar(ProgressBar),
    Plain,
    Json,
}

impl Progress {
    /// JSON if asked for, a bar if standard error is a terminal, else plain lines.
    pub fn new(json: bool) -> Progress {
        let style = match (json, std::io::stderr().is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Bar(bar()),
            (false, false) => Style::Plain,
        };
        Progress { style, last: None, mode: Mode::Exact }
    }

    /// Shows a status; lines are left out where they would follow too closely. Tells whether anybody still reads.
    pub fn status(&mut self, status: &JobStatus) -> Reader {
        match &self.style {
            Style::Bar(bar) => {
                bar.set_length(status.samples_total.max(1));
                bar.set_position(status.samples_done);
                bar.set_message(rates(status));
                Reader::There
            }
            Style::Plain if due(&mut self.last, status) => {
                console::note(format_args!("{}", sentence(status)))
            }
            Style::Json if due(&mut self.last, status) => {
                console::print(format_args!("{}", status_json(status)))
            }
            Style::Plain | Style::Json => Reader::There,
        }
    }

    /// Shows a finished frame: on standard output, `film blake3:HEX` alone on its line; for a fast one, another line that
    /// nobody takes for it.
    pub fn frame(&self, frame: FrameNumber, film: &Film, files: &[PathBuf]) {
        let digest = match self.mode {
            Mode::Exact => film.digest().to_string(),
            Mode::Fast => format!("(fast, not comparable) {}", film.digest()),
        };
        let comparable = self.mode == Mode::Exact;
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        match &self.style {
            Style::Json => {
                let line = json!({"event": "frame", "frame": frame.0, "film": film.digest().to_string(), "comparable": comparable, "files": files});
                console::print(format_args!("{line}"));
            }
            Style::Bar(bar) => bar.suspend(|| Self::frame_lines(frame, &digest, &files)),
            Style::Plain => Self::frame_lines(frame, &digest, &files),
        }
    }

    /// Shows that a frame is not the one that was fetched before, with the tile-passes of it that were overturned since.
    pub fn amended(&self, frame: FrameNumber, overturned: u64) {
        let tiles = match overturned {
            0 => String::new(),
            1 => " (1 tile of it was overturned)".to_owned(),
            tiles => format!(" ({tiles} tiles of it were overturned)"),
        };
        let number = frame.0;
        self.line(
            format_args!("frame {number} was amended since it was fetched last{tiles}: its files and its receipt are new"),
            &json!({"event": "amended", "frame": number, "tiles_overturned": overturned}),
        );
    }

    /// Shows that a frame that was fetched before does not stand any more, and that there is no other yet.
    pub fn taken_back(&self, frame: FrameNumber) {
        let number = frame.0;
        self.line(
            format_args!(
                "frame {number} was taken back since it was fetched last: do not use its files that are here"
            ),
            &json!({"event": "taken_back", "frame": number}),
        );
    }

    /// A line for people on standard error, or for machines on standard output.
    fn line(&self, words: Arguments<'_>, event: &serde_json::Value) {
        match &self.style {
            Style::Json => {
                console::print(format_args!("{event}"));
            }
            Style::Bar(bar) => bar.suspend(|| {
                console::note(words);
            }),
            Style::Plain => {
                console::note(words);
            }
        }
    }

    fn frame_lines(frame: FrameNumber, digest: &str, files: &[String]) {
        console::note(format_args!("frame {}: {}", frame.0, files.join(", ")));
        console::print(format_args!("film {digest}"));
    }

    /// Leaves the terminal as it was.
    pub fn finish(self) {
        if let Style::Bar(bar) = self.style {
            bar.finish_and_clear();
        }
    }
}

/// Whether a line may follow the last one.
fn due(last: &mut Option<Instant>, status: &JobStatus) -> bool {
    let now = Instant::now();
    let due = status.state.ended() || last.is_none_or(|last| now.duration_since(last) >= LINE_EVERY);
    if due {
        *last = Some(now);
    }
    due
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1).with_style(style.progress_chars("█▉▊▋▌▍▎▏ "))
}

/// Rates and the time left, as far as they are known.
fn rates(status: &JobStatus) -> String {
    let seconds = status.elapsed_ms as f64 / 1000.0;
    let per_second = |amount: u64| if seconds > 0.0 { amount as f64 / seconds } else { 0.0 };
    let left = seconds_left(status).map_or_else(|| "–".into(), duration);
    let rays = status.rays.total();
    format!(
        "{} samples/s  {} rays/s  {left} left",
        amount(per_second(status.samples_done)),
        amount(per_second(rays))
    )
}

/// How long the job still takes if it goes on as it has until now; `None` before anything of it is done.
pub fn seconds_left(status: &JobStatus) -> Option<f64> {
    let left = status.samples_total.saturating_sub(status.samples_done);
    let seconds = status.elapsed_ms as f64 / 1000.0;
    (status.samples_done > 0).then(|| seconds * left as f64 / status.samples_done as f64)
}

/// One line on a job.
pub fn sentence(status: &JobStatus) -> String {
    let overturned = match (status.tiles_overturned, &status.state) {
        (0, _) => String::new(),
        (tiles, JobState::Completed) => {
            format!(
                "; {tiles} tiles were overturned and rendered anew, fetch the frames again if you have them"
            )
        }
        (tiles, _) => format!("; {tiles} tiles were overturned"),
    };
    standing(status) + &overturned
}

fn standing(status: &JobStatus) -> String {
    let share = 100.0 * status.samples_done as f64 / status.samples_total.max(1) as f64;
    let frames = format!("{} of {} frames", status.frames_done, status.frames_total);
    match &status.state {
        JobState::Queued | JobState::Running if status.unserved => {
            format!("{} waits, {frames}: {UNSERVED}", status.job)
        }
        JobState::Running => format!("{} {share:.0} %, {frames}, {}", status.job, rates(status)),
        JobState::Queued => format!("{} queued, {frames}; it starts when a worker is free", status.job),
        JobState::Completed => {
            let whole = Duration::from_millis(status.elapsed_ms).as_secs_f64();
            format!(
                "{} completed, {frames} in {}, {} rays",
                status.job,
                duration(whole),
                amount(status.rays.total() as f64)
            )
        }
        JobState::Cancelled => format!("{} cancelled, {frames}", status.job),
        JobState::Failed(reason) => format!("{} failed, {frames}: {reason}", status.job),
        JobState::Paused => {
            format!(
                "{} paused at {share:.0} %, {frames}; `tessera resume {}` lets it go on",
                status.job, status.job
            )
        }
        JobState::Waiting { after } => format!("{} waits for {after}, {frames}", status.job),
    }
}

/// A job as a machine reads it.
pub fn status_json(status: &JobStatus) -> serde_json::Value {
    let Rays { camera, bounce, shadow } = status.rays;
    let (state, reason) = match &status.state {
        JobState::Queued => ("queued", None),
        JobState::Running => ("running", None),
        JobState::Completed => ("completed", None),
        JobState::Cancelled => ("cancelled", None),
        JobState::Failed(reason) => ("failed", Some(reason)),
        JobState::Paused => ("paused", None),
        JobState::Waiting { .. } => ("waiting", None),
    };
    let waits_for = match status.state {
        JobState::Waiting { after } => Some(after.to_string()),
        _ => None,
    };
    json!({
        "event": "status", "job": status.job.to_string(), "name": status.name, "owner": status.owner.to_string(),
        "package": status.package.to_string(), "priority": status.priority, "state": state, "reason": reason,
        "frames_done": status.frames_done, "frames_total": status.frames_total,
        "tiles_done": status.tiles_done, "tiles_total": status.tiles_total,
        "samples_done": status.samples_done, "samples_total": status.samples_total,
        "rays": {"camera": camera, "bounce": bounce, "shadow": shadow},
        "workers": status.workers, "elapsed_ms": status.elapsed_ms, "unserved": status.unserved,
        "waits_for": waits_for, "tiles_overturned": status.tiles_overturned, "rays_checked": status.rays_checked,
    })
}

/// Three digits and a unit.
pub fn amount(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e9 => (v / 1e9, " G"),
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e3 => (v / 1e3, " k"),
        v => (v, ""),
    };
    let digits = if scaled >= 100.0 { 0 } else { 2 - usize::from(scaled >= 10.0) };
    format!("{scaled:.digits$}{unit}")
}

/// Two units at most.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 3600.0 => format!("{} h {:02} min", (s / 3600.0) as u64, (s % 3600.0 / 60.0) as u64),
        s if s >= 60.0 => format!("{} min {:02} s", (s / 60.0) as u64, (s % 60.0) as u64),
        s => format!("{s:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_told_of_overturned_tiles() {
        let status = |state, tiles_overturned| JobStatus {
            job: tessera_shared::ids::JobId(7),
            name: "shot".into(),
            owner: tessera_shared::ids::NodeKey([1; 32]),
            package: tessera_shared::digest::Digest([2; 32]),
            priority: 0,
            state,
            frames_total: 3,
            frames_done: 3,
            tiles_total: 30,
            tiles_done: 30,
            samples_total: 300,
            samples_done: 300,
            rays: Rays::default(),
            workers: 1,
            elapsed_ms: 1000,
            unserved: false,
            rays_checked: 0,
            tiles_overturned,
        };
        assert!(!sentence(&status(JobState::Completed, 0)).contains("overturned"));
        let again = sentence(&status(JobState::Completed, 4));
        assert!(
            again.ends_with(
                "; 4 tiles were overturned and rendered anew, fetch the frames again if you have them"
            ),
            "{again}"
        );
        assert!(sentence(&status(JobState::Running, 4)).ends_with("; 4 tiles were overturned"));
        assert_eq!(status_json(&status(JobState::Running, 4))["tiles_overturned"], 4);
    }

    #[test]
    fn figures_for_people() {
        assert_eq!(
            [amount(0.0), amount(12.34), amount(4567.0), amount(1.5e9)],
            ["0.00", "12.3", "4.57 k", "1.50 G"]
        );
        assert_eq!([duration(1.25), duration(75.0), duration(3700.0)], ["1.2 s", "1 min 15 s", "1 h 01 min"]);
    }
}
