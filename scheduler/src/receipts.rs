//! Receipts of finished frames: the film's trees, what the core knows of who made it, and the farm's signature. Made when they
//! are asked for, so that an amended frame has an amended receipt. Knows no stream.

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use tessera_scheduler_core::api::JobSpec;
use tessera_scheduler_core::credits::FrameCredits;
use tessera_shared::digest::Digest;
use tessera_shared::film::{FILM_PIXEL_BYTES, FilmPixel, Rays};
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::{JobRefusal, Verify};
use tessera_shared::receipt::blocks::{Bands, Roots};
use tessera_shared::receipt::{FrameFacts, JobFacts, Origin, Receipt};

use crate::clock::unix_time;
use crate::connection::Farm;
use crate::driver::Stopped;
use crate::film_file::read_head;
use crate::films::Finished;

/// The text of a receipt for one finished frame.
pub(crate) async fn make(
    farm: &Arc<Farm>,
    job: JobId,
    frame: FrameNumber,
    film: Finished,
) -> Result<Result<String, JobRefusal>, Stopped> {
    let known = farm.driver.question(move |core, _| {
        let spec = core.state().jobs.get(&job)?.spec.clone();
        Some((spec, core.frame_credits(job, frame)?))
    });
    // Without credits a tile of the frame has been overturned since its film was finished.
    let Some((spec, credits)) = known.await? else { return Ok(Err(JobRefusal::Unfinished)) };
    let one_at_a_time = farm.signing.acquire().await.map_err(|_| Stopped)?;
    let signer = farm.clone();
    let made = tokio::task::spawn_blocking(move || {
        let read = read(&film, spec.settings.samples).map_err(|error| {
            tracing::error!(%job, %frame, %error, "a finished frame cannot be read for its receipt");
            JobRefusal::Storage
        })?;
        match read.rays == credits.rays {
            true => Ok(sign(&signer, job, &spec, frame, read, credits).to_text()),
            false => Err(JobRefusal::Unfinished),
        }
    });
    let made = made.await.map_err(|_| Stopped)?;
    drop(one_at_a_time);
    Ok(made)
}

fn sign(
    farm: &Farm,
    job: JobId,
    spec: &JobSpec,
    frame: FrameNumber,
    read: Read,
    credits: FrameCredits,
) -> Receipt {
    let verify = policy(spec.options.verify);
    let job = JobFacts::new(Origin::Farm(job), &spec.name, spec.package, &spec.settings, &verify);
    let job = job.in_mode(spec.options.mode);
    let roots = read.roots;
    let facts = FrameFacts {
        frame: frame.0,
        signed_unix_s: unix_time().as_secs(),
        overturned: credits.overturned,
        film: read.film,
        film_tree: roots.film,
        exr_tree: roots.exr,
        exr_half_tree: roots.exr_half,
        rays: credits.rays,
        rendered: credits.rendered,
        checked: credits.checked,
    };
    Receipt::sign(farm.identity.key(), job, facts, |statement| farm.identity.sign(statement))
}

/// A policy as a job file writes it.
pub(crate) fn policy(verify: Verify) -> String {
    match verify {
        Verify::None => "none".to_owned(),
        Verify::Blocks(1) => "spot".to_owned(),
        Verify::Blocks(blocks) => format!("blocks={blocks}"),
        Verify::Double => "double".to_owned(),
        Verify::Confidence { wrong_ppm } => format!("confidence={}", 1.0 - f64::from(wrong_ppm) / 1e6),
    }
}

/// What a film's file says, read row by row: a whole film may be as large as the memory.
struct Read {
    rays: Rays,
    film: Digest,
    roots: Roots,
}

/// Reads a film as the films' thread wrote it.
fn read(film: &Finished, samples: u32) -> std::io::Result<Read> {
    match film {
        Finished::File(path, _) => decode(&mut BufReader::new(File::open(path)?), samples),
        Finished::Memory(bytes) => decode(&mut bytes.as_slice(), samples),
    }
}

fn decode(input: &mut impl std::io::Read, samples: u32) -> std::io::Result<Read> {
    let head = read_head(input)?;
    let (width, height) = (head.grid.width_px, head.grid.height_px);
    let mut bands = Bands::new(width, height, head.film_scale_log2, samples);
    let mut bytes = vec![0u8; width as usize * FILM_PIXEL_BYTES];
    let mut row = Vec::with_capacity(width as usize);
    for _ in 0..height {
        input.read_exact(&mut bytes)?;
        row.clear();
        row.extend(bytes.as_chunks().0.iter().map(FilmPixel::from_wire));
        bands.add(&row);
    }
    let (film, blocks) = bands.finish();
    Ok(Read { rays: head.rays, film, roots: blocks.roots() })
}
