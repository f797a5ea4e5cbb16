#import math
#import scene
#import microfacet
#import sheen
#import thin_film
// glTF's material as layers, from the top: a clear coat, sheen, one GGX lobe of metal and dielectric with Schlick's Fresnel term, and
// below it a Lambert base, light through a thin diffuse sheet, or refraction. Evaluation, density and sampling of it all.
// Knows directions and numbers, neither geometry nor textures nor what fills the space beyond.
//
// Energy. Light that bounces between microfacets is added by scaling a lobe by 1 + Fms (1 − E) / E with Fms of Kulla and Conty 2017, E
// from the package's table; a refracting lobe is scaled by one over what it reflects and transmits in all, so clear glass keeps
// every photon at any roughness. A layer takes from those below the greatest channel of what it reflects, seen from wo.

// Material parameters at a point, textures applied, each in its range.
struct BsdfParameters {
    base_color: vec3<f32>,
    metallic: f32,
    roughness: f32,
    // Reflectance of the dielectric at normal incidence and at 90°.
    dielectric_f0: vec3<f32>,
    dielectric_f90: f32,
    // In 0..1, along the tangent.
    anisotropy: f32,
    coat: f32,
    coat_roughness: f32,
    sheen_color: vec3<f32>,
    sheen_roughness: f32,
    // Share of the dielectric that refracts.
    transmission: f32,
    // Colour of refracted light.
    transmission_color: vec3<f32>,
    // Index of refraction beyond the surface over the one before it; 0 where the surface is thin.
    eta: f32,
    // Offset of the refracting lobe's table, for this side of the surface.
    glass_table: u32,
    // Share of the base that light passes through diffusely, and its colour.
    diffuse_transmission: f32,
    diffuse_transmission_color: vec3<f32>,
    iridescence: f32,
    // In 0..1 between the film's least and greatest thickness.
    film_thickness: f32,
    film_table: u32,
}

// Where a lobe stands: unit vectors with a positive cosine with wo; the tangent need not be perpendicular.
struct ShadingFrame {
    normal: vec3<f32>,
    tangent: vec3<f32>,
    coat_normal: vec3<f32>,
}

struct Bsdf {
    wo: vec3<f32>,
    base: Lobe,
    coat: Lobe,
    // Fresnel's end points, multiple scattering included; the coat has one for all channels.
    f0: vec3<f32>,
    f90: vec3<f32>,
    coat_f0: f32,
    coat_f90: f32,
    // 1 − Fresnel of the refracted light, at normal incidence and at 90°, its colour included.
    through0: vec3<f32>,
    through90: vec3<f32>,
    // Index of refraction beyond the surface over the one before it, 0 where the surface is thin; and the same with 1 there.
    bend: f32,
    eta: f32,
    // Albedo of the base, above and below.
    diffuse: vec3<f32>,
    diffuse_through: vec3<f32>,
    sheen: vec3<f32>,
    sheen_roughness: f32,
    // Cumulative probabilities of sampling the coat, the lobe, the base above; the base below has the rest up to `whole`, which is 1,
    // or 0 where nothing is scattered. Whether a facet of the lobe reflects or refracts is drawn after it.
    until_coat: f32,
    until_facet: f32,
    until_diffuse: f32,
    whole: f32,
}

// The BSDF times the cosine, and the density of sampling it, per steradian.
struct BsdfValue {
    value: vec3<f32>,
    pdf: f32,
}

