//! How often each kind of light is picked, and the punctual lights: what a kernel divides by must be there and above 0.

use super::{Checked, MAGNITUDE_MAX, PUNCTUAL_LIGHTS_MAX, invalid, is_number, numbers, within};
use crate::package::layout::{NONE, PUNCTUAL_DIRECTIONAL, PunctualLight, SceneHeader};

/// Largest factor of a spot light's cosine: the extension's own bound, with a margin for rounding.
const CONE_SCALE_MAX: f32 = 1024.0;

/// The header's probabilities: above 0 for the kinds that exist, multiples of 2⁻²⁴ whose sum is 1, with the words that follow.
pub(super) fn validate_picks(header: &SceneHeader) -> Checked {
    let kinds = [
        ("the environment", header.environment_width > 0, header.environment_probability),
        ("the punctual lights", header.punctual_count > 0, header.punctual_probability),
        ("the light triangles", header.light_triangle_count > 0, header.triangle_probability),
    ];
    for (name, exists, probability) in kinds {
        within("header", "probability", &[probability], 0.0, 1.0)?;
        let steps = f64::from(probability) * 16_777_216.0;
        if exists != (probability > 0.0) || steps.fract() != 0.0 {
            return invalid("header", format!("picks {name} with a probability of {probability}"));
        }
    }
    let sum: f64 = kinds.iter().map(|kind| f64::from(kind.2)).sum();
    if sum != if kinds.iter().any(|kind| kind.1) { 1.0 } else { 0.0 } {
        return invalid("header", format!("the probabilities of its kinds of light add up to {sum}"));
    }
    let environment = f64::from(header.environment_probability);
    let punctual = environment + f64::from(header.punctual_probability);
    let below =
        |probability: f64| if probability == 1.0 { NONE } else { (probability * 4_294_967_296.0) as u32 };
    let picks = [header.environment_pick, header.punctual_pick];
    if picks != [below(environment), below(punctual)] {
        let problem = format!(
            "picks the environment below {} and punctual lights below {} with probabilities {} and {}",
            picks[0], picks[1], header.environment_probability, header.punctual_probability
        );
        return invalid("header", problem);
    }
    Ok(())
}

/// The punctual lights, each by itself, and their cumulative probabilities.
pub(super) fn validate_punctual(lights: impl ExactSizeIterator<Item = PunctualLight>) -> Checked {
    let count = lights.len();
    if count > PUNCTUAL_LIGHTS_MAX {
        return invalid(
            "punctual lights",
            format!("{count} of them; at most {PUNCTUAL_LIGHTS_MAX} are read"),
        );
    }
    let mut before = 0u64;
    for (index, light) in lights.enumerate() {
        let place = format!("punctual light {index}");
        validate_light(&place, &light)?;
        let is_last = index + 1 == count;
        let reached = if light.cdf == NONE { 1 << 32 } else { u64::from(light.cdf) };
        if reached <= before || is_last != (light.cdf == NONE) {
            return invalid(place, format!("its cumulative probability {} does not fit", light.cdf));
        }
        if light.probability != ((reached - before) as f64 / 4_294_967_296.0) as f32 {
            return invalid(place, format!("its probability {} is not that of its words", light.probability));
        }
        before = reached;
    }
    Ok(())
}

fn validate_light(place: &str, light: &PunctualLight) -> Checked {
    numbers(place, &light.position)?;
    within(place, "intensity", &light.intensity, 0.0, MAGNITUDE_MAX)?;
    within(place, "radius", &[light.radius], 0.0, MAGNITUDE_MAX)?;
    within(place, "cone scale", &[light.cone_scale], 0.0, CONE_SCALE_MAX)?;
    within(place, "cone offset", &[light.cone_offset], -CONE_SCALE_MAX, CONE_SCALE_MAX)?;
    within(place, "1 / range²", &[light.inverse_range2], 0.0, MAGNITUDE_MAX)?;
    if light.flags & !PUNCTUAL_DIRECTIONAL != 0 {
        return invalid(place, format!("its flags {:#x} are unknown", light.flags));
    }
    if light.intensity == [0.0; 3] {
        return invalid(place, "it gives no light");
    }
    let has_cone = light.cone_scale != 0.0;
    if !is_unit(light.axis) && (has_cone || light.axis.map(f32::to_bits) != [0; 3]) {
        return invalid(place, format!("its axis {:?} is not of length one", light.axis));
    }
    let is_distant = light.flags & PUNCTUAL_DIRECTIONAL != 0;
    if is_distant && (!is_unit(light.position) || light.radius > 1.0) {
        let problem = format!("its direction {:?} or disc {} is out of range", light.position, light.radius);
        return invalid(place, problem);
    }
    Ok(())
}

fn is_unit(v: [f32; 3]) -> bool {
    let [x, y, z] = v.map(f64::from);
    v.iter().all(|x| is_number(*x)) && (x * x + y * y + z * z - 1.0).abs() < 1e-3
}
