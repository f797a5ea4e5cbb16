#import math
#import scene
// The media that a ray travels through, KHR_materials_volume: which they are, and what they leave of its light. Knows no surface but
// as the boundary of a medium, whose index is its material's.

// The medium around the ray, and the one around that; NONE is empty space.
struct Media {
    inner: u32,
    outer: u32,
}

// The media beyond a surface of `material`, `entering` from its front. A thin surface bounds nothing. Objects that overlap are
// left in any order; what lies three deep is forgotten.
fn media_beyond(media: Media, material: u32, entering: bool) -> Media {
    if (materials[material].flags & MATERIAL_VOLUME) == 0u {
        return media;
    }
    if entering {
        return Media(material, media.inner);
    }
    if media.inner == material {
        return Media(media.outer, NONE);
    }
    return Media(media.inner, select(media.outer, NONE, media.outer == material));
}

// The share of light that `distance` metres of a medium let through, by channel (Beer and Lambert).
fn transmittance(medium: u32, distance: f32) -> vec3<f32> {
    if medium == NONE {
        return vec3<f32>(1.0);
    }
    let halvings = materials[medium].attenuation * fmin(distance, 1e12);
    return vec3<f32>(exp2_(0.0 - halvings.x), exp2_(0.0 - halvings.y), exp2_(0.0 - halvings.z));
}