fn sum3(v: vec3<f32>) -> f32 {
    return v.x + v.y + v.z;
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

// What a lobe reflects at Fresnel term 1: how it splits for Schlick, the mean over the hemisphere and (1 − E) / E.
struct LobeAlbedo {
    split: vec2<f32>,
    mean: f32,
    missing: f32,
}

fn lobe_albedo(cos_o: f32, roughness: f32) -> LobeAlbedo {
    let split = table_albedo(TABLE_ALBEDO, cos_o, roughness);
    let whole = clamp_(split.x + split.y, 0.05, 1.0);
    return LobeAlbedo(split, mean_lobe_albedo(roughness), div(1.0 - whole, whole));
}

// The BSDF seen from wo.
fn bsdf_prepare(p: BsdfParameters, frame: ShadingFrame, wo: vec3<f32>) -> Bsdf {
    var bsdf: Bsdf;
    bsdf.wo = wo;
    bsdf.bend = p.eta;
    bsdf.eta = select(1.0, p.eta, p.eta > 0.0);
    // The share of the light that reaches a layer, and the albedos of the layers above summed over channels.
    var reaching = 1.0;
    var coat_sum = 0.0;
    var sheen_sum = 0.0;
    if p.coat > 0.0 {
        let alpha = fmax(p.coat_roughness * p.coat_roughness, ALPHA_MIN);
        bsdf.coat = lobe_of(frame.coat_normal, perpendicular(frame.coat_normal), alpha, alpha, wo);
        let albedo = lobe_albedo(bsdf.coat.cos_o, p.coat_roughness);
        let scale = multiple_scattering(vec3<f32>(COAT_F0), 1.0, albedo.mean, albedo.missing).x * p.coat;
        bsdf.coat_f0 = scale * COAT_F0;
        bsdf.coat_f90 = scale;
        let reflected = bsdf.coat_f0 * albedo.split.x + bsdf.coat_f90 * albedo.split.y;
        coat_sum = 3.0 * reflected;
        reaching = fmax(1.0 - reflected, 0.0);
    }
    bsdf.base.normal = frame.normal;
    bsdf.base.tangent = perpendicular(frame.normal);
    bsdf.base.bitangent = cross3(frame.normal, bsdf.base.tangent);
    bsdf.base.cos_o = clamp_(dot3(frame.normal, wo), COS_MIN, 1.0);
    if max3(p.sheen_color) > 0.0 {
        let albedo = sheen_albedo(bsdf.base.cos_o, p.sheen_roughness);
        bsdf.sheen = p.sheen_color * (albedo.y * reaching);
        bsdf.sheen_roughness = p.sheen_roughness;
        sheen_sum = sum3(p.sheen_color) * (albedo.x * reaching);
        reaching = reaching * fmax(1.0 - max3(p.sheen_color) * albedo.x, 0.0);
    }
    // What the lobe scatters, summed over channels, and the share that is left for the base.
    var sums = vec2<f32>(0.0, (1.0 - p.metallic) * (1.0 - p.transmission) * reaching);
    if p.metallic > 0.0 || p.dielectric_f90 > 0.0 || p.transmission > 0.0 {
        sums = prepare_lobe(p, frame, reaching, &bsdf);
    }
    bsdf.diffuse = p.base_color * (sums.y * (1.0 - p.diffuse_transmission));
    bsdf.diffuse_through = p.diffuse_transmission_color * (sums.y * p.diffuse_transmission);
    let until_facet = coat_sum + sums.x;
    let until_diffuse = until_facet + sum3(bsdf.diffuse) + sheen_sum;
    let inverse = rcp(until_diffuse + sum3(bsdf.diffuse_through));
    bsdf.until_coat = coat_sum * inverse;
    bsdf.until_facet = until_facet * inverse;
    bsdf.until_diffuse = until_diffuse * inverse;
    bsdf.whole = select(0.0, 1.0, inverse > 0.0);
    return bsdf;
}

// The roughness whose round lobe loses about as much light as a stretched one: seen along the rough axis it is the other's, as light
// spreads in the plane of view; from above, between both.
fn like_roughness(lobe: Lobe, wo: vec3<f32>) -> f32 {
    let x = dot3(wo, lobe.tangent);
    let y = dot3(wo, lobe.bitangent);
    let a = lobe.alpha_y * x;
    let b = lobe.alpha_x * y;
    let alpha2 = a * a + b * b + lobe.alpha_x * lobe.alpha_y * (lobe.cos_o * lobe.cos_o);
    return fmin(sqrt_(sqrt_(alpha2)), 1.0);
}

// The lobe of metal and dielectric, which gets the share `reaching` of the light. Returns what it scatters, summed over channels,
// and the share that is left for the base under it.
fn prepare_lobe(p: BsdfParameters, frame: ShadingFrame, reaching: f32, bsdf: ptr<function, Bsdf>) -> vec2<f32> {
    let alpha = fmax(p.roughness * p.roughness, ALPHA_MIN);
    var tangent = (*bsdf).base.tangent;
    var alpha_x = alpha;
    if p.anisotropy > 0.0 {
        let brushed = normalize3(frame.tangent - frame.normal * dot3(frame.tangent, frame.normal));
        if dot3(brushed, brushed) > 0.5 {
            tangent = brushed;
            alpha_x = mix_(alpha, 1.0, p.anisotropy * p.anisotropy);
        }
    }
    (*bsdf).base = lobe_of(frame.normal, tangent, alpha_x, alpha, (*bsdf).wo);
    let cos_o = (*bsdf).base.cos_o;
    let roughness = select(p.roughness, like_roughness((*bsdf).base, (*bsdf).wo), alpha_x > alpha);
    let albedo = lobe_albedo(cos_o, roughness);
    var f0 = p.dielectric_f0;
    var metal_f0 = p.base_color;
    if p.iridescence > 0.0 {
        f0 = mix3(f0, film_f0(p.film_table, cos_o, p.film_thickness, f0), p.iridescence);
        metal_f0 = mix3(metal_f0, film_f0(p.film_table, cos_o, p.film_thickness, metal_f0), p.iridescence);
    }
    let f90 = p.dielectric_f90;
    let opaque = (1.0 - p.metallic) * (1.0 - p.transmission) * reaching;
    var left = opaque;
    if opaque > 0.0 {
        let scale = multiple_scattering(f0, f90, albedo.mean, albedo.missing);
        let reflected = max3((f0 * albedo.split.x + vec3<f32>(f90 * albedo.split.y)) * scale);
        left = opaque * fmax(1.0 - reflected, 0.0);
        (*bsdf).f0 = f0 * scale * opaque;
        (*bsdf).f90 = scale * (f90 * opaque);
    }
    if p.metallic > 0.0 {
        let scale = multiple_scattering(metal_f0, 1.0, albedo.mean, albedo.missing) * (p.metallic * reaching);
        (*bsdf).f0 = (*bsdf).f0 + metal_f0 * scale;
        (*bsdf).f90 = (*bsdf).f90 + scale;
    }
    let reflected_sum = sum3((*bsdf).f0 * albedo.split.x + (*bsdf).f90 * albedo.split.y);
    let clear = (1.0 - p.metallic) * p.transmission * reaching;
    if clear == 0.0 {
        return vec2<f32>(reflected_sum, left);
    }
    // What of the light that meets microfacets leaves them by reflection and by refraction.
    let passed = albedo.split.x * (1.0 - max3(f0));
    var parts = vec2<f32>(albedo.split.x + albedo.split.y - passed, passed);
    if p.eta > 0.0 {
        parts = table_albedo(p.glass_table, cos_o, roughness);
    }
    let scale = clear * rcp(clamp_(parts.x + parts.y, 0.05, 1.0));
    (*bsdf).f0 = (*bsdf).f0 + f0 * scale;
    (*bsdf).f90 = (*bsdf).f90 + vec3<f32>(f90 * scale);
    (*bsdf).through0 = p.transmission_color * (vec3<f32>(1.0) - f0) * scale;
    (*bsdf).through90 = p.transmission_color * ((1.0 - f90) * scale);
    let clear_sum = (3.0 * parts.x + sum3(p.transmission_color) * parts.y) * scale;
    return vec2<f32>(reflected_sum + clear_sum, left);
}

// The share of a facet's light that it reflects; 2 where nothing refracts.
fn reflected_share(bsdf: ptr<function, Bsdf>, schlick: f32) -> f32 {
    let through = sum3((*bsdf).through0 + ((*bsdf).through90 - (*bsdf).through0) * schlick);
    let reflected = sum3((*bsdf).f0 + ((*bsdf).f90 - (*bsdf).f0) * schlick);
    return select(2.0, div(reflected, reflected + through), through > 0.0);
}

// Value and density for light from `wi`, which may come from below the surface.
fn bsdf_evaluate(bsdf: ptr<function, Bsdf>, wi: vec3<f32>) -> BsdfValue {
    let wo = (*bsdf).wo;
    let along = dot3((*bsdf).base.normal, wi);
    let cosine = abs(along);
    let below = along < 0.0;
    if cosine < COS_MIN {
        return BsdfValue(vec3<f32>(0.0), 0.0);
    }
    let lambert = cosine * INV_PI;
    var value = select((*bsdf).diffuse, (*bsdf).diffuse_through, below) * lambert;
    var pdf = select((*bsdf).until_diffuse - (*bsdf).until_facet, (*bsdf).whole - (*bsdf).until_diffuse, below) * lambert;
    if !below && max3((*bsdf).sheen) > 0.0 {
        let glow = sheen_value((*bsdf).base.normal, wo + wi, (*bsdf).base.cos_o, cosine, (*bsdf).sheen_roughness);
        value = value + (*bsdf).sheen * glow;
    }
    // The lobe of the base, then the coat's: one call of `lobe_evaluate` in the kernel.
    var lobe = (*bsdf).base;
    var share = (*bsdf).until_facet - (*bsdf).until_coat;
    var f0 = select((*bsdf).f0, (*bsdf).through0, below);
    var f90 = select((*bsdf).f90, (*bsdf).through90, below);
    var eta = (*bsdf).eta;
    for (var k = 0u; k < 2u; k = k + 1u) {
        if share > 0.0 {
            let facet = lobe_evaluate(lobe, wo, wi, below, (*bsdf).bend, eta);
            value = value + (f0 + (f90 - f0) * facet.schlick) * facet.value;
            if k == 0u {
                let reflected = fmin(reflected_share(bsdf, facet.schlick), 1.0);
                share = share * select(reflected, 1.0 - reflected, below);
            }
            pdf = pdf + share * facet.pdf;
        }
        if (*bsdf).until_coat == 0.0 || below {
            break;
        }
        lobe = (*bsdf).coat;
        share = select(0.0, (*bsdf).until_coat, dot3(lobe.normal, wi) > COS_MIN);
        f0 = vec3<f32>((*bsdf).coat_f0);
        f90 = vec3<f32>((*bsdf).coat_f90);
        eta = 1.0;
    }
    return BsdfValue(value, pdf);
}

// A direction with the density of `bsdf_evaluate`, or zero where the draw gives none. `choice` picks what scatters, `u` the
// direction; all in [0, 1).
//
// All are one formula: a point of the cap above −v plus v is a normal m seen from v. For a lobe, v is wo in the space stretched by
// its roughness, and the direction mirrors or refracts at m. For the base v is the normal, and m itself has the density of the cosine.
fn bsdf_sample(bsdf: ptr<function, Bsdf>, choice: f32, u: vec2<f32>) -> vec3<f32> {
    let wo = (*bsdf).wo;
    let by_coat = choice < (*bsdf).until_coat;
    let by_facet = choice < (*bsdf).until_facet;
    var below = choice >= (*bsdf).until_diffuse;
    var lobe = (*bsdf).base;
    if by_coat {
        lobe = (*bsdf).coat;
    }
    let n = lobe.normal;
    let stretch_x = select(1.0, lobe.alpha_x, by_facet);
    let stretch_y = select(1.0, lobe.alpha_y, by_facet);
    var v = vec3<f32>(0.0, 0.0, 1.0);
    if by_facet {
        v = normalize3(vec3<f32>(dot3(wo, lobe.tangent) * stretch_x, dot3(wo, lobe.bitangent) * stretch_y, lobe.cos_o));
    }
    let h = cap_normal(v, u);
    let m = normalize3(vec3<f32>(stretch_x * h.x, stretch_y * h.y, h.z));
    var wi = lobe.tangent * m.x + lobe.bitangent * m.y + n * m.z;
    if by_facet {
        let cosine = dot3(wo, wi);
        var bent = wi * (2.0 * cosine) - wo;
        if !by_coat {
            let within = div(choice - (*bsdf).until_coat, (*bsdf).until_facet - (*bsdf).until_coat);
            below = within >= reflected_share(bsdf, schlick_term(clamp_(cosine, 0.0, 1.0), (*bsdf).eta));
        }
        if below && (*bsdf).bend > 0.0 {
            let inverse = rcp((*bsdf).bend);
            let rest = 1.0 - (1.0 - cosine * cosine) * inverse * inverse;
            bent = select(vec3<f32>(0.0), wi * (cosine * inverse - sqrt_(rest)) - wo * inverse, rest > 0.0);
        } else if below {
            bent = bent - n * (2.0 * dot3(n, bent));
        }
        wi = bent;
    } else if below {
        wi = wi - n * (2.0 * m.z);
    }
    let along = dot3((*bsdf).base.normal, wi);
    let valid = select(along > COS_MIN && dot3(n, wi) > COS_MIN, along < -COS_MIN, below);
    return select(vec3<f32>(0.0), wi, valid);
}
