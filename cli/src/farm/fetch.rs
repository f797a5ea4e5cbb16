//! `tessera fetch`: writes a job's finished frames.

use anyhow::Context;
use tessera_scenes::shot::Output;

use crate::args::FetchArguments;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::output::Targets;
use crate::progress::Progress;

pub fn run(arguments: FetchArguments) -> Result<Outcome, Failure> {
    let outputs: Result<Vec<Output>, _> = arguments.outputs.iter().map(|output| output.parse()).collect();
    let outputs = outputs.context("--outputs").or_exit(Exit::Usage)?;
    let folder = &arguments.output;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string()).or_exit(Exit::Output)?;
    let progress = Progress::new(arguments.json);
    super::with_client(&arguments.farm, async |client| {
        let manifest = client.manifest(arguments.job).await.or_exit(Exit::Farm)?;
        let name = file_name(&manifest.name);
        let numbered = manifest.frames.len() > 1;
        let targets = Targets::new(&[], folder, &name, &outputs, numbered, arguments.exposure);
        let targets = targets.or_exit(Exit::Usage)?;
        for entry in &manifest.frames {
            let frame = client.fetch_frame(arguments.job, entry.number).await.or_exit(Exit::Farm)?;
            let files = targets.write(&frame.head, &frame.film).or_exit(Exit::Output)?;
            progress.frame(frame.head.frame, &frame.film, &files);
        }
        Ok(())
    })?;
    progress.finish();
    Ok(Outcome::Done)
}

/// A job's name, which came over the network, as a file's name.
fn file_name(name: &str) -> String {
    let plain = |symbol: char| if symbol.is_alphanumeric() || "-_ ".contains(symbol) { symbol } else { '_' };
    let name: String = name.chars().take(100).map(plain).collect();
    if name.trim().is_empty() { "frame".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_hostile_name_stays_in_its_folder() {
        assert_eq!(file_name("../../etc/passwd"), "______etc_passwd");
        assert_eq!(file_name(""), "frame");
        assert_eq!(file_name("Still life 2"), "Still life 2");
    }
}
