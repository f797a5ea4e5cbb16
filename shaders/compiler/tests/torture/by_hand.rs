//! What `torture.wgsl` must compute, written by hand from the WGSL specification in wider integers and plain loops.

use crate::generated::{Bindings, Inner};

fn hash(x: u32) -> u32 {
    let mut h = (u64::from(x) * 0x9e37_79b9) as u32;
    h ^= h >> 16;
    h = (u64::from(h) * 0x85eb_ca6b + 1) as u32;
    h ^ (u64::from(h) << 13) as u32
}

/// `h·31 + x` in 32 bits.
fn fold(h: i64, x: i64) -> i64 {
    (h * 31 + x) & 0xffff_ffff
}

fn integers(a: u32, b: u32) -> u32 {
    let (x, y) = (i64::from(a), i64::from(b));
    let bits = |value: u32| format!("{value:032b}");
    let leading = bits(a).find('1').unwrap_or(32) as i64;
    let trailing = bits(b).chars().rev().position(|c| c == '1').unwrap_or(32) as i64;
    let ones = bits(a).matches('1').count() as i64;
    let reversed = i64::from_str_radix(&bits(a).chars().rev().collect::<String>(), 2).unwrap();
    let (offset, count) = (b & 31, 9.min(32 - (b & 31)));
    let extracted = (x >> offset) % (1 << count);
    let width = (b & 63).min(27);
    let field = ((1i64 << width) - 1) << 5;
    let inserted = (x & !field) | ((y << 5) & field);
    let mut h = fold(0, x + y);
    h = fold(h, x - y);
    h = fold(h, (i128::from(a) * i128::from(b)) as i64);
    h = fold(h, if b == 0 { x } else { x / y });
    h = fold(h, if b == 0 { 0 } else { x % y });
    h = fold(h, (x & y) + (x | y) + (x ^ y) + (0xffff_ffff - x));
    h = fold(h, ((x << (b % 32)) & 0xffff_ffff) + (x >> (b % 32)));
    h = fold(h, x.min(y) + x.max(y) * 3 + x.max(100).min(y));
    h = fold(h, leading + trailing * 33 + ones);
    h = fold(h, (31 - leading) + if b == 0 { -1 } else { trailing });
    h = fold(h, reversed);
    h = fold(h, extracted + inserted);
    (h + x + 12) as u32
}

fn signed(a: i32, b: i32) -> u32 {
    let (x, y) = (i64::from(a), i64::from(b));
    let (ua, ub) = (a as u32, b as u32);
    let overflow = b == 0 || (a == i32::MIN && b == -1);
    let shift = ub % 32;
    let leading =
        if a == 0 || a == -1 { -1 } else { 31 - i64::from(if a < 0 { !ua } else { ua }.leading_zeros()) };
    let extracted = i64::from(a << (32 - 14) >> (32 - 11));
    let field = ((1i64 << 17) - 1) << 5;
    let mut h = fold(0, x + y);
    h = fold(h, x - y);
    h = fold(h, (i128::from(a) * i128::from(b)) as i64);
    h = fold(h, if overflow { x } else { x / y });
    h = fold(h, if overflow { 0 } else { x % y });
    h = fold(h, (x & y) + (x | y) + (x ^ y) + !x);
    h = fold(h, (x << shift) + (x >> shift));
    h = fold(h, x.min(y) + x.max(y) * 3 + x.max(-100).min(y));
    h = fold(h, x.abs() + y.signum() * 7 - x);
    h = fold(h, i64::from(ua.leading_zeros()) + i64::from(ub.trailing_zeros()) + i64::from(ua.count_ones()));
    h = fold(h, leading + if b == 0 { -1 } else { i64::from(ub.trailing_zeros()) });
    h = fold(h, i64::from(ua.reverse_bits()));
    h = fold(h, extracted + ((x & !field) | ((y << 5) & field)));
    fold(h, ((i128::from(a) * i128::from(b)) as i64) + y * 5 + 3 * x) as u32
}

