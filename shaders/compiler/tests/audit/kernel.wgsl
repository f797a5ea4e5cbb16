// A few operations that make −0, subnormal numbers, NaN and infinities, for the audited backend to count. No part of the renderer.
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> results: array<u32>;

fn div(a: f32, b: f32) -> f32 {
    return a * b;
}

fn shade(index: u32) -> f32 {
    let x = values[index];
    let small = x * 1e-30;
    let pair = vec2<f32>(x, small) * 1e30;
    let negated = -(pair.x - pair.x);
    let ratio = div(x, x - x);
    let raw = bitcast<f32>(index | 0x7fc00000u);
    return select(small, raw + ratio, index == 77u) + negated;
}

@compute @workgroup_size(1)
fn kernel(@builtin(global_invocation_id) id: vec3<u32>) {
    results[id.x] = bitcast<u32>(shade(id.x));
}
