//! The list of light triangles with its cumulative probabilities, and how often the environment is picked instead.

use tessera_shared::package::layout::{LightTriangle, NONE, SceneHeader};

use super::geometry::Geometry;
use crate::affine::{Affine, cross, length, sub};
use crate::environment::table::cumulative;
use crate::import::ImportError;
use crate::limits::ImportLimits;

/// Neither kind of light is picked less often than this where both exist.
const PICK_MIN: f64 = 0.1;

/// The light triangles and their power, in watts of luminance.
pub struct Lights {
    pub triangles: Vec<LightTriangle>,
    pub power: f64,
}

/// Lists the emissive triangles of every instance, in order, and writes each instance's first one into it.
/// `mean_emission` is a material's mean radiance.
pub fn lights(
    geometry: &mut Geometry,
    mean_emission: &[f64],
    limits: &ImportLimits,
) -> Result<Lights, ImportError> {
    let total: u64 = geometry.instances.iter().map(|instance| u64::from(instance.emissive_count)).sum();
    ImportError::check("the scene's emissive surfaces", total, limits.light_triangles_max, "triangles")?;
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
            powers.push(area * mean_emission[material as usize]);
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

/// Writes the pick probabilities. `environment` is the integral of its luminance over the sphere, `None` where there is none
/// or a black one; `radius` is the scene's.
pub fn pick(header: &mut SceneHeader, environment: Option<f64>, lights: &Lights, radius: f64) {
    header.light_triangle_count = lights.triangles.len() as u32;
    (header.environment_pick, header.environment_probability, header.triangle_probability) =
        match (environment, lights.triangles.is_empty()) {
            (None, true) => (0, 0.0, 0.0),
            (None, false) => (0, 0.0, 1.0),
            (Some(_), true) => (NONE, 1.0, 0.0),
            (Some(integral), false) => {
                let power = integral * std::f64::consts::PI * radius * radius;
                let share = if power.is_finite() { power / (power + lights.power) } else { 1.0 };
                // 24 bits, so that both probabilities are exact in f32.
                let steps = (share.clamp(PICK_MIN, 1.0 - PICK_MIN) * 16_777_216.0).round();
                let probability = (steps / 16_777_216.0) as f32;
                ((steps as u32) << 8, probability, 1.0 - probability)
            }
        };
}
