//! What the generated CPU backend stands on: WGSL's vectors, and the operations whose meaning in SPIR-V differs from
//! Rust's. Part of every generated backend; knows nothing of any kernel.

/// Makes a WGSL vector type: plain scalars in memory order, aligned like its scalar.
macro_rules! vector {
    ($name:ident, $scalar:ty, $zero:expr, $count:literal, [$($axis:ident = $index:literal),+] $(, $derive:path)*) => {
        #[doc = concat!("WGSL vector of ", stringify!($count), " × `", stringify!($scalar), "`.")]
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, $($derive),*)]
        pub struct $name {
            $(
                #[doc = concat!("Component ", stringify!($index), ".")]
                pub $axis: $scalar,
            )+
        }

        impl $name {
            /// All components zero.
            pub const ZERO: Self = Self { $($axis: $zero),+ };

            /// From components.
            #[inline(always)]
            pub const fn new($($axis: $scalar),+) -> Self {
                Self { $($axis),+ }
            }

            /// All components equal.
            #[inline(always)]
            pub const fn splat(value: $scalar) -> Self {
                Self { $($axis: value),+ }
            }

            /// From components in order.
            #[inline(always)]
            pub const fn from_array(array: [$scalar; $count]) -> Self {
                let [$($axis),+] = array;
                Self { $($axis),+ }
            }

            /// The components in order.
            #[inline(always)]
            pub const fn to_array(self) -> [$scalar; $count] {
                [$(self.$axis),+]
            }

            /// Component `index`; panics beyond the last, where WGSL is undefined.
            #[inline(always)]
            pub fn at(self, index: u32) -> $scalar {
                self.to_array()[index as usize]
            }

            /// Place of component `index`; panics beyond the last, where WGSL is undefined.
            #[inline(always)]
            pub fn at_mut(&mut self, index: u32) -> &mut $scalar {
                match index {
                    $($index => &mut self.$axis,)+
                    _ => panic!(concat!("component {} of a vector of ", stringify!($count)), index),
                }
            }
        }
    };
}

vector!(Vec2f, f32, 0.0, 2, [x = 0, y = 1], bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec3f, f32, 0.0, 3, [x = 0, y = 1, z = 2], bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec4f, f32, 0.0, 4, [x = 0, y = 1, z = 2, w = 3], bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec2u, u32, 0, 2, [x = 0, y = 1], Eq, bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec3u, u32, 0, 3, [x = 0, y = 1, z = 2], Eq, bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec4u, u32, 0, 4, [x = 0, y = 1, z = 2, w = 3], Eq, bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec2i, i32, 0, 2, [x = 0, y = 1], Eq, bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec3i, i32, 0, 3, [x = 0, y = 1, z = 2], Eq, bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec4i, i32, 0, 4, [x = 0, y = 1, z = 2, w = 3], Eq, bytemuck::Pod, bytemuck::Zeroable);
vector!(Vec2b, bool, false, 2, [x = 0, y = 1], Eq);
vector!(Vec3b, bool, false, 3, [x = 0, y = 1, z = 2], Eq);
vector!(Vec4b, bool, false, 4, [x = 0, y = 1, z = 2, w = 3], Eq);

/// `a / b`; `a` where `b` is 0.
#[inline(always)]
pub const fn div_u32(a: u32, b: u32) -> u32 {
    if let Some(quotient) = a.checked_div(b) { quotient } else { a }
}

/// `a % b`; 0 where `b` is 0.
#[inline(always)]
pub const fn rem_u32(a: u32, b: u32) -> u32 {
    if let Some(rest) = a.checked_rem(b) { rest } else { 0 }
}

/// `a / b` towards zero; `a` where `b` is 0, or `a` is the least and `b` is −1.
#[inline(always)]
pub const fn div_i32(a: i32, b: i32) -> i32 {
    if b == 0 { a } else { a.wrapping_div(b) }
}

/// `a − b·(a / b)`, the sign of `a`; 0 where `b` is 0, or `a` is the least and `b` is −1.
#[inline(always)]
pub const fn rem_i32(a: i32, b: i32) -> i32 {
    if b == 0 { 0 } else { a.wrapping_rem(b) }
}

/// Towards zero, between −2³¹ and 2147483520, the greatest `f32` below 2³¹.
#[inline(always)]
pub fn f32_to_i32(x: f32) -> i32 {
    (x as i32).min(2_147_483_520)
}

/// Towards zero, between 0 and 4294967040, the greatest `f32` below 2³².
#[inline(always)]
pub fn f32_to_u32(x: f32) -> u32 {
    (x as u32).min(4_294_967_040)
}

/// From here on every `f32` is an integer.
const ALL_INTEGERS: f32 = 8_388_608.0;

/// Towards zero, the sign kept. Done in integers: x86-64 without SSE4.1 has no instruction for it.
#[inline(always)]
pub fn trunc(x: f32) -> f32 {
    if x.abs() < ALL_INTEGERS { (x as i32 as f32).copysign(x) } else { x }
}

