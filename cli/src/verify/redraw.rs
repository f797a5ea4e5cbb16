//! Renders blocks again on this machine's CPU and compares them with a receipt: random ones, and those of an image that are in
//! doubt, whose wrong pixels are named. Knows where neither a package nor an image comes from.

use std::collections::BTreeSet;
use std::sync::Arc;

use tessera_scheduler::Referee;
use tessera_shared::digest::Digest;
use tessera_shared::film::{BlockPixels, Film, FilmPixel};
use tessera_shared::ids::FrameNumber;
use tessera_shared::lease::BlockPass;
use tessera_shared::package::Package;
use tessera_shared::receipt::Receipt;
use tessera_shared::receipt::blocks::{BlockExtent, extents, half_bits};

use super::image::Doubtful;
use super::report::{Drawn, Finding, tile_of};
use crate::failure::{Exit, Failure, OrExit};
use crate::receipt::BlocksFile;
use crate::referee::CpuReferee;

/// Blocks that are rendered at once.
const BATCH: usize = 64;

/// Which random blocks.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    pub seed: u64,
    /// Of all frames together.
    pub blocks: u64,
}

/// What rendering again has shown.
#[derive(Debug)]
pub struct Redrawn {
    pub drawn: Drawn,
    pub findings: Vec<Finding>,
}

/// A block to render: its frame's place in the receipt and its own in the frame.
type Place = (usize, usize);

pub fn random_seed() -> std::io::Result<u64> {
    let mut bytes = [0u8; 4];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(u64::from(u32::from_le_bytes(bytes)))
}

/// Renders the drawn blocks, and those in doubt; of a frame that is drawn whole also its film and rays are compared. The package is the receipt's.
pub fn redraw(
    receipt: &Receipt,
    package: &Arc<Package>,
    blocks: &mut BlocksFile,
    draw: Draw,
    doubtful: Vec<Doubtful>,
    threads: usize,
) -> Result<Redrawn, Failure> {
    let job = &receipt.job;
    let grid = job.grid().or_exit(Exit::Output)?;
    let all: Vec<BlockExtent> = extents(&grid).collect();
    let of = receipt.frames.len() as u64 * all.len() as u64;
    let places = drawn(draw, of, all.len());
    let mut referee = CpuReferee::new(threads);
    let mut render = |frame: u32, extents: &[BlockExtent]| -> Result<Vec<BlockPixels>, Failure> {
        let pass = |extent: &BlockExtent| BlockPass {
            frame: FrameNumber(frame),
            block: extent.at,
            sample_start: 0,
            sample_end: job.samples,
        };
        let passes: Vec<BlockPass> = extents.iter().map(pass).collect();
        referee.render(package, &passes).or_exit(Exit::Device)
    };
    let mut findings = Vec::new();
    let places: Vec<Place> = places.into_iter().collect();
    for frame_places in places.chunk_by(|a, b| a.0 == b.0) {
        let facts = &receipt.frames[frame_places[0].0].facts;
        let frame = facts.frame;
        let whole = frame_places.len() == all.len();
        let mut film = whole.then(|| Film::new(job.width_px, job.height_px, job.film_scale_log2));
        for batch in frame_places.chunks(BATCH) {
            let extents: Vec<BlockExtent> = batch.iter().map(|(_, at)| all[*at]).collect();
            let pixels = render(frame, &extents)?;
            let signed = blocks.frame(frame).or_exit(Exit::Output)?;
            for (((_, at), extent), block) in batch.iter().zip(extents).zip(&pixels) {
                let (receipt, here) = (signed.0[*at].film, extent.film_digest(extent.film_of(block)));
                if let Some(film) = &mut film {
                    film.add(extent.at, block);
                }
                if receipt != here {
                    let tile = tile_of(&grid, extent.at);
                    findings.push(Finding::Block { frame, tile, at: extent.at, receipt, here });
                }
            }
        }
        // Of a frame that was rendered whole, more can be told than its blocks.
        if let Some(film) = film {
            let wrong = [("film", film.digest() != facts.film), ("rays", film.rays != facts.rays)];
            let wrong = wrong.into_iter().filter(|(_, wrong)| *wrong);
            findings.extend(wrong.map(|(field, _)| Finding::Fact { frame, field }));
        }
    }
    for block in doubtful {
        let pixels = render(block.frame, &[block.extent])?;
        let film: Vec<FilmPixel> = pixels.iter().flat_map(|pixels| block.extent.film_of(pixels)).collect();
        findings.extend(wrong_pixel(&block, &film, job.film_scale_log2, job.samples));
    }
    Ok(Redrawn { drawn: Drawn { seed: draw.seed, blocks: places.len() as u64, of }, findings })
}

/// So many different places, ascending, as a function of the seed.
fn drawn(draw: Draw, of: u64, blocks_of_frame: usize) -> BTreeSet<Place> {
    let split = |at: u64| ((at / blocks_of_frame as u64) as usize, (at % blocks_of_frame as u64) as usize);
    if draw.blocks >= of {
        return (0..of).map(split).collect();
    }
    let key = Digest::of(&[b"tessera verify draw 1\0".as_slice(), &draw.seed.to_le_bytes()].concat());
    let mut places = BTreeSet::new();
    for counter in 0u64.. {
        if places.len() as u64 >= draw.blocks {
            break;
        }
        let word = Digest::keyed(&key.0, &counter.to_le_bytes()).0;
        let word = u64::from_le_bytes(word[..8].try_into().expect("eight bytes"));
        places.insert(split(word % of));
    }
    places
}

/// The first pixel of the image's block that this machine renders otherwise, and how many there are.
fn wrong_pixel(block: &Doubtful, film: &[FilmPixel], scale_log2: u32, samples: u32) -> Option<Finding> {
    let here = film.iter().map(|pixel| pixel.resolve(scale_log2, samples)).map(|pixel| match block.half {
        true => pixel.map(|channel| u32::from(half_bits(channel))),
        false => pixel.map(f32::to_bits),
    });
    let pairs: Vec<_> = block.extent.pixels().zip(block.pixels.iter().zip(here)).collect();
    let wrong: Vec<_> = pairs.into_iter().filter(|(_, (image, here))| *image != here).collect();
    let (at, (image, here)) = wrong.first()?;
    let channel = image.iter().zip(here).position(|(image, here)| image != here)?;
    let value = |bits: u32| match block.half {
        true => half::f16::from_bits(bits as u16).to_f32(),
        false => f32::from_bits(bits),
    };
    Some(Finding::Pixel {
        file: block.file.clone(),
        frame: block.frame,
        at: *at,
        channel: ["red", "green", "blue", "alpha"][channel],
        image: value(image[channel]),
        here: value(here[channel]),
        wrong: wrong.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_repeated_by_its_seed_and_has_no_block_twice() {
        let draw = |seed, blocks| drawn(Draw { seed, blocks }, 24 * 48, 48);
        assert_eq!(draw(1, 16).len(), 16);
        assert_eq!(draw(1, 16), draw(1, 16));
        assert_ne!(draw(1, 16), draw(2, 16));
        assert_eq!(draw(1, 5000).len(), 24 * 48);
        assert_eq!(draw(3, 24 * 48 - 1).len(), 24 * 48 - 1);
        assert!(draw(4, 400).iter().all(|(frame, block)| *frame < 24 && *block < 48));
    }
}
