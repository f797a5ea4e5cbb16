//! `tessera render`: the farm in one process, and the files of its frames.

use std::path::Path;
use std::sync::Arc;

use tessera_worker::{LocalEvent, LocalOptions, render_local};

use crate::args::RenderArguments;
use crate::devices;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::output::Targets;
use crate::progress::Progress;
use crate::shot::compile_shot;

pub fn run(arguments: Box<RenderArguments>) -> Result<Outcome, Failure> {
    let arguments = *arguments;
    let (shot, compiled) = compile_shot(&arguments.shot, arguments.keys)?;
    let numbered = shot.frames.len() > 1;
    let folder = Path::new("");
    let targets = Targets::new(&arguments.output, folder, &shot.name, &shot.outputs, numbered, shot.exposure);
    let targets = targets.or_exit(Exit::Usage)?;
    targets.check().or_exit(Exit::Output)?;
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
            LocalEvent::Frame { head, film } => match targets.write(&head, &film) {
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
    Ok(Outcome::Done)
}
