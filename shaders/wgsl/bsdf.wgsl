#import math
#import scene
// glTF's metallic-roughness surface: a Lambert base under one GGX lobe with Schlick's Fresnel term. Evaluation, density and
// sampling of it. Knows directions and numbers, neither geometry nor textures.
//
// The lobe: Walter et al. 2007 with height-correlated Smith shadowing (Heitz 2014), visible normals sampled by spherical
// caps (Dupuy and Benyoub 2023). Light that bounces between microfacets is added by scaling the lobe: 1 + Fms (1 − E) / E with
// Fms of Kulla and Conty 2017, E from the package's table. The base is scaled by one less the greatest channel of what the
// dielectric lobe reflects (both as Cycles' Principled BSDF does).

// Material parameters at a point, textures applied, each in its range.
struct BsdfParameters {
    base_color: vec3<f32>,
    metallic: f32,
    roughness: f32,
    // Reflectance of the dielectric at normal incidence and at 90°.
    dielectric_f0: vec3<f32>,
    dielectric_f90: f32,
}

struct Bsdf {
    // Unit shading normal, facing wo.
    normal: vec3<f32>,
    // Unit, towards the viewer.
    wo: vec3<f32>,
    cos_o: f32,
    alpha: f32,
    // sqrt(α² + (1 − α²) cos_o²) and 1 / (cos_o + that).
    root_o: f32,
    inverse_o: f32,
    // Fresnel's end points, multiple scattering included.
    f0: vec3<f32>,
    f90: vec3<f32>,
    // Albedo of the base.
    diffuse: vec3<f32>,
    // Probability of sampling the lobe rather than the base; both 0 where nothing is reflected.
    lobe_probability: f32,
    base_probability: f32,
}

// The BSDF times the cosine, and the density of sampling it, per steradian. All 0 below the surface.
struct BsdfValue {
    value: vec3<f32>,
    pdf: f32,
}

// Below it a cosine is 0.
const COS_MIN: f32 = 1e-6;
// Below it, the squared length of wo + wi is 0.
const HALF_MIN: f32 = 1e-7;

// Directional albedo (A, B) of the lobe at cosine `mu` and `roughness`: F0 A + F90 B (layout.rs, `tables`).
fn lobe_albedo(mu: f32, roughness: f32) -> vec2<f32> {
    let edge = params.albedo_edge;
    let last = f32(edge - 1u);
    let y = saturate_(roughness) * last;
    let x = clamp_(mu * f32(edge) - 0.5, 0.0, last);
    let x0 = u32(x);
    let y0 = u32(y);
    let x1 = min(x0 + 1u, edge - 1u);
    let y1 = min(y0 + 1u, edge - 1u);
    let fx = x - f32(x0);
    let fy = y - f32(y0);
    let upper = albedo_entry(x0, y0) * (1.0 - fx) + albedo_entry(x1, y0) * fx;
    let lower = albedo_entry(x0, y1) * (1.0 - fx) + albedo_entry(x1, y1) * fx;
    return upper * (1.0 - fy) + lower * fy;
}

fn albedo_entry(x: u32, y: u32) -> vec2<f32> {
    let at = TABLE_ALBEDO + 2u * (y * params.albedo_edge + x);
    return vec2<f32>(tables[at], tables[at + 1u]);
}

// The mean of the lobe's albedo over the hemisphere (cosine-weighted, Fresnel 1): a least-squares fit, off by at most 0.002.
fn mean_lobe_albedo(roughness: f32) -> f32 {
    let r2 = roughness * roughness;
    return fmin(1.0 + r2 * (0.27 + roughness * -2.117 + r2 * 1.26), 1.0);
}

// 1 / v by component, for magnitudes within 10^±10: one division for three (Montgomery's trick), off by a few ulps.
fn reciprocals(v: vec3<f32>) -> vec3<f32> {
    let xy = v.x * v.y;
    let inverse = rcp(xy * v.z);
    let inverse_xy = inverse * v.z;
    return vec3<f32>(inverse_xy * v.y, inverse_xy * v.x, inverse * xy);
}

// 1 + Fms (1 − E) / E by channel; `missing` is (1 − E) / E. The mean of Schlick's term over the hemisphere is
// F0 + (F90 − F0) / 21.
fn multiple_scattering(f0: vec3<f32>, f90: f32, mean_albedo: f32, missing: f32) -> vec3<f32> {
    let mean_fresnel = f0 * 0.952380952 + vec3<f32>(f90 * 0.047619048);
    let kept = vec3<f32>(1.0) - mean_fresnel * (1.0 - mean_albedo);
    return vec3<f32>(1.0) + mean_fresnel * (mean_albedo * missing) * reciprocals(kept);
}

