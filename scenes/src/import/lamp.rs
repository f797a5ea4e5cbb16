//! The lights of `KHR_lights_punctual` and where nodes place them. Knows no unit: intensities are as the file gives them.

use gltf::json::Root;
use gltf::json::extensions::scene::khr_lights_punctual::{Light, Type};
use gltf::json::validation::Checked;
use serde::Deserialize;

use super::error::ImportError;
use super::nodes::{Hierarchy, node_label};
use crate::affine::{Affine, unit};
use crate::label::label;
use crate::limits::ImportLimits;
use crate::notice::Notices;

/// Largest channel of a colour; the extension says 1, files say more.
const COLOR_MAX: f64 = 1e6;
/// Largest intensity, candela or lux.
const INTENSITY_MAX: f64 = 1e12;
/// Least and largest range, metres.
const RANGES: std::ops::RangeInclusive<f64> = 1e-6..=1e12;

/// A punctual light of the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Lamp {
    pub kind: LampKind,
    /// Colour times intensity, by channel: candela, or lux for a directional one.
    pub intensity: [f64; 3],
    pub placed: Affine,
    /// The node, for messages.
    pub label: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LampKind {
    Point {
        sphere: Sphere,
    },
    /// Shines along −Z of its placement. Half angles of the cone, the inner one at most the outer one, which is above 0.
    Spot {
        sphere: Sphere,
        inner_radians: f64,
        outer_radians: f64,
    },
    /// Shines along −Z. The whole angle of its disc where the file gives one.
    Directional {
        angle_degrees: Option<f64>,
    },
}

/// How large a lamp is and how far it shines, in metres, where the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sphere {
    pub radius: Option<f64>,
    pub range: Option<f64>,
}

/// What a light's `extras` may say; custom properties of these names in Blender arrive here.
#[derive(Debug, Default, Deserialize)]
struct Extras {
    light_radius: Option<f64>,
    sun_angle_degrees: Option<f64>,
}

/// The lamps that the scene's nodes hold, in order; dark ones are left out.
pub fn lamps(
    root: &Root,
    hierarchy: &Hierarchy,
    limits: &ImportLimits,
    notices: &mut Notices,
) -> Result<Vec<Lamp>, ImportError> {
    let lights: &[Light] = root.as_ref();
    let mut lamps = Vec::new();
    for &node in &hierarchy.shown {
        let extensions = root.nodes[node].extensions.as_ref();
        let Some(held) = extensions.and_then(|extensions| extensions.khr_lights_punctual.as_ref()) else {
            continue;
        };
        let light = lights.get(held.light.value()).ok_or_else(|| {
            let problem = format!("has the light {}; the file has {}", held.light.value(), lights.len());
            ImportError::malformed(node_label(root, node), problem)
        })?;
        let place = label("light", held.light.value(), light.name.as_deref());
        let kind = kind(&place, light)?;
        let intensity = intensity(&place, light)?;
        if intensity == [0.0; 3] {
            continue;
        }
        let placed = hierarchy.world[node];
        if !matches!(kind, LampKind::Point { .. }) && unit(placed.0.map(|row| row[2])) == [0.0; 3] {
            notices.add(
                "lights without a direction",
                format!("{place} is scaled to nothing and gives no light"),
            );
            continue;
        }
        ImportError::check("the scene", lamps.len() as u64 + 1, limits.lamps_max, "lights")?;
        lamps.push(Lamp { kind, intensity, placed, label: node_label(root, node) });
    }
    Ok(lamps)
}

fn kind(place: &str, light: &Light) -> Result<LampKind, ImportError> {
    // Other programs keep what they like there.
    let extras = match &light.extras {
        Some(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
        None => Extras::default(),
    };
    let sphere = Sphere {
        radius: extras.light_radius.map(|r| within(place, "light_radius", r, 0.0, 1e6)).transpose()?,
        range: light
            .range
            .map(|range| within(place, "range", f64::from(range), *RANGES.start(), *RANGES.end()))
            .transpose()?,
    };
    match light.type_ {
        Checked::Valid(Type::Point) => Ok(LampKind::Point { sphere }),
        Checked::Valid(Type::Directional) => {
            let angle = extras.sun_angle_degrees;
            let angle_degrees =
                angle.map(|a| within(place, "sun_angle_degrees", a, 0.0, 180.0)).transpose()?;
            Ok(LampKind::Directional { angle_degrees })
        }
        Checked::Valid(Type::Spot) => {
            let (inner, outer) = light.spot.as_ref().map_or((0.0, std::f64::consts::FRAC_PI_4), |spot| {
                (f64::from(spot.inner_cone_angle), f64::from(spot.outer_cone_angle))
            });
            // An f32 may lie one rounding above π/2.
            if !(inner >= 0.0 && inner <= outer && outer > 0.0 && outer <= std::f64::consts::FRAC_PI_2 + 1e-6)
            {
                let problem = format!(
                    "its cone angles are {inner} and {outer} radians; the inner one must be 0 to the outer one, which must be above 0 and at most π/2"
                );
                return Err(ImportError::malformed(place, problem));
            }
            let outer_radians = outer.min(std::f64::consts::FRAC_PI_2);
            Ok(LampKind::Spot { sphere, inner_radians: inner, outer_radians })
        }
        Checked::Invalid => {
            let problem = "its `type` is none of `point`, `spot` and `directional`";
            Err(ImportError::malformed(place, problem))
        }
    }
}

fn intensity(place: &str, light: &Light) -> Result<[f64; 3], ImportError> {
    let strength = within(place, "intensity", f64::from(light.intensity), 0.0, INTENSITY_MAX)?;
    let mut channels = [0.0; 3];
    for (channel, color) in channels.iter_mut().zip(light.color) {
        *channel = strength * within(place, "color", f64::from(color), 0.0, COLOR_MAX)?;
    }
    Ok(channels)
}

fn within(place: &str, name: &str, value: f64, low: f64, high: f64) -> Result<f64, ImportError> {
    if value >= low && value <= high {
        return Ok(value);
    }
    Err(ImportError::malformed(place, format!("its `{name}` is {value}; it must be {low} to {high}")))
}
