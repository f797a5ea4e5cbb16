// Every construct that the generated CPU backend supports, once or in the nest that makes it hard. Not part of the
// renderer: tests run it on both targets and compare bits, and against results worked out by hand.

struct Inner {
    direction: vec3<f32>,
    weight: f32,
    flags: vec2<u32>,
}

// Padding before `axis` (12 bytes), within `inners`, and at the end.
struct Padded {
    first: u32,
    axis: vec3<f32>,
    inners: array<Inner, 2>,
    shift: vec2<i32>,
    last: f32,
}

struct TortureParams {
    count: u32,
    seed: u32,
    scale: f32,
    offset: i32,
}

// No buffer holds this one, so it has no padding.
struct Local {
    type_: u32,
    ok: bool,
    vector: vec3<f32>,
}

@group(0) @binding(0) var<storage, read> params: TortureParams;
@group(0) @binding(1) var<storage, read> inputs: array<u32>;
@group(0) @binding(2) var<storage, read> records: array<Padded>;
@group(0) @binding(3) var<storage, read> points: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> results: array<u32>;

const COLUMNS: u32 = 64u;
const NEGATIVE: f32 = -0.75;
const CORNER: vec3<f32> = vec3<f32>(1.0, -2.0, 0.25);
const SHAPE: Local = Local(7u, true, CORNER);
const ABSTRACT = 12;

fn hash(x: u32) -> u32 {
    var h = x * 0x9e3779b9u;
    h = h ^ (h >> 16u);
    h = h * 0x85ebca6bu + 1u;
    return h ^ (h << 13u);
}

fn integers(a: u32, b: u32) -> u32 {
    var h = a + b;
    h = h * 31u + (a - b);
    h = h * 31u + a * b;
    h = h * 31u + a / b;
    h = h * 31u + a % b;
    h = h * 31u + (a & b) + (a | b) + (a ^ b) + ~a;
    h = h * 31u + (a << (b & 31u)) + (a >> (b & 31u));
    h = h * 31u + min(a, b) + max(a, b) * 3u + clamp(a, 100u, b);
    h = h * 31u + countLeadingZeros(a) + countTrailingZeros(b) * 33u + countOneBits(a);
    h = h * 31u + firstLeadingBit(a) + firstTrailingBit(b);
    h = h * 31u + reverseBits(a);
    h = h * 31u + extractBits(a, b & 31u, 9u) + insertBits(a, b, 5u, b & 63u);
    return h + abs(a) + u32(ABSTRACT);
}

fn signed(a: i32, b: i32) -> u32 {
    var h = a + b;
    h = h * 31 + (a - b);
    h = h * 31 + a * b;
    h = h * 31 + a / b;
    h = h * 31 + a % b;
    h = h * 31 + (a & b) + (a | b) + (a ^ b) + ~a;
    h = h * 31 + (a << (u32(b) & 31u)) + (a >> (u32(b) & 31u));
    h = h * 31 + min(a, b) + max(a, b) * 3 + clamp(a, -100, b);
    h = h * 31 + abs(a) + sign(b) * 7 - a;
    h = h * 31 + countLeadingZeros(a) + countTrailingZeros(b) + countOneBits(a);
    h = h * 31 + firstLeadingBit(a) + firstTrailingBit(b);
    h = h * 31 + reverseBits(a);
    h = h * 31 + extractBits(a, 3u, 11u) + insertBits(a, b, 5u, 17u);
    h = h * 31 + dot(vec3<i32>(a, b, 3), vec3<i32>(b, 5, a));
    return bitcast<u32>(h);
}

// The mantissa of any bits, in [1, 2), with a sign: no special values.
fn float_of(bits: u32) -> f32 {
    let magnitude = bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u);
    return select(magnitude, -magnitude, (bits >> 31u) == 1u);
}

fn floats(x: f32, y: f32) -> u32 {
    var r = x + y * 3.0;
    r = r - x * y;
    r = -r * NEGATIVE + abs(y);
    r = r + floor(x * 100.0) + ceil(y * 100.0) + trunc(x * y * 1000.0);
    r = r + f32(u32(abs(x) * 1000.0)) + f32(i32(y * 1000.0));
    r = r + select(0.5, 0.25, x < y) + select(8.0, 4.0, x >= y) + f32(x != y) + f32(x == y);
    if (x <= y || y > 1.5) && !(x > 1.75) {
        r = r * 0.5;
    }
    return bitcast<u32>(r);
}

// Conversions at and beyond the ends of the integer ranges.
fn casts(bits: u32) -> vec4<u32> {
    let x = float_of(bits);
    let big = x * 4294967296.0;
    return vec4<u32>(u32(big), bitcast<u32>(i32(big)), u32(x * 2147483648.0), bitcast<u32>(i32(x * 1073741824.0)));
}

fn vectors(p: vec4<f32>, q: vec4<f32>, index: u32) -> u32 {
    var v = p.xyz * q.w + q.zyx;
    v = 0.5 * v - p.www;
    v = v * q.xyz + vec3<f32>(p.xy, 1.0) + CORNER;
    v[index % 3u] = v[(index + 1u) % 3u] + 1.0;
    v.y += p[index & 3u];
    let less = v < select(q.xyz, v, (vec3<u32>(index) & vec3<u32>(16u, 32u, 64u)) == vec3<u32>(0u));
    v = select(v, -v, less);
    v = select(v, v + 1.0, all(less) || any(v.xy > p.zw));
    let w = abs(floor(vec4<f32>(v, 2.5)));
    let u = vec4<u32>(w) + vec4<u32>(1u, index, 3u, 4u) * 2u;
    let s = vec4<i32>(u) / vec4<i32>(-3, 2, i32(index & 1u), 5) - vec2<i32>(1, -1).xyxy;
    let m = bitcast<vec4<u32>>(s) ^ (u << vec4<u32>(1u, 2u, 3u, 4u)) ^ (u % vec4<u32>(7u, index & 1u, 5u, 3u));
    let f = vec3<f32>(s.xyz) * vec3<f32>(less);
    return m.x + m.y * 3u + m.z * 5u + m.w * 7u + bitcast<u32>(f.x + f.y + f.z) + dot(u, m);
}

