//! The list of light triangles with its cumulative probabilities, and how often each kind of light is picked.

use tessera_shared::package::layout::{LightTriangle, NONE, SceneHeader, VertexAttributes};

use super::emission::Emission;
use super::geometry::Geometry;
use crate::affine::{Affine, cross, length, sub};
use crate::environment::table::cumulative;
use crate::import::ImportError;
use crate::limits::ImportLimits;

/// No kind of light that exists is picked less often.
const PICK_MIN: f64 = 0.1;

/// The light triangles and their power, in watts of luminance.
pub struct Lights {
    pub triangles: Vec<LightTriangle>,
    pub power: f64,
}

/// Lists the emissive triangles of every instance, in order, and writes each instance's first one into it.
pub fn lights(
    geometry: &mut Geometry,
    emission: Emission<'_>,
    limits: &ImportLimits,
) -> Result<Lights, ImportError> {
    let total: u64 = geometry.instances.iter().map(|instance| u64::from(instance.emissive_count)).sum();
    ImportError::check("the scene's emissive surfaces", total, limits.light_triangles_max, "triangles")?;
    let emission = emission.sampled_for(total);
    let (mut triangles, mut areas, mut powers) = (Vec::new(), Vec::new(), Vec::new());
    for (index, instance) in geometry.instances.iter_mut().enumerate() {
        let to_world = Affine(instance.object_to_world.map(|row| row.map(f64::from)));
        if instance.emissive_count > 0 {
            instance.light_start = triangles.len() as u32;
        }
        for triangle in instance.triangle_start..instance.triangle_start + instance.emissive_count {
            let [a, b, c, material] = geometry.triangles[triangle as usize];
            let [p, q, r] = [a, b, c].map(|corner| {
                let [x, y, z, _] = geometry.positions[corner as usize].map(f64::from);
                to_world.point([x, y, z])
            });
            let area = length(cross(sub(q, p), sub(r, p))) / 2.0;
            triangles.push(LightTriangle { instance: index as u32, triangle, cdf: 0, pdf_area: 0.0 });
            areas.push(area);
            powers.push(area * emission.of_triangle(material, coordinates(&geometry.attributes, [a, b, c])));
        }
    }
    let mut cdf = vec![0; triangles.len()];
    cumulative(&powers, &mut cdf);
    let mut before = 0u64;
    for (light, (cdf, area)) in triangles.iter_mut().zip(cdf.iter().zip(&areas)) {
        let reached = if *cdf == u32::MAX { 1 << 32 } else { u64::from(*cdf) };
        light.cdf = *cdf;
        light.pdf_area = ((reached - before) as f64 / 4_294_967_296.0 / area) as f32;
        before = reached;
    }
    Ok(Lights { triangles, power: powers.iter().sum::<f64>() * std::f64::consts::PI })
}

/// Both sets of texture coordinates of a triangle's vertices.
fn coordinates(attributes: &[VertexAttributes], corners: [u32; 3]) -> [[[f64; 2]; 2]; 3] {
    corners.map(|corner| {
        let VertexAttributes { u0, v0, u1, v1, .. } = attributes[corner as usize];
        [[u0, v0], [u1, v1]].map(|uv| uv.map(f64::from))
    })
}

/// The power of each kind of light, in watts of luminance; `None` where there is none of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Powers {
    pub environment: Option<f64>,
    pub punctual: Option<f64>,
    pub triangles: Option<f64>,
}

/// Writes how often each kind of light is picked: by power, see [`shares`]. The last kind that exists takes what is left.
pub fn pick(header: &mut SceneHeader, powers: Powers) {
    let [environment, punctual, _] = shares([powers.environment, powers.punctual, powers.triangles]);
    // 24 bits, so that probabilities are exact in f32 and add up to 1.
    let steps = |share: f64| (share * STEPS).round();
    let environment_end = steps(environment);
    let punctual_end = match (powers.punctual, powers.triangles) {
        (Some(_), Some(_)) => steps(environment + punctual),
        (None, Some(_)) => environment_end,
        (Some(_), None) => STEPS,
        (None, None) => environment_end,
    };
    let triangles = powers.triangles.map_or(0.0, |_| STEPS - punctual_end);
    let below = |steps: f64| if steps >= STEPS { NONE } else { (steps as u32) << 8 };
    header.environment_pick = below(environment_end);
    header.punctual_pick = below(punctual_end);
    header.environment_probability = (environment_end / STEPS) as f32;
    header.punctual_probability = ((punctual_end - environment_end) / STEPS) as f32;
    header.triangle_probability = (triangles / STEPS) as f32;
}

const STEPS: f64 = 16_777_216.0;

/// Parts of 1 in proportion to the powers; one that exists and is below [`PICK_MIN`] is raised to it and the others give way.
fn shares(powers: [Option<f64>; 3]) -> [f64; 3] {
    let total: f64 = powers.iter().flatten().sum();
    let existing = powers.iter().flatten().count() as f64;
    // Powers that add up to nothing or to infinity say nothing.
    let share = |power: f64| if total > 0.0 && total.is_finite() { power / total } else { 1.0 / existing };
    let first = powers.map(|power| power.map_or(0.0, share));
    let is_low = |i: usize| powers[i].is_some() && first[i] < PICK_MIN;
    let low = (0..3).filter(|&i| is_low(i)).count();
    if low == 0 {
        return first;
    }
    let rest: f64 = (0..3).filter(|&i| !is_low(i)).map(|i| first[i]).sum();
    let left = 1.0 - PICK_MIN * low as f64;
    std::array::from_fn(|i| if is_low(i) { PICK_MIN } else { first[i] / rest * left })
}