fn float_of(bits: u32) -> f32 {
    let magnitude = 1.0 + (bits & 0x007f_ffff) as f32 / 8_388_608.0;
    if bits >> 31 == 1 { -magnitude } else { magnitude }
}

fn floats(x: f32, y: f32) -> u32 {
    let mut r = x + y * 3.0;
    r -= x * y;
    r = -r * -0.75 + y.abs();
    r = r + (x * 100.0).floor() + (y * 100.0).ceil() + (x * y * 1000.0).trunc();
    r = r + (x.abs() * 1000.0).floor() + (y * 1000.0).trunc();
    let smaller = if x < y { 0.25 } else { 0.5 };
    let greater = if x >= y { 4.0 } else { 8.0 };
    r = r + smaller + greater + if x != y { 1.0 } else { 0.0 } + if x == y { 1.0 } else { 0.0 };
    if (x <= y || y > 1.5) && x <= 1.75 {
        r *= 0.5;
    }
    r.to_bits()
}

fn casts(bits: u32) -> u32 {
    let x = f64::from(float_of(bits));
    let unsigned = |value: f64| value.clamp(0.0, 4_294_967_040.0) as u32;
    let signed = |value: f64| value.clamp(-2_147_483_648.0, 2_147_483_520.0) as i32 as u32;
    let parts = [
        unsigned(x * 4_294_967_296.0),
        signed(x * 4_294_967_296.0),
        unsigned(x * 2_147_483_648.0),
        signed(x * 1_073_741_824.0),
    ];
    parts.iter().zip([1u32, 3, 5, 7]).fold(0, |sum, (part, by)| sum ^ part.wrapping_mul(by))
}

fn vectors(p: [f32; 4], q: [f32; 4], index: u32) -> u32 {
    let corner = [1.0, -2.0, 0.25];
    let added = [p[0], p[1], 1.0];
    let mut v: [f32; 3] = std::array::from_fn(|i| {
        let first = p[i] * q[3] + q[2 - i];
        let second = 0.5 * first - p[3];
        second * q[i] + added[i] + corner[i]
    });
    v[index as usize % 3] = v[(index.wrapping_add(1) % 3) as usize] + 1.0;
    v[1] += p[index as usize & 3];
    let less: [bool; 3] = std::array::from_fn(|i| v[i] < q[i] && index >> (4 + i) & 1 == 1);
    for (component, less) in v.iter_mut().zip(less) {
        *component = if less { -*component } else { *component };
    }
    if less == [true; 3] || v[0] > p[2] || v[1] > p[3] {
        v = v.map(|component| component + 1.0);
    }
    let w = [v[0], v[1], v[2], 2.5].map(|component| component.floor().abs());
    let added = [1, index, 3, 4];
    let u: [u32; 4] = std::array::from_fn(|i| (w[i] as u32).wrapping_add(added[i] << 1));
    let divisors = [-3i64, 2, i64::from(index & 1), 5];
    let s: [i32; 4] = std::array::from_fn(|i| {
        let dividend = i64::from(u[i] as i32);
        let quotient = if divisors[i] == 0 { dividend } else { dividend / divisors[i] };
        (quotient - [1, -1, 1, -1][i]) as i32
    });
    let moduli = [7, index & 1, 5, 3];
    let m: [u32; 4] = std::array::from_fn(|i| {
        let rest = if moduli[i] == 0 { 0 } else { u[i] % moduli[i] };
        s[i] as u32 ^ (u[i] << (i + 1)) ^ rest
    });
    let f: [f32; 3] = std::array::from_fn(|i| s[i] as f32 * if less[i] { 1.0 } else { 0.0 });
    let dot = (0..4).fold(0u32, |sum, i| sum.wrapping_add(u[i].wrapping_mul(m[i])));
    [(m[0], 1), (m[1], 3), (m[2], 5), (m[3], 7), ((f[0] + f[1] + f[2]).to_bits(), 1), (dot, 1)]
        .iter()
        .fold(0u32, |sum, &(value, by): &(u32, u32)| sum.wrapping_add(value.wrapping_mul(by)))
}

