//! Receipts of finished frames: the film's trees, what the core knows of who made it, and the farm's signature. Made when they
//! are asked for, so that an amended frame has an amended receipt. Knows no stream.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tessera_scheduler_core::api::JobSpec;
use tessera_scheduler_core::credits::FrameCredits;
use tessera_shared::codec::{self, PREFIX_BYTES};
use tessera_shared::film::{FILM_PIXEL_BYTES, Film, FilmPixel};
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::{FetchReply, FrameHead, JobRefusal, Verify};
use tessera_shared::receipt::blocks::FrameBlocks;
use tessera_shared::receipt::{FrameFacts, JobFacts, Origin, Receipt};

use crate::connection::Farm;
use crate::driver::Stopped;
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
        let (head, film) = read(&film).map_err(|error| {
            tracing::error!(%job, %frame, %error, "a finished frame cannot be read for its receipt");
            JobRefusal::Storage
        })?;
        match head.rays == credits.rays {
            true => Ok(sign(&signer, job, &spec, frame, &film, credits).to_text()),
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
    film: &Film,
    credits: FrameCredits,
) -> Receipt {
    let verify = policy(spec.options.verify);
    let job = JobFacts::new(Origin::Farm(job), &spec.name, spec.package, &spec.settings, &verify);
    let roots = FrameBlocks::of(film, spec.settings.samples).roots();
    let facts = FrameFacts {
        frame: frame.0,
        signed_unix_s: unix_s(),
        overturned: credits.overturned,
        film: film.digest(),
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
fn policy(verify: Verify) -> String {
    match verify {
        Verify::None => "none".to_owned(),
        Verify::Blocks(1) => "spot".to_owned(),
        Verify::Blocks(blocks) => format!("blocks={blocks}"),
        Verify::Double => "double".to_owned(),
    }
}

/// Seconds since 1970; 0 by a clock that is before.
fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A film as the films' thread wrote it.
fn read(film: &Finished) -> std::io::Result<(FrameHead, Film)> {
    match film {
        Finished::File(path) => decode(&std::fs::read(path)?),
        Finished::Memory(bytes) => decode(bytes),
    }
}

fn decode(bytes: &[u8]) -> std::io::Result<(FrameHead, Film)> {
    let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or_else(cut)?;
    let length = codec::payload_length::<FetchReply>(*prefix).map_err(std::io::Error::other)?;
    let (payload, pixels) = rest.split_at_checked(length).ok_or_else(cut)?;
    let head = match codec::decode_payload(payload).map_err(std::io::Error::other)? {
        FetchReply::Follows(head) => head,
        FetchReply::Refused(refusal) => return Err(std::io::Error::other(refusal)),
    };
    let mut film = Film::new(head.grid.width_px, head.grid.height_px, head.film_scale_log2);
    if pixels.len() != film.pixels.len() * FILM_PIXEL_BYTES {
        return Err(cut());
    }
    for (pixel, bytes) in film.pixels.iter_mut().zip(pixels.as_chunks().0) {
        *pixel = FilmPixel::from_wire(bytes);
    }
    film.rays = head.rays;
    Ok((head, film))
}
