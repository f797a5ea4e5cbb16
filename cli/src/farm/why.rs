//! `tessera why` and `log`: what holds a job back, and what failed of it.

use serde_json::json;
use tessera_shared::control::{Dimension, FailureEntry};

use crate::args::WhyArguments;
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::progress::duration;

pub fn why(arguments: &WhyArguments) -> Result<Outcome, Failure> {
    let job = arguments.job;
    let reasons =
        super::with_client(&arguments.farm, async |client| client.why(job).await.or_exit(Exit::Farm))?;
    for reason in &reasons {
        let line = match (arguments.json, reason.dimension) {
            (true, dimension) => {
                json!({"dimension": dimension.to_string(), "sentence": reason.sentence}).to_string()
            }
            (false, Dimension::Nothing) => format!("nothing holds {job} back: {}", reason.sentence),
            (false, _) => reason.sentence.clone(),
        };
        console::print(format_args!("{line}"));
    }
    Ok(Outcome::Done)
}

pub fn log(arguments: &WhyArguments) -> Result<Outcome, Failure> {
    let job = arguments.job;
    let entries =
        super::with_client(&arguments.farm, async |client| client.log(job).await.or_exit(Exit::Farm))?;
    for entry in &entries {
        let line = if arguments.json { entry_json(entry) } else { entry_line(entry) };
        console::print(format_args!("{line}"));
    }
    if entries.is_empty() && !arguments.json {
        console::note(format_args!("nothing of {job} failed"));
    }
    Ok(Outcome::Done)
}

fn entry_line(entry: &FailureEntry) -> String {
    let FailureEntry { worker, operator, failure, .. } = entry;
    let (ago, what) = when_and_what(entry);
    format!("{ago}  {worker}  key {operator}  {what}  {}: {}", failure.class, failure.log)
}

/// How long ago something failed, and what, in words.
pub fn when_and_what(entry: &FailureEntry) -> (String, String) {
    let ago = format!("{} ago", duration(entry.ago_ms as f64 / 1000.0));
    let what = match entry.tile {
        None => "a check".to_owned(),
        Some((frame, tile)) => format!("frame {} tile {tile}", frame.0),
    };
    (ago, what)
}

fn entry_json(entry: &FailureEntry) -> String {
    let (frame, tile) = entry.tile.map_or((None, None), |(frame, tile)| (Some(frame.0), Some(tile)));
    json!({
        "ago_ms": entry.ago_ms, "worker": entry.worker.to_string(), "operator": entry.operator.hex(),
        "frame": frame, "tile": tile, "class": entry.failure.class.to_string(), "log": entry.failure.log,
    })
    .to_string()
}