// The BSDF seen from wo. `normal` has a positive cosine with wo.
fn bsdf_prepare(p: BsdfParameters, normal: vec3<f32>, wo: vec3<f32>) -> Bsdf {
    var bsdf: Bsdf;
    bsdf.normal = normal;
    bsdf.wo = wo;
    bsdf.cos_o = clamp_(dot3(normal, wo), COS_MIN, 1.0);
    bsdf.diffuse = p.base_color * (1.0 - p.metallic);
    if p.metallic == 0.0 && p.dielectric_f90 == 0.0 {
        // No lobe: Lambert.
        bsdf.base_probability = select(0.0, 1.0, max3(bsdf.diffuse) > 0.0);
        return bsdf;
    }
    bsdf.alpha = fmax(p.roughness * p.roughness, ALPHA_MIN);
    let alpha2 = bsdf.alpha * bsdf.alpha;
    bsdf.root_o = sqrt_(alpha2 + (1.0 - alpha2) * bsdf.cos_o * bsdf.cos_o);
    let albedo = lobe_albedo(bsdf.cos_o, p.roughness);
    let whole = clamp_(albedo.x + albedo.y, 0.05, 1.0);
    let inverses = reciprocals(vec3<f32>(bsdf.cos_o + bsdf.root_o, whole, 1.0));
    bsdf.inverse_o = inverses.x;
    let missing = (1.0 - whole) * inverses.y;
    let mean = mean_lobe_albedo(p.roughness);
    if p.metallic < 1.0 {
        let share = 1.0 - p.metallic;
        let f0 = p.dielectric_f0;
        let f90 = p.dielectric_f90;
        let scale = multiple_scattering(f0, f90, mean, missing);
        let reflected = max3((f0 * albedo.x + vec3<f32>(f90 * albedo.y)) * scale);
        bsdf.diffuse = bsdf.diffuse * fmax(1.0 - reflected, 0.0);
        bsdf.f0 = f0 * scale * share;
        bsdf.f90 = scale * (f90 * share);
    }
    if p.metallic > 0.0 {
        let f0 = p.base_color;
        let scale = multiple_scattering(f0, 1.0, mean, missing);
        bsdf.f0 = bsdf.f0 + f0 * scale * p.metallic;
        bsdf.f90 = bsdf.f90 + scale * p.metallic;
    }
    let lobe = bsdf.f0 * albedo.x + bsdf.f90 * albedo.y;
    let lobe_sum = lobe.x + lobe.y + lobe.z;
    let base_sum = bsdf.diffuse.x + bsdf.diffuse.y + bsdf.diffuse.z;
    bsdf.lobe_probability = div(lobe_sum, lobe_sum + base_sum);
    bsdf.base_probability = select(0.0, 1.0 - bsdf.lobe_probability, base_sum > 0.0);
    return bsdf;
}

// Value and density for light from `wi`.
fn bsdf_evaluate(bsdf: Bsdf, wi: vec3<f32>) -> BsdfValue {
    let cos_i = dot3(bsdf.normal, wi);
    if cos_i < COS_MIN {
        return BsdfValue(vec3<f32>(0.0), 0.0);
    }
    let lambert = cos_i * INV_PI;
    var value = bsdf.diffuse * lambert;
    var pdf = bsdf.base_probability * lambert;
    let half_vector = bsdf.wo + wi;
    let length2 = dot3(half_vector, half_vector);
    if bsdf.lobe_probability > 0.0 && length2 > HALF_MIN {
        // With the unnormalised half vector h of length l: D = α² l⁴ / (π (|n×h|² + α² (n·h)²)²). The sine by the cross product:
        // 1 − cos² loses all digits where a smooth surface shines.
        let alpha2 = bsdf.alpha * bsdf.alpha;
        let across = cross3(bsdf.normal, half_vector);
        let along = dot3(bsdf.normal, half_vector);
        let spread = dot3(across, across) + alpha2 * along * along;
        let root_i = sqrt_(alpha2 + (1.0 - alpha2) * cos_i * cos_i);
        let smith = cos_i * bsdf.root_o + bsdf.cos_o * root_i;
        // D / 2 / smith; smith is 2 cos_i cos_o / G2.
        let d = div(INV_TAU * alpha2 * length2 * length2, spread * spread * smith);
        // The half vector's cosine is l / 2. Not below 1e-6, so that its fifth power is normal.
        let m = fmax(1.0 - 0.5 * sqrt_(length2), 1e-6);
        let m2 = m * m;
        let fresnel = bsdf.f0 + (bsdf.f90 - bsdf.f0) * (m2 * m2 * m);
        value = value + fresnel * (d * cos_i);
        pdf = pdf + bsdf.lobe_probability * (d * smith * bsdf.inverse_o);
    }
    return BsdfValue(value, pdf);
}

// A direction with the density of `bsdf_evaluate` (which must be asked whether it lies above the surface). `choice` picks
// between lobe and base, `u` the direction; all in [0, 1).
//
// Both are one formula: a point c of the sphere's cap above −v plus v is a normal m seen from v (Dupuy and Benyoub 2023). For the
// lobe, in the space stretched by α, v is wo and the direction mirrors at m. For the base v is the normal, and m itself, a
// point of the sphere plus the normal, has the density of the cosine.
fn bsdf_sample(bsdf: Bsdf, choice: f32, u: vec2<f32>) -> vec3<f32> {
    let n = bsdf.normal;
    // A frame around the normal (Duff et al. 2017).
    let sign = select(-1.0, 1.0, n.z >= 0.0);
    let a = 0.0 - rcp(sign + n.z);
    let b = n.x * n.y * a;
    let t1 = vec3<f32>(1.0 + sign * n.x * n.x * a, sign * b, 0.0 - sign * n.x);
    let t2 = vec3<f32>(b, sign + n.y * n.y * a, 0.0 - n.y);
    let lobe = choice < bsdf.lobe_probability;
    let stretch = select(1.0, bsdf.alpha, lobe);
    var v = vec3<f32>(0.0, 0.0, 1.0);
    if lobe {
        v = normalize3(vec3<f32>(dot3(bsdf.wo, t1) * stretch, dot3(bsdf.wo, t2) * stretch, bsdf.cos_o));
    }
    let z = (1.0 - u.y) * (1.0 + v.z) - v.z;
    let radius = sqrt_(1.0 - z * z);
    let turn = sin_cos_turn(u.x);
    let h = vec3<f32>(radius * turn.y, radius * turn.x, z) + v;
    let m = normalize3(vec3<f32>(stretch * h.x, stretch * h.y, h.z));
    let normal = t1 * m.x + t2 * m.y + n * m.z;
    let mirrored = normal * (2.0 * dot3(bsdf.wo, normal)) - bsdf.wo;
    return select(normal, mirrored, lobe);
}
