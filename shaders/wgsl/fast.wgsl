// What `--mode fast` puts in place of its namesakes in `math`: the device's own instructions, as precise as its driver likes.
// Nobody imports this file; `shaders/build.rs` says what happens to it. Knows the domains of `math` and none of its error bounds.

fn fmin(a: f32, b: f32) -> f32 {
    return min(a, b);
}

fn fmax(a: f32, b: f32) -> f32 {
    return max(a, b);
}

fn clamp_(x: f32, lo: f32, hi: f32) -> f32 {
    return clamp(x, lo, hi);
}

fn mix_(a: f32, b: f32, t: f32) -> f32 {
    return mix(a, b, t);
}

fn mix3(a: vec3<f32>, b: vec3<f32>, t: f32) -> vec3<f32> {
    return mix(a, b, t);
}

fn dot3(a: vec3<f32>, b: vec3<f32>) -> f32 {
    return dot(a, b);
}

fn cross3(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
    return cross(a, b);
}

// Total as in `math`: +0 for a divisor below the normal range, and never infinity.
fn div(a: f32, b: f32) -> f32 {
    return select(clamp(a / b, -FLOAT_MAX, FLOAT_MAX), 0.0, abs(b) < 1.1754944e-38);
}

fn rcp(x: f32) -> f32 {
    return div(1.0, x);
}

fn sqrt_(x: f32) -> f32 {
    return sqrt(max(x, 0.0));
}

// +0 for x below the normal range, negatives included.
fn rsqrt(x: f32) -> f32 {
    return select(inverseSqrt(max(x, 1.1754944e-38)), 0.0, x < 1.1754944e-38);
}

fn length3(v: vec3<f32>) -> f32 {
    return sqrt_(dot(v, v));
}

// Zero where the length is below 2^-63.
fn normalize3(v: vec3<f32>) -> vec3<f32> {
    return v * rsqrt(dot(v, v));
}

fn sin_cos_turn(u: f32) -> vec2<f32> {
    let angle = u * TAU;
    return vec2<f32>(sin(angle), cos(angle));
}

// In [0, 1); 0 for (0, 0).
fn atan2_turn(y: f32, x: f32) -> f32 {
    let turn = atan2(y, x) * INV_TAU;
    let whole = select(turn, turn + 1.0, turn < 0.0);
    return select(whole, 0.0, whole >= 1.0 || (x == 0.0 && y == 0.0));
}

fn latitude_v(y: f32) -> f32 {
    return saturate(asin(clamp(y, -1.0, 1.0)) * INV_PI + 0.5);
}

fn exp2_(x: f32) -> f32 {
    return select(0.0, exp2(min(x, 126.0)), x >= -60.0);
}

fn log2_(x: f32) -> f32 {
    return log2(x);
}
