//! What the indices of `wgsl/operations.wgsl` mean: names, operands, and for which operands every device must agree.
//! Knows neither how operands are made nor who runs them.

/// One case of the switch in `operations.wgsl`.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The fourth word of its vectors.
    pub index: u32,
    /// What it computes of words a, b and c, in WGSL or as the library function's name.
    pub name: &'static str,
    /// The kinds of a, b and c.
    pub operands: [Operand; 3],
    /// Where results must be equal on every device.
    pub exact: Exact,
}

/// What a word of a vector holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Bits of any float.
    Float,
    /// Bits of a float in 0..=1.
    Unit,
    /// Bits of a float in −1..=1.
    SignedUnit,
    /// Any word.
    Word,
    /// An integer from 0 to this, inclusive.
    UpTo(u32),
    /// Not read; zero.
    Unused,
}

/// Values that a float operation computes: first its results, then what it computes on the way; the rest is zero.
pub type Steps = [f32; 12];

/// The domain of exactness of an operation.
#[derive(Clone, Copy, Debug)]
pub enum Exact {
    /// All operands.
    Always,
    /// Operands and every value computed are +0 or normal (DESIGN §1.3). The function is also the operation's meaning: its
    /// first values are the results.
    Steps(fn(f32, f32, f32) -> Steps),
    /// Operands are +0 or normal, and this holds of them.
    Clean(fn(f32, f32, f32) -> bool),
    /// This holds of the operands.
    When(fn(f32, f32, f32) -> bool),
}

/// Whether a float is +0 or normal: what may matter to a result.
pub fn is_clean(x: f32) -> bool {
    x.to_bits() == 0 || x.is_normal()
}

impl Operation {
    /// Whether every exact device gives the same bits for these operands.
    pub fn is_exact(&self, operands: [u32; 3]) -> bool {
        let [a, b, c] = operands.map(f32::from_bits);
        let clean = self.operands.iter().zip([a, b, c]).all(|(kind, x)| !kind.is_float() || is_clean(x));
        match self.exact {
            Exact::Always => true,
            Exact::Steps(steps) => clean && steps(a, b, c).into_iter().all(is_clean),
            Exact::Clean(holds) => clean && holds(a, b, c),
            Exact::When(holds) => holds(a, b, c),
        }
    }
}

impl Operand {
    fn is_float(self) -> bool {
        matches!(self, Operand::Float | Operand::Unit | Operand::SignedUnit)
    }
}

/// Every operation, ascending by index.
pub fn operations() -> &'static [Operation] {
    TABLE
}

/// Names in the order of [`operations`].
pub fn operation_names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|operation| operation.name)
}

/// Results and intermediate values, padded with zeros.
fn steps<const N: usize>(values: [f32; N]) -> Steps {
    let mut padded = [0.0; 12];
    padded[..N].copy_from_slice(&values);
    padded
}

fn any(_: f32, _: f32, _: f32) -> bool {
    true
}

fn finite(a: f32, b: f32, c: f32) -> bool {
    a.is_finite() && b.is_finite() && c.is_finite()
}

/// The fourth factor of the two-product shapes: a with its lowest bit flipped.
fn neighbour(a: f32) -> f32 {
    f32::from_bits(a.to_bits() ^ 1)
}

const F3: [Operand; 3] = [Operand::Float; 3];
const F2: [Operand; 3] = [Operand::Float, Operand::Float, Operand::Unused];
const F1: [Operand; 3] = [Operand::Float, Operand::Unused, Operand::Unused];
const W3: [Operand; 3] = [Operand::Word; 3];
const W2: [Operand; 3] = [Operand::Word, Operand::Word, Operand::Unused];
const W1: [Operand; 3] = [Operand::Word, Operand::Unused, Operand::Unused];

const fn row(index: u32, name: &'static str, operands: [Operand; 3], exact: Exact) -> Operation {
    Operation { index, name, operands, exact }
}

const TWO_31: f32 = 2147483648.0;
const TWO_126: f32 = 8.507_059e37;

use Exact::{Always, Clean, When};
use Operand::{Float, SignedUnit, Unit, Unused, UpTo};

