//! Lamps of the scene as the package's punctual lights: units, cones, sizes and the power that they are picked by. Knows no file.

use std::f64::consts::PI;

use tessera_shared::package::layout::{PUNCTUAL_DIRECTIONAL, PunctualLight};

use super::CompileError;
use super::number::{LARGEST, luminance, settled, settled3};
use crate::affine::unit;
use crate::environment::table::cumulative;
use crate::import::{Lamp, LampKind, Sphere};
use crate::shot::{LampKeys, LightUnits};

/// Lumens in a watt as Blender counts them (`PBR_WATTS_TO_LUMENS`), whatever the colour.
const LUMENS_PER_WATT: f64 = 683.0;
/// Least difference of a spot light's cosines (`KHR_lights_punctual`, reference code).
const CONE_MIN: f64 = 0.001;

/// The punctual lights and their power, in watts of luminance.
#[derive(Default)]
pub struct Punctual {
    pub lights: Vec<PunctualLight>,
    pub power: f64,
}

/// Compiles the lamps. `radius` is the scene's: what a directional light shines on.
pub fn punctual(lamps: &[Lamp], keys: &LampKeys, radius: f64) -> Result<Punctual, CompileError> {
    let mut lights = Vec::with_capacity(lamps.len());
    let mut powers = Vec::with_capacity(lamps.len());
    for lamp in lamps {
        let (light, spread) = light(lamp, keys)?;
        let area = if light.flags & PUNCTUAL_DIRECTIONAL != 0 { PI * radius * radius } else { 1.0 };
        // Lamps too dim for an f32 are left out.
        if light.intensity != [0.0; 3] {
            powers.push((luminance(light.intensity.map(f64::from)) * spread * area).max(f64::MIN_POSITIVE));
            lights.push(light);
        }
    }
    let mut cdf = vec![0; lights.len()];
    cumulative(&powers, &mut cdf);
    let mut before = 0u64;
    for (light, cdf) in lights.iter_mut().zip(cdf) {
        let reached = if cdf == u32::MAX { 1 << 32 } else { u64::from(cdf) };
        light.cdf = cdf;
        light.probability = ((reached - before) as f64 / 4_294_967_296.0) as f32;
        before = reached;
    }
    Ok(Punctual { lights, power: powers.iter().sum() })
}

/// A lamp's record without its probability, and the solid angle that it shines into as if with full intensity; 1 for a
/// directional one.
fn light(lamp: &Lamp, keys: &LampKeys) -> Result<(PunctualLight, f64), CompileError> {
    let scale = match keys.units {
        LightUnits::Blender => 1.0 / LUMENS_PER_WATT,
        LightUnits::Radiometric => 1.0,
    };
    let intensity = lamp.intensity.map(|channel| settled((channel * scale).min(LARGEST)));
    let column = |k: usize| lamp.placed.0.map(|row| row[k]);
    let base = PunctualLight { intensity, cone_offset: 1.0, ..PunctualLight::default() };
    if let LampKind::Directional { angle_degrees } = lamp.kind {
        let angle = angle_degrees.unwrap_or(keys.sun_angle_degrees).to_radians();
        let light = PunctualLight {
            position: settled3(unit(column(2))),
            flags: PUNCTUAL_DIRECTIONAL,
            radius: settled((angle / 2.0).sin()),
            ..base
        };
        return Ok((light, 1.0));
    }
    let position = column(3);
    if !position.iter().all(|x| x.abs() < LARGEST) {
        return Err(CompileError::TooFar { what: format!("the lamp of {}", lamp.label) });
    }
    let base = PunctualLight { position: settled3(position), ..base };
    match lamp.kind {
        LampKind::Spot { sphere, inner_radians, outer_radians } => {
            let (inner, outer) = (inner_radians.cos(), outer_radians.cos());
            let slope = 1.0 / (inner - outer).max(CONE_MIN);
            let light = PunctualLight {
                axis: settled3(unit(column(2).map(|x| -x))),
                cone_scale: settled(slope),
                cone_offset: settled(-outer * slope),
                ..base
            };
            // A square falls off over the ring between the cones: a third of it.
            let spread = 2.0 * PI * ((1.0 - inner) + (inner - outer) / 3.0);
            Ok((sized(light, sphere, keys), spread))
        }
        LampKind::Point { sphere } => Ok((sized(base, sphere, keys), 4.0 * PI)),
        LampKind::Directional { .. } => Ok((base, 0.0)),
    }
}

/// The light with its radius, and its range where that counts: Blender ignores it.
fn sized(light: PunctualLight, sphere: Sphere, keys: &LampKeys) -> PunctualLight {
    let radius = settled(sphere.radius.unwrap_or(keys.radius));
    let range = sphere.range.filter(|_| keys.units == LightUnits::Radiometric);
    PunctualLight { radius, inverse_range2: range.map_or(0.0, |range| settled(range.powi(-2))), ..light }
}
