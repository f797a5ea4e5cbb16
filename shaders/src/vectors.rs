//! Operands for comparing devices: every edge crossed with every other, then strata over exponents and mantissas with
//! operands related so that contraction, reassociation and flushing show. The same bits on every machine.

use crate::operations::{Operand, Operation};

/// One line of `op_in` in `operations.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vector {
    /// a, b, c and the operation's index.
    pub words: [u32; 4],
    /// Every exact device gives the same bits; elsewhere hardware may differ by right.
    pub exact: bool,
}

impl Operation {
    /// All edges crossed, then `count` stratified vectors.
    pub fn vectors(&self, count: u32) -> impl Iterator<Item = Vector> + '_ {
        let stratified = (0..count).map(move |i| self.stratified(i, count));
        self.edges()
            .chain(stratified)
            .map(|[a, b, c]| Vector { words: [a, b, c, self.index], exact: self.is_exact([a, b, c]) })
    }

    /// Every edge of each operand with every edge of the others.
    fn edges(&self) -> impl Iterator<Item = [u32; 3]> + use<> {
        let arity = self.operands.iter().filter(|&&operand| operand != Operand::Unused).count();
        let [a, b, c] = self.operands.map(|operand| operand_edges(operand, arity));
        let (columns, rows, layers) = (a.len(), b.len(), c.len());
        (0..columns * rows * layers)
            .map(move |i| [a[i % columns], b[i / columns % rows], c[i / (columns * rows)]])
    }

    /// Vector `i` of `count`.
    fn stratified(&self, i: u32, count: u32) -> [u32; 3] {
        let mut random = Random(u64::from(self.index) << 32 | u64::from(i));
        let first = match self.operands[0] {
            Operand::Float => stratified_float(i, &mut random),
            Operand::Unit => bits_of(unit_stratum(i, count, &mut random)),
            Operand::SignedUnit => bits_of(unit_stratum(i, count, &mut random) * 2.0 - 1.0),
            other => random.word_of(other),
        };
        let second = match self.operands[1] {
            Operand::Float => related_float(first, &mut random),
            other => random.word_of(other),
        };
        let third = match self.operands[2] {
            Operand::Float => third_float(first, second, &mut random),
            other => random.word_of(other),
        };
        [first, second, third]
    }
}

/// The nearest float's bits; +0 for −0, which is outside what a kernel's operand may be.
fn bits_of(x: f64) -> u32 {
    let bits = (x as f32).to_bits();
    if bits == 0x8000_0000 { 0 } else { bits }
}

/// Magnitudes where something changes: zero, subnormals, the ends of the normal range, powers of two that the library
/// compares with and their neighbours, integers that no longer have a fraction, infinity, NaN.
#[rustfmt::skip]
const FLOAT_EDGES: [u32; 44] = [
    0, 1, 0x0040_0000, 0x007f_ffff, 0x0080_0000, 0x0080_0001, 0x00ff_ffff, 0x0100_0000, 0x157f_ffff,
    0x1580_0000, 0x217f_ffff, 0x2180_0000, 0x2b80_0000, 0x337f_ffff, 0x3380_0000, 0x3e80_0000, 0x3ed4_13cd,
    0x3eff_ffff, 0x3f00_0000, 0x3f00_0001, 0x3f7f_ffff, 0x3f80_0000, 0x3f80_0001, 0x3faa_aaab, 0x3fff_ffff,
    0x4000_0000, 0x4000_0001, 0x4040_0000, 0x4049_0fdb, 0x4aff_ffff, 0x4b00_0001, 0x4b7f_ffff, 0x4b80_0000,
    0x4eff_ffff, 0x4f00_0000, 0x4f7f_ffff, 0x5d80_0000, 0x7e80_0000, 0x7f00_0000, 0x7f7f_fffe, 0x7f7f_ffff,
    0x7f80_0000, 0x7fc0_0000, 0x7f80_0001,
];

/// Fewer of them, where three are crossed.
#[rustfmt::skip]
const FLOAT_EDGES_OF_THREE: [u32; 14] = [
    0, 0x007f_ffff, 0x0080_0000, 0x1580_0000, 0x2180_0000, 0x3f7f_ffff, 0x3f80_0000, 0x3f80_0001,
    0x3faa_aaab, 0x4b7f_ffff, 0x5d80_0001, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000,
];

#[rustfmt::skip]
const WORD_EDGES: [u32; 24] = [
    0, 1, 2, 3, 7, 8, 23, 24, 31, 32, 33, 63, 255, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000, 0x5555_5555,
    0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xaaaa_aaaa, 0xffff_fffe, 0xffff_ffff,
];