fn arrays(seed: u32) -> u32 {
    let mut stack = [0u32; 8];
    let mut top = 0u32;
    let mut counter = seed % 256;
    for i in 0..20u32 {
        let at = hash(seed.wrapping_add(i));
        stack[at as usize % 8] = i * 77;
        if at <= 100 {
            stack[(at as usize + 1) % 8] ^= (i * 77) / 8;
        }
        let by = stack[i as usize % 8] % 256;
        counter += by;
        top += u32::from(counter > 1000);
        counter += 2 * by;
        top += u32::from(counter > 1000);
    }
    let mut grid = [[[0u32; 2]; 3]; 2];
    grid[top as usize % 2][seed as usize % 3][1] = counter;
    grid[1][2] = [stack[3], top];
    let cells = grid.as_flattened();
    let sum = cells
        .iter()
        .fold(0u32, |sum, cell| sum.wrapping_mul(5).wrapping_add(cell[0]).wrapping_add(2 * cell[1]));
    sum.wrapping_add(counter)
}

fn flow(seed: u32) -> u32 {
    let mut h = seed;
    let mut rounds = 0;
    loop {
        let step = hash(h) % 11;
        rounds += 1;
        let mut next_round = false;
        match step {
            0 => {
                h = h.wrapping_add(1);
                if h % 2 == 1 {
                    h = h.wrapping_add(10);
                }
            }
            1 | 2 => {
                h = h.wrapping_mul(3);
                next_round = true;
            }
            4 => {
                if rounds > 3 {
                    return h.wrapping_add(4);
                }
            }
            5 => {}
            _ => h ^= 0x55,
        }
        if !next_round {
            if step > 8 {
                break;
            }
            h = (0..4).filter(|&j| j != step).fold(h, u32::wrapping_add);
        }
        h = h.wrapping_mul(7).wrapping_add(step);
        if rounds >= 12 || step == 7 {
            break;
        }
    }
    while h > 1000 {
        h /= 8;
        if h != 5000 {
            h -= 1;
        }
    }
    h.wrapping_mul(16).wrapping_add(rounds)
}

fn structs(b: &Bindings<'_>, index: u32) -> u32 {
    let record = &b.records[index as usize % b.records.len()];
    let (kind, ok, vector) = if record.first > 2 {
        (8, true, [1.0, -2.0, 0.25])
    } else {
        (3, false, [record.last, 2.0, record.last])
    };
    let Inner { direction, weight, mut flags, .. } = record.inners[index as usize % 2];
    flags.x += 1;
    let mut direction = direction.to_array();
    direction[index as usize % 3] = vector[2];
    let axis = record.axis.to_array();
    let point = b.points[index as usize % b.points.len()].to_array();
    let sum: [f32; 3] = std::array::from_fn(|i| direction[i] + axis[i] * vector[i] + point[i]);
    let total = i64::from((sum[0] + sum[1] + sum[2] + weight + 0.0).to_bits())
        + i64::from(flags.x) * i64::from(flags.y)
        + i64::from(record.shift.x - record.shift.y + b.params.offset)
        + kind
        + if ok { 100 } else { 0 };
    total as u32
}

/// Column `which` of item `index`.
pub fn column(b: &Bindings<'_>, index: u32, which: u32) -> u32 {
    let input = |at: u32| b.inputs[at as usize % b.inputs.len()];
    let (a, c) = (input(index), input(index * 7 + 3));
    let p = [float_of(a), float_of(c), float_of(hash(a)), float_of(hash(c))];
    match which {
        0 => integers(a, c),
        1 => signed(a as i32, c as i32),
        2 => floats(p[0], if a % 8 == 0 { p[0] } else { p[1] * b.params.scale }),
        3 => casts(a),
        4 => vectors(p, [p[3], p[0], p[2], p[1]], a),
        5 => arrays(a),
        6 => flow(a),
        7 => structs(b, index),
        _ => hash(a ^ b.params.seed).wrapping_add(which + 1),
    }
}
