//! A movie of a job's frames through an installed ffmpeg. Frames may come in any order: they wait in a file beside the movie
//! until all are there. Knows nothing of codecs: ffmpeg chooses by the movie's name.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use tessera_shared::display::Display;
use tessera_shared::film::Film;
use tessera_shared::ids::FrameNumber;
use tessera_shared::messages::FrameHead;

use super::{folder_of, folder_there, readable_by_others};

/// What makes movies, found on the PATH.
const PROGRAM: &str = "ffmpeg";
/// Bytes of what ffmpeg says that are kept.
const SAID_BYTES_MAX: usize = 4096;

/// A movie whose frames are being collected.
#[derive(Debug)]
pub struct Movie {
    path: PathBuf,
    fps: u32,
    /// Ascending.
    frames: Vec<FrameNumber>,
    /// Those that are there, by their place among `frames`.
    there: Vec<bool>,
    frame_px: [u32; 2],
    display: Display,
    spool: std::fs::File,
}

/// What became of a movie.
#[derive(Debug)]
pub struct Made {
    pub path: PathBuf,
    pub frames: usize,
}

impl Movie {
    /// A movie of these frames, which ascend and are all of this size. Fails now rather than after hours of rendering.
    pub fn new(
        path: &Path,
        fps: u32,
        frames: Vec<FrameNumber>,
        frame_px: [u32; 2],
        stops: f64,
    ) -> Result<Movie> {
        if path.extension().is_none() {
            bail!(
                "{}: the name of a movie needs an ending that tells its kind, such as .mp4",
                path.display()
            );
        }
        let folder = folder_there(path)?;
        let version = Command::new(PROGRAM).arg("-version").stdin(Stdio::null()).output();
        let version = version.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                anyhow!(
                    "no {PROGRAM} is installed, which --movie needs; install it, or fetch without --movie"
                )
            }
            _ => anyhow!("{PROGRAM}, which --movie needs, cannot be started: {error}"),
        })?;
        if !version.status.success() {
            bail!("`{PROGRAM} -version`, which --movie needs, failed: {}", version.status);
        }
        let spool = tempfile::tempfile_in(folder);
        let spool = spool.with_context(|| format!("{} cannot be written to", folder.display()))?;
        let (there, display) = (vec![false; frames.len()], Display::new(stops));
        Ok(Movie { path: path.to_owned(), fps, frames, there, frame_px, display, spool })
    }

    /// Keeps a finished frame.
    pub fn add(&mut self, head: &FrameHead, film: &Film) -> Result<()> {
        let Ok(index) = self.frames.binary_search(&head.frame) else { return Ok(()) };
        if [film.width_px, film.height_px] != self.frame_px {
            bail!("frame {} is of another size than the job says", head.frame.0);
        }
        let mut rgb = Vec::with_capacity(self.frame_bytes());
        for (x, y) in (0..film.height_px).flat_map(|y| (0..film.width_px).map(move |x| (x, y))) {
            let [r, g, b, _] = film.resolve(x, y, head.samples);
            rgb.extend([r, g, b].map(|channel| self.display.byte(channel)));
        }
        let at = index as u64 * self.frame_bytes() as u64;
        let write = |spool: &mut std::fs::File| {
            spool.seek(SeekFrom::Start(at))?;
            spool.write_all(&rgb)
        };
        write(&mut self.spool).with_context(|| self.no_room())?;
        self.there[index] = true;
        Ok(())
    }

    /// Lets ffmpeg make the movie of the frames that are there, in their order; `None` if there is none.
    pub fn finish(mut self) -> Result<Option<Made>> {
        let frames = self.there.iter().filter(|there| **there).count();
        if frames == 0 {
            return Ok(None);
        }
        let ending = format!(".{}", self.path.extension().unwrap_or_default().to_string_lossy());
        let mut builder = tempfile::Builder::new();
        let unfinished = builder.prefix(".tessera-").suffix(&ending).tempfile_in(folder_of(&self.path));
        let unfinished = unfinished.with_context(|| format!("{} cannot be written", self.path.display()))?;
        let mut encoder = self.start(unfinished.path())?;
        let (stdin, stderr) = (encoder.stdin.take(), encoder.stderr.take());
        let listener = std::thread::spawn(move || stderr.map(listen).unwrap_or_default());
        // What it did not take it has a reason for, which it says.
        let fed = stdin.map_or(Ok(()), |stdin| self.feed(stdin));
        let status = encoder.wait().with_context(|| format!("{PROGRAM} got lost"))?;
        let said = listener.join().unwrap_or_default();
        if !status.success() {
            bail!("{PROGRAM} made no movie ({status}): {}", last_line(&said));
        }
        fed.with_context(|| format!("{PROGRAM} did not take every frame"))?;
        let failed = || format!("{} cannot be written", self.path.display());
        // It may have made the file anew.
        let written = std::fs::File::open(unfinished.path()).with_context(failed)?;
        written.sync_all().and_then(|()| readable_by_others(&written)).with_context(failed)?;
        unfinished.persist(&self.path).map_err(|error| error.error).with_context(failed)?;
        Ok(Some(Made { path: self.path, frames }))
    }

    fn start(&self, output: &Path) -> Result<Child> {
        let [width, height] = self.frame_px;
        let mut command = Command::new(PROGRAM);
        command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-f", "rawvideo"]);
        command.args(["-pixel_format", "rgb24", "-video_size", &format!("{width}x{height}")]);
        command.args(["-framerate", &self.fps.to_string(), "-i", "pipe:0"]);
        // Players want colour at half the size, which only even sides have.
        command.args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"]).arg(output);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().with_context(|| format!("{PROGRAM} cannot be started"))
    }

    fn feed(&mut self, mut encoder: impl Write) -> std::io::Result<()> {
        let mut rgb = vec![0; self.frame_bytes()];
        for index in (0..self.frames.len()).filter(|index| self.there[*index]) {
            self.spool.seek(SeekFrom::Start(index as u64 * rgb.len() as u64))?;
            self.spool.read_exact(&mut rgb)?;
            encoder.write_all(&rgb)?;
        }
        Ok(())
    }

    fn frame_bytes(&self) -> usize {
        self.frame_px[0] as usize * self.frame_px[1] as usize * 3
    }

    fn no_room(&self) -> String {
        let bytes = self.frame_bytes() as u64 * self.frames.len() as u64;
        let folder = folder_of(&self.path).display().to_string();
        format!("{folder}: frames cannot wait there for the movie, which takes {bytes} bytes in all")
    }
}

/// Reads to the end, so that ffmpeg is never held up, and keeps the last that it said.
fn listen(mut output: impl Read) -> String {
    let (mut said, mut chunk) = (Vec::new(), [0; SAID_BYTES_MAX]);
    while let Ok(read @ 1..) = output.read(&mut chunk) {
        said.extend_from_slice(&chunk[..read]);
        let extra = said.len().saturating_sub(SAID_BYTES_MAX);
        said.drain(..extra);
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn last_line(said: &str) -> &str {
    said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it did not say why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_said_last_is_kept() {
        let long = "x".repeat(3 * SAID_BYTES_MAX) + "\nunknown encoder\n\n";
        let said = listen(long.as_bytes());
        assert_eq!(said.len(), SAID_BYTES_MAX);
        assert_eq!(last_line(&said), "unknown encoder");
        assert_eq!(last_line(" \n"), "it did not say why");
    }
}
