#import math
#import scene
// Texture lookups: coordinates to texels and their filtering. Knows no material.

// From here on texture coordinates have no fraction; larger ones, infinities and NaN are read as 0.
const UV_MAX: f32 = 8388608.0;

// One texel; colour is linear.
fn texel_color(image: Image, x: u32, y: u32) -> vec4<f32> {
    let word = texel_word(image.texel_start + y * image.width + x);
    let r = word & 0xffu;
    let g = (word >> 8u) & 0xffu;
    let b = (word >> 16u) & 0xffu;
    let alpha = f32(word >> 24u) * 0.003921569;
    if image.format == IMAGE_SRGB8 {
        return vec4<f32>(tables[TABLE_SRGB + r], tables[TABLE_SRGB + g], tables[TABLE_SRGB + b], alpha);
    }
    return vec4<f32>(vec3<f32>(f32(r), f32(g), f32(b)) * 0.003921569, alpha);
}

// A texture coordinate folded into 0..1 by a wrap mode.
fn wrap_coordinate(coordinate: f32, mode: u32) -> f32 {
    let t = select(0.0, coordinate, abs(coordinate) < UV_MAX);
    if mode == WRAP_CLAMP {
        return saturate_(t);
    }
    if mode == WRAP_MIRROR {
        let phase = t - 2.0 * floor(t * 0.5);
        return select(phase, 2.0 - phase, phase > 1.0);
    }
    return t - floor(t);
}

// The column or row of a tap in −1..size: beyond the edge it repeats or stays.
fn wrap_texel(tap: i32, size: i32, mode: u32) -> u32 {
    let clamped = min(max(tap, 0), size - 1);
    let repeated = select(select(tap, tap - size, tap >= size), tap + size, tap < 0);
    return u32(select(repeated, clamped, mode == WRAP_CLAMP || mode == WRAP_MIRROR));
}

// The filtered texel of a slot; `uv` holds both coordinate sets.
fn sample_slot(slot: u32, uv: vec4<f32>) -> vec4<f32> {
    let flags = texture_slots[slot].flags;
    let image = images[texture_slots[slot].image];
    let at = select(uv.xy, uv.zw, (flags & SLOT_UV1) != 0u);
    let row_u = texture_slots[slot].row_u;
    let row_v = texture_slots[slot].row_v;
    let mode_u = flags & 3u;
    let mode_v = (flags >> 2u) & 3u;
    // In 0..size, as sizes are far below 2^24.
    let u = wrap_coordinate(row_u[0] * at.x + row_u[1] * at.y + row_u[2], mode_u) * f32(image.width);
    let v = wrap_coordinate(row_v[0] * at.x + row_v[1] * at.y + row_v[2], mode_v) * f32(image.height);
    let nearest = (flags & SLOT_NEAREST) != 0u;
    let x = select(u - 0.5, floor(u), nearest);
    let y = select(v - 0.5, floor(v), nearest);
    let left = floor(x);
    let top = floor(y);
    let width = i32(image.width);
    let height = i32(image.height);
    let x0 = wrap_texel(i32(left), width, mode_u);
    let y0 = wrap_texel(i32(top), height, mode_v);
    if nearest {
        return texel_color(image, x0, y0);
    }
    let x1 = wrap_texel(i32(left) + 1, width, mode_u);
    let y1 = wrap_texel(i32(top) + 1, height, mode_v);
    let fx = x - left;
    let fy = y - top;
    let upper = texel_color(image, x0, y0) * (1.0 - fx) + texel_color(image, x1, y0) * fx;
    let lower = texel_color(image, x0, y1) * (1.0 - fx) + texel_color(image, x1, y1) * fx;
    return upper * (1.0 - fy) + lower * fy;
}
