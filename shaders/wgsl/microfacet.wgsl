#import math
#import scene
// One GGX lobe: its frame, the distribution and shadowing of its microfacets, and directions mirrored or refracted by them.
// Tables of what such a lobe reflects as a whole. Knows nothing of layers or colours.
//
// Walter et al. 2007 with height-correlated Smith shadowing (Heitz 2014), visible normals sampled by spherical caps (Dupuy and
// Benyoub 2023), stretched by two roughnesses along tangent and bitangent (Burley 2012).

struct Lobe {
    // Orthonormal; the normal faces wo.
    normal: vec3<f32>,
    tangent: vec3<f32>,
    bitangent: vec3<f32>,
    // Along tangent and bitangent.
    alpha_x: f32,
    alpha_y: f32,
    cos_o: f32,
    // sqrt(cos_o² + αx² (o·t)² + αy² (o·b)²) and 1 / (cos_o + that).
    root_o: f32,
    inverse_o: f32,
}

// What the microfacets that take wo to a direction weigh.
struct Facet {
    // D G2 / (4 cos_o cos_i), times cos_i, times the refraction's jacobian over the reflection's.
    value: f32,
    // D G1 / (4 cos_o), times the same.
    pdf: f32,
    // (1 − cos θ)⁵ of Schlick's term, θ the angle in the thinner medium; 1 under total reflection.
    schlick: f32,
}

// Below it a cosine is 0.
const COS_MIN: f32 = 1e-6;
// Below it, the squared length of a half vector is 0.
const HALF_MIN: f32 = 1e-7;

// A unit vector perpendicular to a unit n (Duff et al. 2017).
fn perpendicular(n: vec3<f32>) -> vec3<f32> {
    let sign = select(-1.0, 1.0, n.z >= 0.0);
    let a = 0.0 - rcp(sign + n.z);
    return vec3<f32>(1.0 + sign * n.x * n.x * a, sign * n.x * n.y * a, 0.0 - sign * n.x);
}

// A lobe seen from wo, whose cosine with the normal is positive.
fn lobe_of(normal: vec3<f32>, tangent: vec3<f32>, alpha_x: f32, alpha_y: f32, wo: vec3<f32>) -> Lobe {
    let bitangent = cross3(normal, tangent);
    let x = dot3(wo, tangent) * alpha_x;
    let y = dot3(wo, bitangent) * alpha_y;
    let cos_o = clamp_(dot3(normal, wo), COS_MIN, 1.0);
    let root_o = sqrt_(x * x + y * y + cos_o * cos_o);
    return Lobe(normal, tangent, bitangent, alpha_x, alpha_y, cos_o, root_o, rcp(cos_o + root_o));
}

// (1 − c)⁵ for the cosine of the angle with a microfacet on wo's side. `eta` is the index of refraction beyond over the one
// before the surface: below 1, the angle of Schlick's term is the refracted one, and there may be none.
fn schlick_term(cosine: f32, eta: f32) -> f32 {
    var c = cosine;
    if eta < 1.0 {
        let inverse = rcp(eta);
        c = sqrt_(1.0 - (1.0 - c * c) * inverse * inverse);
    }
    // Not below 1e-6, so that its fifth power is normal.
    let m = fmax(1.0 - c, 1e-6);
    let m2 = m * m;
    return m2 * m2 * m;
}

// The facets between wo and wi. Below the surface (`through`), `bend` is the index of refraction beyond over the one before,
// or 0 where the surface is thin: wi is then the mirror image of a reflection. All 0 where no facet does it.
fn lobe_evaluate(lobe: Lobe, wo: vec3<f32>, wi: vec3<f32>, through: bool, bend: f32, eta: f32) -> Facet {
    let none = Facet(0.0, 0.0, 0.0);
    let along = dot3(lobe.normal, wi);
    let cos_i = abs(along);
    let refracted = through && bend > 0.0;
    var light = wi;
    if through && !refracted {
        light = wi - lobe.normal * (2.0 * along);
    }
    var half_vector = wo + light * select(1.0, bend, refracted);
    if dot3(half_vector, lobe.normal) < 0.0 {
        half_vector = vec3<f32>(0.0) - half_vector;
    }
    let length2 = dot3(half_vector, half_vector);
    if cos_i < COS_MIN || length2 < HALF_MIN {
        return none;
    }
    // With the unnormalised half vector h of length l: D = αx αy l⁴ / (π s²), s = αy/αx (h·t)² + αx/αy (h·b)² + αx αy (h·n)². Not from
    // 1 − (h·n)², which loses all digits where a smooth surface shines.
    let product = lobe.alpha_x * lobe.alpha_y;
    let ht = dot3(half_vector, lobe.tangent) * lobe.alpha_y;
    let hb = dot3(half_vector, lobe.bitangent) * lobe.alpha_x;
    let hn = dot3(half_vector, lobe.normal) * product;
    // s αx αy, and D = (αx αy)³ l⁴ / (π (s αx αy)²).
    let spread = ht * ht + hb * hb + hn * hn;
    let x = dot3(light, lobe.tangent) * lobe.alpha_x;
    let y = dot3(light, lobe.bitangent) * lobe.alpha_y;
    let root_i = sqrt_(x * x + y * y + cos_i * cos_i);
    // 2 cos_i cos_o / G2.
    let smith = cos_i * lobe.root_o + lobe.cos_o * root_i;
    let inverse_length = rsqrt(length2);
    let oh = dot3(wo, half_vector);
    var jacobian = length2 * length2;
    if refracted {
        // Of dω_h / dω_i over that of a reflection: 4 η² |o·h| |i·h| / l⁴ (Walter et al., eq. 17).
        let ih = dot3(wi, half_vector);
        if oh <= 0.0 || ih >= 0.0 {
            return none;
        }
        jacobian = (4.0 * bend * bend) * (oh * (0.0 - ih));
    }
    let ratio = div(product, spread);
    let d = div(INV_TAU * product * jacobian * ratio * ratio, smith);
    let schlick = schlick_term(fmin(oh * inverse_length, 1.0), eta);
    return Facet(d * cos_i, d * smith * lobe.inverse_o, schlick);
}

// A normal seen from `v` (unit, in the space stretched by the lobe, z along its normal) with the density of visible normals:
// a point of the sphere's cap above −v, plus v. Not yet stretched back.
fn cap_normal(v: vec3<f32>, u: vec2<f32>) -> vec3<f32> {
    let z = (1.0 - u.y) * (1.0 + v.z) - v.z;
    let radius = sqrt_(1.0 - z * z);
    let turn = sin_cos_turn(u.x);
    return vec3<f32>(radius * turn.y, radius * turn.x, z) + v;
}

// A pair of albedos at cosine `mu`, bilinear in the table of `albedo_edge`² pairs at `start`: rows of roughness, columns of mu at
// (column + ½) / edge.
fn table_albedo(start: u32, mu: f32, roughness: f32) -> vec2<f32> {
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
    let upper = table_pair(start, x0, y0) * (1.0 - fx) + table_pair(start, x1, y0) * fx;
    let lower = table_pair(start, x0, y1) * (1.0 - fx) + table_pair(start, x1, y1) * fx;
    return upper * (1.0 - fy) + lower * fy;
}

fn table_pair(start: u32, x: u32, y: u32) -> vec2<f32> {
    let at = start + 2u * (y * params.albedo_edge + x);
    return vec2<f32>(tables[at], tables[at + 1u]);
}