#[rustfmt::skip]
const TABLE: &[Operation] = &[
    // One float operation.
    row(0, "a + b", F2, Exact::Steps(|a, b, _| steps([a + b]))),
    row(1, "a - b", F2, Exact::Steps(|a, b, _| steps([a - b]))),
    row(2, "a * b", F2, Exact::Steps(|a, b, _| steps([a * b]))),
    row(3, "-a", F1, Exact::Steps(|a, _, _| steps([-a]))),
    row(4, "abs(a)", F1, Exact::Steps(|a, _, _| steps([a.abs()]))),
    row(5, "floor(a)", F1, Exact::Steps(|a, _, _| steps([a.floor()]))),
    row(6, "trunc(a)", F1, Exact::Steps(|a, _, _| steps([a.trunc()]))),
    row(7, "a < b", F2, Clean(any)),
    row(8, "a <= b", F2, Clean(any)),
    row(9, "a > b", F2, Clean(any)),
    row(10, "a >= b", F2, Clean(any)),
    row(11, "a == b", F2, Clean(any)),
    row(12, "a != b", F2, Clean(any)),
    row(13, "select(a, b, c > 0.0)", F3, Exact::Steps(|a, b, c| steps([if c > 0.0 { b } else { a }]))),
    row(14, "bitcast", W1, Always),
    row(15, "f32(u32)", [UpTo(1 << 24), Unused, Unused], Always),
    row(16, "f32(i32)", W1, When(|a, _, _| (a.to_bits() as i32).unsigned_abs() <= 1 << 24)),
    row(17, "u32(a)", F1, Clean(|a, _, _| (0.0..TWO_31).contains(&a))),
    row(18, "i32(a)", F1, Clean(|a, _, _| a.abs() < TWO_31)),
    row(19, "vec3(a, b, c) + vec3(b, c, a)", F3, Exact::Steps(|a, b, c| steps([a + b, b + c, c + a]))),
    row(20, "vec3(a, b, c) - vec3(b, c, a)", F3, Exact::Steps(|a, b, c| steps([a - b, b - c, c - a]))),
    row(21, "vec3(a, b, c) * vec3(b, c, a)", F3, Exact::Steps(|a, b, c| steps([a * b, b * c, c * a]))),
    row(22, "vec3(a, b, c) * b", F3, Exact::Steps(|a, b, c| steps([a * b, b * b, c * b]))),
    row(23, "floor(vec3(a, b, c))", F3, Exact::Steps(|a, b, c| steps([a.floor(), b.floor(), c.floor()]))),
    row(24, "abs(vec3(a, b, c))", F3, Exact::Steps(|a, b, c| steps([a.abs(), b.abs(), c.abs()]))),
    row(25, "select(vec3(a, b, c), vec3(b, c, a), a < b …)", F3, Exact::Steps(|a, b, c| {
        steps([if a < b { b } else { a }, if b < c { c } else { b }, if c < a { a } else { c }])
    })),

    // Shapes that compilers contract, reassociate or distribute. d is a with its lowest bit flipped.
    row(32, "a * b + c", F3, Exact::Steps(|a, b, c| steps([a * b + c, a * b]))),
    row(33, "c + a * b", F3, Exact::Steps(|a, b, c| steps([c + a * b, a * b]))),
    row(34, "a * b - c", F3, Exact::Steps(|a, b, c| steps([a * b - c, a * b]))),
    row(35, "c - a * b", F3, Exact::Steps(|a, b, c| steps([c - a * b, a * b]))),
    row(36, "-(a * b) + c", F3, Exact::Steps(|a, b, c| steps([-(a * b) + c, -(a * b)]))),
    row(37, "-(a * b) - c", F3, Exact::Steps(|a, b, c| steps([-(a * b) - c, -(a * b)]))),
    row(38, "(-a) * b + c", F3, Exact::Steps(|a, b, c| steps([(-a) * b + c, (-a) * b]))),
    row(39, "a * b - c * d", F3, Exact::Steps(|a, b, c| {
        let d = neighbour(a);
        steps([a * b - c * d, a * b, c * d, d])
    })),
    row(40, "a * b + c * d", F3, Exact::Steps(|a, b, c| {
        let d = neighbour(a);
        steps([a * b + c * d, a * b, c * d, d])
    })),
    row(41, "a * a - b * b", F2, Exact::Steps(|a, b, _| steps([a * a - b * b, a * a, b * b]))),
    row(42, "(a + b) + c", F3, Exact::Steps(|a, b, c| steps([(a + b) + c, a + b]))),
    row(43, "a + (b + c)", F3, Exact::Steps(|a, b, c| steps([a + (b + c), b + c]))),
    row(44, "(a + b) - a", F2, Exact::Steps(|a, b, _| steps([(a + b) - a, a + b]))),
    row(45, "(a - b) + b", F2, Exact::Steps(|a, b, _| steps([(a - b) + b, a - b]))),
    row(46, "(a * b) * c", F3, Exact::Steps(|a, b, c| steps([(a * b) * c, a * b]))),
    row(47, "a * (b * c)", F3, Exact::Steps(|a, b, c| steps([a * (b * c), b * c]))),
    row(48, "a * b + a * c", F3, Exact::Steps(|a, b, c| steps([a * b + a * c, a * b, a * c]))),
    row(49, "a * (b + c)", F3, Exact::Steps(|a, b, c| steps([a * (b + c), b + c]))),
    row(50, "(a + b) * c", F3, Exact::Steps(|a, b, c| steps([(a + b) * c, a + b]))),
    row(51, "(a - b) * (a - b)", F2, Exact::Steps(|a, b, _| steps([(a - b) * (a - b), a - b]))),
    row(52, "a * 2.0 + b", F2, Exact::Steps(|a, b, _| steps([a * 2.0 + b, a * 2.0]))),
    row(53, "1.0 - a * b", F2, Exact::Steps(|a, b, _| steps([1.0 - a * b, a * b]))),
    row(54, "a * (2.0 - b * a)", F2, Exact::Steps(|a, b, _| steps([a * (2.0 - b * a), b * a, 2.0 - b * a]))),
    row(55, "a + a * (b + b * c)", F3, Exact::Steps(|a, b, c| {
        let (p, q) = (b * c, b + b * c);
        steps([a + a * q, p, q, a * q])
    })),
    row(56, "vec3(a, b, c) * vec3(b, c, a) + vec3(c, a, b)", F3, Exact::Steps(|a, b, c| {
        steps([a * b + c, b * c + a, c * a + b, a * b, b * c, c * a])
    })),
    row(57, "vec3(a, b, c) + vec3(b, c, a) * c", F3, Exact::Steps(|a, b, c| {
        steps([a + b * c, b + c * c, c + a * c, b * c, c * c, a * c])
    })),
    row(58, "a * b < c", F3, Clean(|a, b, _| is_clean(a * b))),
    row(59, "a * b - c > 0.0", F3, Clean(|a, b, c| is_clean(a * b) && is_clean(a * b - c))),
    row(60, "select(a * b, c * d, a < c) + b", F3, Exact::Steps(|a, b, c| {
        let d = neighbour(a);
        let chosen = if a < c { c * d } else { a * b };
        steps([chosen + b, a * b, c * d, d])
    })),
    row(61, "floor(a * b + c)", F3, Exact::Steps(|a, b, c| steps([(a * b + c).floor(), a * b, a * b + c]))),
    row(62, "(a * b + c) - a * b", F3, Exact::Steps(|a, b, c| steps([(a * b + c) - a * b, a * b, a * b + c]))),
    row(63, "a * b + b * c + c * a + d", F3, Exact::Steps(|a, b, c| {
        let (d, two) = (neighbour(a), a * b + b * c);
        steps([two + c * a + d, a * b, b * c, c * a, two, two + c * a, d])
    })),

    // Integers.
    row(64, "a + b (u32)", W2, Always),
    row(65, "a - b (u32)", W2, Always),
    row(66, "a * b (u32)", W2, Always),
    row(67, "a * b (i32)", W2, Always),
    row(68, "-a (i32)", W1, Always),
    row(69, "a & b", W2, Always),
    row(70, "a | b", W2, Always),
    row(71, "a ^ b", W2, Always),
    row(72, "~a", W1, Always),
    row(73, "a << (b & 31)", W2, Always),
    row(74, "a >> (b & 31)", W2, Always),
    row(75, "a >> (b & 31) (i32)", W2, Always),
    row(76, "a < b (u32)", W2, Always),
    row(77, "a < b (i32)", W2, Always),
    row(78, "a <= b (u32)", W2, Always),
    row(79, "a >= b (i32)", W2, Always),
    row(80, "a == b (u32)", W2, Always),
    row(81, "min(a, b) (u32)", W2, Always),
    row(82, "max(a, b) (u32)", W2, Always),
    row(83, "min(a, b) (i32)", W2, Always),
    row(84, "max(a, b) (i32)", W2, Always),
    row(85, "select(a, b, c < 0x80000000)", W3, Always),
    row(86, "reverseBits(a)", W1, Always),
    row(87, "a / b (u32)", W2, Always),
    row(88, "a % b (u32)", W2, Always),
    row(89, "firstLeadingBit(a)", W1, Always),
    row(90, "firstTrailingBit(a)", W1, Always),
    row(91, "countOneBits(a)", W1, Always),
    row(92, "vec3(a, b, c) * vec3(b, c, a) (u32)", W3, Always),
    row(93, "select(vec3(a, b, c), vec3(b, c, a), a < b …) (u32)", W3, Always),

    // math.wgsl
    row(96, "div", F2, Always),
    row(97, "rcp", F1, Always),
    row(98, "sqrt_", F1, Always),
    row(99, "rsqrt", F1, Always),
    row(100, "fmin", F2, Exact::Steps(|a, b, _| steps([if a < b { a } else { b }]))),
    row(101, "fmax", F2, Exact::Steps(|a, b, _| steps([if a > b { a } else { b }]))),
    row(102, "clamp_", F3, Clean(|_, b, c| b <= c)),
    row(103, "saturate_", F1, Clean(any)),
    row(104, "max3", F3, Exact::Steps(|a, b, c| steps([a.max(b).max(c)]))),
    row(105, "min3", F3, Exact::Steps(|a, b, c| steps([a.min(b).min(c)]))),
    row(106, "mix_", [Float, Float, Unit], Exact::Steps(|a, b, t| {
        steps([a * (1.0 - t) + b * t, 1.0 - t, a * (1.0 - t), b * t])
    })),
    row(107, "mix3", [Float, Float, Unit], Exact::Steps(|a, b, t| {
        let s = 1.0 - t;
        steps([a * s + b * t, b * s + t * t, t * s + a * t, s, a * s, b * t, b * s, t * t, t * s, a * t])
    })),
    row(108, "dot3", F3, Exact::Steps(|a, b, c| {
        steps([a * b + b * c + c * a, a * b, b * c, c * a, a * b + b * c])
    })),
    row(109, "cross3", F3, Exact::Steps(|a, b, c| {
        let (ab, bc, ca) = (a * b, b * c, c * a);
        steps([b * a - c * c, c * b - a * a, a * c - b * b, ab, bc, ca, a * a, b * b, c * c])
    })),
    row(110, "length3", F3, Clean(|a, b, c| {
        [a * a, b * b, c * c, a * a + b * b, a * a + b * b + c * c].into_iter().all(is_clean)
    })),
    row(111, "normalize3", F3, When(finite)),
    row(112, "canonical_tiny", F1, Always),
    row(113, "canonical_tiny3", F3, Always),
    row(114, "sin_cos_turn", [Unit, Unused, Unused], Always),
    row(115, "atan2_turn", F2, When(|a, b, _| a.abs() < TWO_126 && b.abs() < TWO_126)),
    row(116, "latitude_v", [SignedUnit, Unused, Unused], Always),
    row(117, "exp2_", F1, When(|x, _, _| x.is_finite() && x <= 126.0)),
    row(118, "log2_", F1, When(|x, _, _| x.is_normal() && x > 0.0)),

    // Words of math.wgsl, sampler.wgsl and film.wgsl.
    row(128, "mul_high", W2, Always),
    row(129, "unit_float", W1, Always),
    row(130, "unit_float2", W2, Always),
    row(131, "uniform_below", W2, Always),
    row(132, "mix_bits", W1, Always),
    row(133, "hash_pair", W2, Always),
    row(134, "scramble_upwards", W2, Always),
    row(135, "pascal_bits", W1, Always),
    row(136, "sample_pixel_key", W3, Always),
    row(137, "sample_1d", W3, Always),
    row(138, "sample_2d", W3, Always),
    row(139, "sample_path_key", W2, Always),
    row(140, "hash_decision", W3, Always),
    row(141, "fixed_from_float", [Float, UpTo(62), Unused], Always),
    row(142, "add64", W3, Always),
    row(143, "film_clamp", F3, Always),
];
