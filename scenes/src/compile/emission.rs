//! How bright a triangle's emission is on average, so that lights are picked by the power that they have: a lamp painted on a
//! large dark texture is picked, the dark is not. Knows no probability.

use super::number::luminance;
use crate::import::{Raster, SurfaceMaterial, TextureUse, Wrap};
use crate::srgb::srgb_to_linear;

/// Texels looked up for all triangles of a scene together, about.
const LOOKUPS: u64 = 1 << 22;
/// Fewest and most texels looked up for a triangle.
const POINTS: (u64, u64) = (8, 1024);
/// A triangle counts for at least this part of its texture's mean: filtering lets light spill, and what can emit must be picked.
const LEAST: f64 = 1.0 / 16.0;
/// The plane's most even additive sequence: powers of the inverse of the plastic number.
const STEP: [f64; 2] = [0.754_877_666_246_692_8, 0.569_840_290_998_053_2];

/// The emission of a scene's materials.
pub struct Emission<'a> {
    materials: &'a [SurfaceMaterial],
    images: &'a [Raster],
    /// Mean radiance by material as luminance, over the whole texture and both sides.
    means: &'a [f64],
    linear: Vec<f64>,
    points: Vec<[f64; 2]>,
}

impl<'a> Emission<'a> {
    /// `means` is by material.
    pub fn new(materials: &'a [SurfaceMaterial], images: &'a [Raster], means: &'a [f64]) -> Emission<'a> {
        let linear = (0..256).map(|byte| srgb_to_linear(f64::from(byte) / 255.0)).collect();
        Emission { materials, images, means, linear, points: Vec::new() }
    }

    /// With as many points as so many triangles leave time for.
    pub fn sampled_for(self, triangles: u64) -> Emission<'a> {
        let count = (LOOKUPS / triangles.max(1)).clamp(POINTS.0, POINTS.1);
        let point = |index: u64| STEP.map(|step| (0.5 + step * index as f64).fract());
        Emission { points: (0..count).map(point).collect(), ..self }
    }

    /// The mean radiance of a triangle as luminance, both sides counted; both sets of coordinates of its vertices.
    pub fn of_triangle(&self, material: u32, coordinates: [[[f64; 2]; 2]; 3]) -> f64 {
        let mean = self.means[material as usize];
        let surface = &self.materials[material as usize];
        let Some(usage) = &surface.emissive else { return mean };
        let raster = &self.images[usage.image];
        let [a, b, c] = coordinates.map(|sets| sets[usize::from(usage.uv_set)]);
        let mut sum = [0.0; 3];
        for &[x, y] in &self.points {
            // Folded at the diagonal.
            let [s, t] = if x + y > 1.0 { [1.0 - x, 1.0 - y] } else { [x, y] };
            let uv = [0, 1].map(|i| a[i] + (b[i] - a[i]) * s + (c[i] - a[i]) * t);
            let texel = texel(raster, usage, uv);
            for (sum, byte) in sum.iter_mut().zip(texel) {
                *sum += self.linear[usize::from(byte)];
            }
        }
        let sides = if surface.double_sided { 2.0 } else { 1.0 };
        let radiance = [0, 1, 2].map(|i| surface.emission[i] * sum[i] / self.points.len() as f64);
        (sides * luminance(radiance)).max(mean * LEAST)
    }
}

/// The texel at texture coordinates, unfiltered.
fn texel(raster: &Raster, usage: &TextureUse, [u, v]: [f64; 2]) -> [u8; 3] {
    let at = |row: [f64; 3], wrap: Wrap, size: u32| {
        let t = row[0] * u + row[1] * v + row[2];
        let t = if t.is_finite() { t } else { 0.0 };
        let folded = match wrap {
            Wrap::Repeat => t - t.floor(),
            Wrap::Clamp => t.clamp(0.0, 1.0),
            Wrap::Mirror => 1.0 - (t - 2.0 * (t / 2.0).floor() - 1.0).abs(),
        };
        ((folded * f64::from(size)) as usize).min(size as usize - 1)
    };
    let x = at(usage.rows[0], usage.wrap_u, raster.width);
    let y = at(usage.rows[1], usage.wrap_v, raster.height);
    let start = (y * raster.width as usize + x) * 4;
    [raster.rgba[start], raster.rgba[start + 1], raster.rgba[start + 2]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4×1 texels, one of them white.
    fn raster() -> Raster {
        let rgba = (0..4).flat_map(|x| [if x == 1 { 255 } else { 0 }; 4]).collect();
        Raster { width: 4, height: 1, rgba }
    }

    fn usage(wrap_u: Wrap) -> TextureUse {
        let rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        TextureUse { image: 0, wrap_u, wrap_v: Wrap::Clamp, nearest: false, uv_set: 1, rows }
    }

    #[test]
    fn coordinates_wrap_as_the_kernels_do() {
        let lit = |wrap, u: f64| texel(&raster(), &usage(wrap), [u, 0.5])[0] == 255;
        for (wrap, inside, outside) in [
            (Wrap::Repeat, [0.3, -0.7, 1.3], [0.1, 0.7, 1.0]),
            (Wrap::Clamp, [0.3, 0.26, 0.49], [-0.7, 1.3, f64::NAN]),
            (Wrap::Mirror, [0.3, -0.3, 1.7], [1.3, -0.7, 0.9]),
        ] {
            assert!(inside.iter().all(|u| lit(wrap, *u)), "{wrap:?}");
            assert!(!outside.iter().any(|u| lit(wrap, *u)), "{wrap:?}");
        }
    }
}
