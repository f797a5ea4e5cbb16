//! What is asked of decoded images again and again, found once: scenes of an animation share their images. Knows no material.

use std::collections::BTreeMap;
use std::sync::Arc;

use tessera_shared::digest::Digest;

use crate::import::Raster;
use crate::srgb::srgb_to_linear;

/// Facts about the images of a source, by index.
#[derive(Default)]
pub struct ImageFacts {
    images: Arc<Vec<Raster>>,
    digests: BTreeMap<usize, Digest>,
    least_alphas: BTreeMap<usize, u8>,
    mean_colors: BTreeMap<usize, [f64; 3]>,
}

impl ImageFacts {
    /// Facts about these images from now on; those about others are forgotten.
    pub fn attend(&mut self, images: &Arc<Vec<Raster>>) {
        if !Arc::ptr_eq(&self.images, images) {
            *self = ImageFacts { images: images.clone(), ..ImageFacts::default() };
        }
    }

    /// Of the bytes.
    pub fn digest(&mut self, index: usize) -> Digest {
        *self.digests.entry(index).or_insert_with(|| Digest::of(&self.images[index].rgba))
    }

    pub fn least_alpha(&mut self, index: usize) -> u8 {
        *self.least_alphas.entry(index).or_insert_with(|| {
            self.images[index].rgba.chunks_exact(4).map(|texel| texel[3]).min().unwrap_or(255)
        })
    }

    /// Mean linear colour of an sRGB image.
    pub fn mean_color(&mut self, index: usize) -> [f64; 3] {
        *self.mean_colors.entry(index).or_insert_with(|| {
            let raster = &self.images[index];
            let mut counts = [[0u64; 256]; 3];
            for texel in raster.rgba.chunks_exact(4) {
                for c in 0..3 {
                    counts[c][usize::from(texel[c])] += 1;
                }
            }
            let texels = f64::from(raster.width) * f64::from(raster.height);
            counts.map(|counts| {
                let linear =
                    |(byte, count): (usize, &u64)| srgb_to_linear(byte as f64 / 255.0) * *count as f64;
                counts.iter().enumerate().map(linear).sum::<f64>() / texels
            })
        })
    }
}
