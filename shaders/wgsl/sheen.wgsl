#import math
#import scene
#import microfacet
// Cloth's glow at grazing angles, KHR_materials_sheen: the "Charlie" distribution (Estevez and Kulla 2017) with Neubelt's visibility
// (Neubelt and Pettineo 2013). Knows no layer below it.

// Below this sheen roughness the glow is a line along the rim that no sampling finds.
const SHEEN_ROUGHNESS_MIN: f32 = 0.07;

// The cosine-weighted value for sheen of colour 1. `half_vector` is wo + wi, unnormalised.
fn sheen_value(normal: vec3<f32>, half_vector: vec3<f32>, cos_o: f32, cos_i: f32, roughness: f32) -> f32 {
    let length2 = dot3(half_vector, half_vector);
    if cos_i < COS_MIN || length2 < HALF_MIN {
        return 0.0;
    }
    let r = fmax(roughness, SHEEN_ROUGHNESS_MIN);
    let inverse_alpha = rcp(r * r);
    let across = cross3(normal, half_vector);
    let sin2 = fmin(div(dot3(across, across), length2), 1.0);
    if sin2 < 1e-12 {
        return 0.0;
    }
    // sin^(1/α) through sin²; D = (2 + 1/α) sin^(1/α) / 2π, V = 1 / (4 (cos_i + cos_o − cos_i cos_o)).
    let power = exp2_(0.5 * inverse_alpha * log2_(sin2));
    let d = (2.0 + inverse_alpha) * INV_TAU * power;
    return div(d * cos_i, 4.0 * (cos_i + cos_o - cos_i * cos_o));
}

// What sheen of colour 1 reflects at cosine `mu`, at most 1, and the scale of `sheen_value` that holds it there.
fn sheen_albedo(mu: f32, roughness: f32) -> vec2<f32> {
    return table_albedo(TABLE_ALBEDO + 2u * params.albedo_edge * params.albedo_edge, mu, roughness);
}