fn bump(counter: ptr<function, u32>, by: u32) -> u32 {
    *counter += by;
    if *counter > 1000u {
        return 1u;
    }
    return 0u;
}

fn twice(counter: ptr<function, u32>, by: u32) -> u32 {
    return bump(counter, by) + bump(counter, by * 2u);
}

fn fill(stack: ptr<function, array<u32, 8>>, at: u32, value: u32) {
    (*stack)[at & 7u] = value;
    if at > 100u {
        return;
    }
    (*stack)[(at + 1u) & 7u] ^= value >> 3u;
}

fn arrays(seed: u32) -> u32 {
    var stack: array<u32, 8>;
    var top = 0u;
    var counter = seed & 0xffu;
    for (var i = 0u; i < 20u; i++) {
        fill(&stack, hash(seed + i), i * 77u);
        top += twice(&counter, stack[i % 8u] & 0xffu);
    }
    var grid: array<array<vec2<u32>, 3>, 2>;
    grid[top & 1u][seed % 3u].y = counter;
    grid[1][2] = vec2<u32>(stack[3], top);
    let copy = grid;
    var sum = 0u;
    for (var i = 0u; i < 6u; i++) {
        sum = sum * 5u + copy[i / 3u][i % 3u].x + 2u * grid[i / 3u][i % 3u].y;
    }
    return sum + counter;
}

// `break` in a `switch` in a loop, `continue` in a `switch`, a `continuing` block that reads the body.
fn flow(seed: u32) -> u32 {
    var h = seed;
    var rounds = 0u;
    loop {
        let step = hash(h) % 11u;
        rounds += 1u;
        switch step {
            case 0u: {
                h += 1u;
                if (h & 1u) == 0u {
                    break;
                }
                h += 10u;
            }
            case 1u, 2u: {
                h *= 3u;
                continue;
            }
            case 3u, default: {
                h ^= 0x55u;
            }
            case 4u: {
                if rounds > 3u {
                    return h + 4u;
                }
            }
            case 5u: {
            }
        }
        if step > 8u {
            break;
        }
        for (var j = 0i; j < 5; j++) {
            if j == i32(step) {
                continue;
            }
            if j == 4 {
                break;
            }
            h += u32(j);
        }
        continuing {
            h = h * 7u + step;
            break if rounds >= 12u || step == 7u;
        }
    }
    while h > 1000u {
        h = h >> 3u;
        if h == 5000u {
            continue;
        }
        h -= 1u;
    }
    return h * 16u + rounds;
}

fn make(x: f32, flag: bool) -> Local {
    var local = Local(3u, flag, vec3<f32>(x));
    local.vector.y = 2.0;
    if flag {
        local = SHAPE;
        local.type_ += 1u;
    }
    return local;
}

fn structs(index: u32) -> u32 {
    let record = records[index % arrayLength(&records)];
    let local = make(record.last, record.first > 2u);
    var inner = record.inners[index & 1u];
    inner.flags.x += 1u;
    inner.direction[index % 3u] = local.vector.z;
    let sum = inner.direction + record.axis * local.vector + points[index % arrayLength(&points)].xyz;
    let blank = Inner();
    return bitcast<u32>(sum.x + sum.y + sum.z + inner.weight + blank.weight)
        + inner.flags.x * inner.flags.y
        + u32(record.shift.x - record.shift.y + params.offset)
        + local.type_
        + select(0u, 100u, local.ok);
}

// What backends may replace: both targets must agree on it.
fn trace(seed: u32, depth: ptr<function, u32>) -> u32 {
    *depth += 1u;
    return hash(seed ^ params.seed);
}

// What backends may replace by an instruction.
fn div(a: f32, b: f32) -> f32 {
    return a * b;
}

fn ratio(a: f32, b: f32) -> f32 {
    return div(a, b);
}

fn column(index: u32, which: u32) -> u32 {
    let a = inputs[index % arrayLength(&inputs)];
    let b = inputs[(index * 7u + 3u) % arrayLength(&inputs)];
    let p = vec4<f32>(float_of(a), float_of(b), float_of(hash(a)), float_of(hash(b)));
    switch which {
        case 0u: { return integers(a, b); }
        case 1u: { return signed(bitcast<i32>(a), bitcast<i32>(b)); }
        case 2u: { return floats(p.x, select(p.y * params.scale, p.x, (a & 7u) == 0u)); }
        case 3u: { let c = casts(a); return c.x ^ (c.y * 3u) ^ (c.z * 5u) ^ (c.w * 7u); }
        case 4u: { return vectors(p, p.wxzy, a); }
        case 5u: { return arrays(a); }
        case 6u: { return flow(a); }
        case 7u: { return structs(index); }
        default: {
            var depth = which;
            let traced = trace(a, &depth);
            return traced + depth;
        }
    }
}

@compute @workgroup_size(64)
fn torture(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.count {
        return;
    }
    for (var which = 0u; which < 9u; which++) {
        results[id.x * 9u + which] = column(id.x, which);
    }
}
