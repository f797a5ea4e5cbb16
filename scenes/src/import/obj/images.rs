//! The images that MTL maps name, decoded once each, and images whose channels come from two files.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::error::ImportError;
use super::super::image::{Raster, decode};
use super::super::resources::fetch;
use super::mtl::{Map, uri};
use crate::label::quoted;
use crate::limits::ImportLimits;

/// Decoded images of a scene, by file and by what they are joined of.
pub struct Images<'a> {
    folder: &'a Path,
    limits: &'a ImportLimits,
    texels_left: u64,
    known: BTreeMap<String, usize>,
    joined: BTreeMap<(&'static str, [Option<usize>; 2]), usize>,
    rasters: Vec<Raster>,
}

impl<'a> Images<'a> {
    pub fn new(folder: &'a Path, limits: &'a ImportLimits) -> Images<'a> {
        let texels_left = limits.texels_max;
        Images {
            folder,
            limits,
            texels_left,
            known: BTreeMap::new(),
            joined: BTreeMap::new(),
            rasters: Vec::new(),
        }
    }

    /// The index of a map's image.
    pub fn image(&mut self, map: &Map) -> Result<usize, ImportError> {
        if let Some(&index) = self.known.get(&map.file) {
            return Ok(index);
        }
        let place = format!("image {}", quoted(&map.file));
        let bytes = fetch(self.folder, &uri(&map.file), &place, self.limits)?;
        let raster = decode(&bytes, &place, self.limits.image_pixels_max, &mut self.texels_left)?;
        self.rasters.push(raster);
        self.known.insert(map.file.clone(), self.rasters.len() - 1);
        Ok(self.rasters.len() - 1)
    }

    pub fn raster(&self, index: usize) -> &Raster {
        &self.rasters[index]
    }

    /// An image made texel by texel of two, either of which may be missing and is white then. It is as large as the first that
    /// is there; the other is read at the nearest texel.
    pub fn join(
        &mut self,
        kind: &'static str,
        sources: [Option<usize>; 2],
        texel: impl Fn([u8; 4], [u8; 4]) -> [u8; 4],
    ) -> Result<usize, ImportError> {
        if let Some(&index) = self.joined.get(&(kind, sources)) {
            return Ok(index);
        }
        let size = sources.iter().flatten().next().map(|index| &self.rasters[*index]);
        let (width, height) = size.map_or((1, 1), |raster| (raster.width, raster.height));
        let pixels = u64::from(width) * u64::from(height);
        ImportError::check("all images together", pixels, self.texels_left, "pixels")?;
        self.texels_left -= pixels;
        let mut rgba = Vec::with_capacity(pixels as usize * 4);
        for y in 0..height {
            for x in 0..width {
                let [a, b] = sources.map(|source| {
                    source.map_or([255; 4], |index| nearest(&self.rasters[index], [x, y], [width, height]))
                });
                rgba.extend(texel(a, b));
            }
        }
        self.rasters.push(Raster { width, height, rgba });
        self.joined.insert((kind, sources), self.rasters.len() - 1);
        Ok(self.rasters.len() - 1)
    }

    pub fn into_rasters(self) -> Vec<Raster> {
        self.rasters
    }
}

/// The texel of a raster where `at` is in a picture of `size`.
fn nearest(raster: &Raster, at: [u32; 2], size: [u32; 2]) -> [u8; 4] {
    let scaled = |at: u32, size: u32, edge: u32| (u64::from(at) * u64::from(edge) / u64::from(size)) as usize;
    let (x, y) = (scaled(at[0], size[0], raster.width), scaled(at[1], size[1], raster.height));
    let start = (y * raster.width as usize + x) * 4;
    [0, 1, 2, 3].map(|c| raster.rgba[start + c])
}