fn operand_edges(operand: Operand, arity: usize) -> Vec<u32> {
    let magnitudes = if arity > 2 { &FLOAT_EDGES_OF_THREE[..] } else { &FLOAT_EDGES[..] };
    let signed = || magnitudes.iter().flat_map(|&bits| [bits, bits | 0x8000_0000]);
    let one = 1.0f32.to_bits();
    match operand {
        Operand::Unused => vec![0],
        Operand::Word => WORD_EDGES.to_vec(),
        Operand::UpTo(most) => WORD_EDGES.iter().copied().filter(|&word| word < most).chain([most]).collect(),
        Operand::Float => signed().collect(),
        Operand::Unit => magnitudes.iter().copied().filter(|&bits| bits <= one).collect(),
        Operand::SignedUnit => signed().filter(|&bits| bits & 0x7fff_ffff <= one).collect(),
    }
}

/// A counter hashed (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
struct Random(u64);

impl Random {
    fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(n)) >> 32) as u32
    }

    /// Uniform in 0..1 with 24 bits.
    fn unit(&mut self) -> f64 {
        f64::from(self.word() >> 8) / 16_777_216.0
    }

    /// Any operand but a related float: words of every length and with long runs of equal bits.
    fn word_of(&mut self, operand: Operand) -> u32 {
        match operand {
            Operand::Unused => 0,
            Operand::Unit => bits_of(self.unit()),
            Operand::SignedUnit => bits_of(self.unit() * 2.0 - 1.0),
            Operand::UpTo(most) => match self.below(4) {
                0 => self.word() & (u32::MAX >> (31 - most.max(1).ilog2())) & most,
                _ => ((u64::from(self.word()) * (u64::from(most) + 1)) >> 32) as u32,
            },
            Operand::Float | Operand::Word => match self.below(4) {
                0 => self.word() >> self.below(32),
                1 => (self.word() >> self.below(32)).wrapping_neg(),
                2 => (u32::MAX >> self.below(32)) << self.below(32),
                _ => self.word(),
            },
        }
    }

    /// 23 bits of a mantissa: random, few bits set, few bits clear, or a run, so that products and sums land on and next
    /// to the points where rounding changes.
    fn mantissa(&mut self) -> u32 {
        let bits = match self.below(8) {
            0 => 1 << self.below(23) | 1 << self.below(23),
            1 => !(1 << self.below(23) | 1 << self.below(23)),
            2 => (1 << self.below(24)) - 1,
            3 => u32::MAX << self.below(24),
            _ => self.word(),
        };
        bits & 0x7f_ffff
    }

    fn sign(&mut self) -> u32 {
        self.word() & 0x8000_0000
    }
}

/// Every exponent in turn; mantissas by strata in half of the vectors.
fn stratified_float(i: u32, random: &mut Random) -> u32 {
    let exponent = i & 0xff;
    let turn = i >> 8;
    let mantissa =
        if turn & 1 == 0 { (turn.reverse_bits() >> 9) ^ (random.word() & 0xfff) } else { random.mantissa() };
    random.sign() | exponent << 23 | (mantissa & 0x7f_ffff)
}

/// A float near 2^`exponent` (biased), kept within the format.
fn float_near(exponent: i32, random: &mut Random) -> u32 {
    let exponent = exponent.clamp(0, 255) as u32;
    random.sign() | exponent << 23 | random.mantissa()
}

fn exponent_of(bits: u32) -> i32 {
    (bits >> 23 & 0xff) as i32
}

/// A few units in the last place away.
fn nudged(bits: u32, random: &mut Random) -> u32 {
    bits.wrapping_add(random.below(5)).wrapping_sub(2)
}

/// The second operand: independent, of a like magnitude (sums interact), of the inverse magnitude (products are near
/// one), or the first one's neighbour.
fn related_float(first: u32, random: &mut Random) -> u32 {
    let exponent = exponent_of(first);
    match random.below(8) {
        0 => float_near(random.below(256) as i32, random),
        1..=3 => {
            let near = exponent + random.below(53) as i32 - 26;
            float_near(near, random)
        }
        4..=6 => {
            let inverse = 254 - exponent + random.below(25) as i32 - 12;
            float_near(inverse, random)
        }
        _ => nudged(first, random) ^ random.sign(),
    }
}

/// The third operand: near ±a·b, so that a fused sum keeps bits that a rounded product has lost; equal to b, so that two
/// products cancel; or related as the second is.
fn third_float(first: u32, second: u32, random: &mut Random) -> u32 {
    let product = (f32::from_bits(first) * f32::from_bits(second)).to_bits();
    match random.below(8) {
        0..=2 => nudged(product, random) ^ random.sign(),
        3..=4 => {
            let near = exponent_of(product) + random.below(53) as i32 - 26;
            float_near(near, random)
        }
        5 => nudged(second, random),
        6 => related_float(second, random),
        _ => float_near(random.below(256) as i32, random),
    }
}

/// Stratum `i` of `count` in 0..1, jittered; every sixteenth on a sixteenth's fraction of a turn or next to it.
fn unit_stratum(i: u32, count: u32, random: &mut Random) -> f64 {
    if i % 16 == 0 {
        let sixteenth = (f64::from(random.below(17)) / 16.0) as f32;
        let bits = (sixteenth.to_bits() + random.below(5)).saturating_sub(2).min(1.0f32.to_bits());
        return f64::from(f32::from_bits(bits));
    }
    (f64::from(i) + random.unit()) / f64::from(count)
}