/// Towards −∞.
#[inline(always)]
pub fn floor(x: f32) -> f32 {
    let t = trunc(x);
    if t > x { t - 1.0 } else { t }
}

/// Towards +∞, the sign kept.
#[inline(always)]
pub fn ceil(x: f32) -> f32 {
    let t = trunc(x);
    if t < x { (t + 1.0).copysign(x) } else { t }
}

/// WGSL `extractBits` on `u32`.
#[inline(always)]
pub const fn extract_bits_u32(x: u32, offset: u32, count: u32) -> u32 {
    let offset = if offset < 32 { offset } else { 32 };
    let count = if count < 32 - offset { count } else { 32 - offset };
    if count == 0 { 0 } else { x << (32 - offset - count) >> (32 - count) }
}

/// WGSL `extractBits` on `i32`: the sign of the field is extended.
#[inline(always)]
pub const fn extract_bits_i32(x: i32, offset: u32, count: u32) -> i32 {
    let offset = if offset < 32 { offset } else { 32 };
    let count = if count < 32 - offset { count } else { 32 - offset };
    if count == 0 { 0 } else { x << (32 - offset - count) >> (32 - count) }
}

/// WGSL `insertBits` on `u32`.
#[inline(always)]
pub const fn insert_bits_u32(x: u32, bits: u32, offset: u32, count: u32) -> u32 {
    let offset = if offset < 32 { offset } else { 32 };
    let count = if count < 32 - offset { count } else { 32 - offset };
    if count == 0 {
        x
    } else {
        let mask = (u32::MAX >> (32 - count)) << offset;
        (x & !mask) | ((bits << offset) & mask)
    }
}

/// WGSL `insertBits` on `i32`.
#[inline(always)]
pub const fn insert_bits_i32(x: i32, bits: i32, offset: u32, count: u32) -> i32 {
    insert_bits_u32(x as u32, bits as u32, offset, count) as i32
}

/// WGSL `firstLeadingBit` on `u32`: the highest set bit, or `u32::MAX` where there is none.
#[inline(always)]
pub const fn first_leading_bit_u32(x: u32) -> u32 {
    31u32.wrapping_sub(x.leading_zeros())
}

/// WGSL `firstLeadingBit` on `i32`: the highest bit unlike the sign, or −1 where there is none.
#[inline(always)]
pub const fn first_leading_bit_i32(x: i32) -> i32 {
    31 - ((x ^ (x >> 31)) as u32).leading_zeros() as i32
}

/// WGSL `firstTrailingBit` on `u32`: the lowest set bit, or `u32::MAX` where there is none.
#[inline(always)]
pub const fn first_trailing_bit_u32(x: u32) -> u32 {
    if x == 0 { u32::MAX } else { x.trailing_zeros() }
}

/// WGSL `firstTrailingBit` on `i32`: the lowest set bit, or −1 where there is none.
#[inline(always)]
pub const fn first_trailing_bit_i32(x: i32) -> i32 {
    first_trailing_bit_u32(x as u32) as i32
}

/// How often a source line made a value that no result may depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// −0.
    pub negative_zero: u64,
    /// Subnormal numbers of either sign.
    pub subnormal: u64,
    /// NaN.
    pub nan: u64,
    /// ±∞.
    pub infinite: u64,
}

/// Shared counters of one source line in an audited backend.
#[derive(Debug)]
pub struct Counters([core::sync::atomic::AtomicU64; 4]);

impl Counters {
    /// Nothing counted.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self([const { core::sync::atomic::AtomicU64::new(0) }; 4])
    }

    /// Counts `x` if it is −0, subnormal, NaN or infinite.
    #[inline(always)]
    pub fn count(&self, x: f32) {
        let bits = x.to_bits();
        let magnitude = bits & 0x7fff_ffff;
        let normal = magnitude.wrapping_sub(0x0080_0000) < 0x7f00_0000;
        if !normal && bits != 0 {
            let class = match magnitude {
                0 => 0,
                1..0x0080_0000 => 1,
                0x7f80_0000 => 3,
                _ => 2,
            };
            self.0[class].fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        }
    }

    /// What was counted since the last call, which starts again from nothing.
    pub fn take(&self) -> Counts {
        let [negative_zero, subnormal, nan, infinite] =
            [0, 1, 2, 3].map(|class: usize| self.0[class].swap(0, core::sync::atomic::Ordering::Relaxed));
        Counts { negative_zero, subnormal, nan, infinite }
    }
}

/// A value whose floats an audited backend looks at.
pub trait Audited: Copy {
    /// Shows each float to `counters`.
    fn show(self, counters: &Counters);
}

impl Audited for f32 {
    #[inline(always)]
    fn show(self, counters: &Counters) {
        counters.count(self);
    }
}

macro_rules! audited {
    ($($name:ident),+) => {$(
        impl Audited for $name {
            #[inline(always)]
            fn show(self, counters: &Counters) {
                for x in self.to_array() {
                    counters.count(x);
                }
            }
        }
    )+};
}

audited!(Vec2f, Vec3f, Vec4f);
