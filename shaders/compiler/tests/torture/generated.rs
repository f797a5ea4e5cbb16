// @generated from torture.wgsl by this crate.
use crate::wgsl as intrinsics;
use crate::wgsl::*;
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Inner {
    pub direction: Vec3f,
    pub weight: f32,
    pub flags: Vec2u,
    pub _pad24: u32,
    pub _pad28: u32,
}
impl Inner {
    pub const ZERO: Self = Self { direction: Vec3f::ZERO, weight: 0.0f32, flags: Vec2u::ZERO, _pad24: 0, _pad28: 0, };
}
impl Default for Inner {
    fn default() -> Self { Self::ZERO }
}
const _: () = assert!(core::mem::size_of::<Inner>() == 32 && core::mem::offset_of!(Inner, direction) == 0 && core::mem::offset_of!(Inner, weight) == 12 && core::mem::offset_of!(Inner, flags) == 16);
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Padded {
    pub first: u32,
    pub _pad4: u32,
    pub _pad8: u32,
    pub _pad12: u32,
    pub axis: Vec3f,
    pub _pad28: u32,
    pub inners: [Inner; 2],
    pub shift: Vec2i,
    pub last: f32,
    pub _pad108: u32,
}
impl Padded {
    pub const ZERO: Self = Self { first: 0u32, _pad4: 0, _pad8: 0, _pad12: 0, axis: Vec3f::ZERO, _pad28: 0, inners: [Inner::ZERO; 2], shift: Vec2i::ZERO, last: 0.0f32, _pad108: 0, };
}
impl Default for Padded {
    fn default() -> Self { Self::ZERO }
}
const _: () = assert!(core::mem::size_of::<Padded>() == 112 && core::mem::offset_of!(Padded, first) == 0 && core::mem::offset_of!(Padded, axis) == 16 && core::mem::offset_of!(Padded, inners) == 32 && core::mem::offset_of!(Padded, shift) == 96 && core::mem::offset_of!(Padded, last) == 104);
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct TortureParams {
    pub count: u32,
    pub seed: u32,
    pub scale: f32,
    pub offset: i32,
}
impl TortureParams {
    pub const ZERO: Self = Self { count: 0u32, seed: 0u32, scale: 0.0f32, offset: 0i32, };
}
impl Default for TortureParams {
    fn default() -> Self { Self::ZERO }
}
const _: () = assert!(core::mem::size_of::<TortureParams>() == 16 && core::mem::offset_of!(TortureParams, count) == 0 && core::mem::offset_of!(TortureParams, seed) == 4 && core::mem::offset_of!(TortureParams, scale) == 8 && core::mem::offset_of!(TortureParams, offset) == 12);
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Local {
    pub type_: u32,
    pub ok: bool,
    pub vector: Vec3f,
}
impl Local {
    pub const ZERO: Self = Self { type_: 0u32, ok: false, vector: Vec3f::ZERO, };
}
impl Default for Local {
    fn default() -> Self { Self::ZERO }
}
pub const COLUMNS: u32 = 64u32;
pub const NEGATIVE: f32 = (-0.75f32);
pub const CORNER: Vec3f = Vec3f::new(1.0f32, (-2.0f32), 0.25f32);
pub const SHAPE: Local = Local { type_: 7u32, ok: true, vector: Vec3f::new(1.0f32, (-2.0f32), 0.25f32) };
/// Structs held in buffers: name, size in bytes, and each member's offset in bytes.
pub const LAYOUTS: &[(&str, u32, &[(&str, u32)])] = &[
    ("Inner", 32, &[("direction", 0), ("weight", 12), ("flags", 16), ]),
    ("Padded", 112, &[("first", 0), ("axis", 16), ("inners", 32), ("shift", 96), ("last", 104), ]),
    ("TortureParams", 16, &[("count", 0), ("seed", 4), ("scale", 8), ("offset", 12), ]),
];
/// Bindings of group 0: name, binding, whether the kernel writes it.
pub const BINDINGS: &[(&str, u32, bool)] = &[
    ("params", 0, false),
    ("inputs", 1, false),
    ("records", 2, false),
    ("points", 3, false),
    ("results", 4, true),
];
/// What the kernel reads.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'a> {
    /// Binding 0.
    pub params: &'a TortureParams,
    /// Binding 1.
    pub inputs: &'a [u32],
    /// Binding 2.
    pub records: &'a [Padded],
    /// Binding 3.
    pub points: &'a [Vec4f],
}
impl Bindings<'_> {
    /// Empty arrays and zeros.
    pub const EMPTY: Bindings<'static> = Bindings {
        params: &TortureParams::ZERO,
        inputs: &[],
        records: &[],
        points: &[],
    };
}
/// The entry point's name.
pub const ENTRY_POINT: &str = "torture";
/// Its workgroup size.
pub const WORKGROUP_SIZE: [u32; 3] = [64, 1, 1];
/// The kernel over its bindings.
#[derive(Debug)]
pub struct Kernel<'a, T> {
    pub b: Bindings<'a>,
    pub hooks: &'a T,
}
impl<T> Clone for Kernel<'_, T> {
    fn clone(&self) -> Self { *self }
}
impl<T> Copy for Kernel<'_, T> {}
/// What a backend may do in its own way, with equal results.
pub trait Hooks: Sized {
    #[inline]
    fn trace(&self, kernel: &Kernel<'_, Self>, a0_seed: u32, a1_depth: &mut u32) -> u32 {
        kernel.wgsl_trace(a0_seed, a1_depth)
    }
}
/// Runs everything as WGSL says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;
impl Hooks for NoHooks {}
impl<T: Hooks> Kernel<'_, T> {
    #[inline]
    pub fn structs(&self, a0_index: u32) -> u32 {
        let mut v0_inner: Inner = Inner::ZERO;
        let e3 = self.b.records.len() as u32;
        let e4 = intrinsics::rem_u32(a0_index, e3);
        let e6_record = self.b.records[e4 as usize];
        let e7 = e6_record.last;
        let e8 = e6_record.first;
        let e10 = e8 > 2u32;
        let e11_local = make(e7, e10);
        let e12 = e6_record.inners;
        let e14 = a0_index & 1u32;
        let e15 = e12[e14 as usize];
        v0_inner = e15;
        let e19 = v0_inner.flags.x;
        let e21 = e19.wrapping_add(1u32);
        v0_inner.flags.x = e21;
        let e24 = intrinsics::rem_u32(a0_index, 3u32);
        let e26 = e11_local.vector;
        let e27 = e26.z;
        *v0_inner.direction.at_mut(e24 as u32) = e27;
        let e29 = v0_inner.direction;
        let e30 = e6_record.axis;
        let e31 = e11_local.vector;
        let e32 = Vec3f::new(e30.x * e31.x, e30.y * e31.y, e30.z * e31.z);
        let e33 = Vec3f::new(e29.x + e32.x, e29.y + e32.y, e29.z + e32.z);
        let e36 = self.b.points.len() as u32;
        let e37 = intrinsics::rem_u32(a0_index, e36);
        let e39 = self.b.points[e37 as usize];
        let e40 = Vec3f::new(e39.x, e39.y, e39.z);
        let e41_sum = Vec3f::new(e33.x + e40.x, e33.y + e40.y, e33.z + e40.z);
        let e43 = e41_sum.x;
        let e44 = e41_sum.y;
        let e45 = e43 + e44;
        let e46 = e41_sum.z;
        let e47 = e45 + e46;
        let e49 = v0_inner.weight;
        let e50 = e47 + e49;
        let e51 = Inner::ZERO.weight;
        let e52 = e50 + e51;
        let e53 = e52.to_bits();
        let e56 = v0_inner.flags.x;
        let e59 = v0_inner.flags.y;
        let e60 = e56.wrapping_mul(e59);
        let e61 = e53.wrapping_add(e60);
        let e62 = e6_record.shift;
        let e63 = e62.x;
        let e64 = e6_record.shift;
        let e65 = e64.y;
        let e66 = e63.wrapping_sub(e65);
        let e69 = self.b.params.offset;
        let e70 = e66.wrapping_add(e69);
        let e71 = e70 as u32;
        let e72 = e61.wrapping_add(e71);
        let e73 = e11_local.type_;
        let e74 = e72.wrapping_add(e73);
        let e77 = e11_local.ok;
        let e78 = if e77 { 100u32 } else { 0u32 };
        let e79 = e74.wrapping_add(e78);
        return e79;
    }
    #[inline(always)]
    pub fn wgsl_trace(&self, a0_seed: u32, a1_depth: &mut u32) -> u32 {
        let e2 = (*a1_depth);
        let e4 = e2.wrapping_add(1u32);
        (*a1_depth) = e4;
        let e7 = self.b.params.seed;
        let e8 = a0_seed ^ e7;
        let e9 = hash(e8);
        return e9;
    }
    #[inline]
    pub fn column(&self, a0_index: u32, a1_which: u32) -> u32 {
        let mut v0_depth: u32 = 0u32;
        let e4 = self.b.inputs.len() as u32;
        let e5 = intrinsics::rem_u32(a0_index, e4);
        let e7_a = self.b.inputs[e5 as usize];
        let e10 = a0_index.wrapping_mul(7u32);
        let e12 = e10.wrapping_add(3u32);
        let e14 = self.b.inputs.len() as u32;
        let e15 = intrinsics::rem_u32(e12, e14);
        let e17_b = self.b.inputs[e15 as usize];
        let e18 = float_of(e7_a);
        let e19 = float_of(e17_b);
        let e20 = hash(e7_a);
        let e21 = float_of(e20);
        let e22 = hash(e17_b);
        let e23 = float_of(e22);
        let e24_p = Vec4f::new(e18, e19, e21, e23);
        'l1: {
            match a1_which {
                0u32 => {
                    let e25 = integers(e7_a, e17_b);
                    return e25;
                }
                1u32 => {
                    let e26 = e7_a as i32;
                    let e27 = e17_b as i32;
                    let e28 = signed(e26, e27);
                    return e28;
                }
                2u32 => {
                    let e29 = e24_p.x;
                    let e30 = e24_p.y;
                    let e33 = self.b.params.scale;
                    let e34 = e30 * e33;
                    let e35 = e24_p.x;
                    let e37 = e7_a & 7u32;
                    let e39 = e37 == 0u32;
                    let e40 = if e39 { e35 } else { e34 };
                    let e41 = floats(e29, e40);
                    return e41;
                }
                3u32 => {
                    let e42_c = casts(e7_a);
                    let e43 = e42_c.x;
                    let e44 = e42_c.y;
                    let e46 = e44.wrapping_mul(3u32);
                    let e47 = e43 ^ e46;
                    let e48 = e42_c.z;
                    let e50 = e48.wrapping_mul(5u32);
                    let e51 = e47 ^ e50;
                    let e52 = e42_c.w;
                    let e54 = e52.wrapping_mul(7u32);
                    let e55 = e51 ^ e54;
                    return e55;
                }
                4u32 => {
                    let e56 = Vec4f::new(e24_p.w, e24_p.x, e24_p.z, e24_p.y);
                    let e57 = vectors(e24_p, e56, e7_a);
                    return e57;
                }
                5u32 => {
                    let e58 = arrays(e7_a);
                    return e58;
                }
                6u32 => {
                    let e59 = flow(e7_a);
                    return e59;
                }
                7u32 => {
                    let e60 = self.structs(a0_index);
                    return e60;
                }
                _ => {
                    v0_depth = a1_which;
                    let e62_traced = self.hooks.trace(self, e7_a, &mut v0_depth);
                    let e63 = v0_depth;
                    let e64 = e62_traced.wrapping_add(e63);
                    return e64;
                }
            }
        }
        unreachable!()
    }
}
    #[inline(always)]
    pub fn hash(a0_x: u32) -> u32 {
        let mut v0_h: u32 = 0u32;
        let e2 = a0_x.wrapping_mul(2654435769u32);
        v0_h = e2;
        let e4 = v0_h;
        let e5 = v0_h;
        let e7 = e5.wrapping_shr(16u32);
        let e8 = e4 ^ e7;
        v0_h = e8;
        let e9 = v0_h;
        let e11 = e9.wrapping_mul(2246822507u32);
        let e13 = e11.wrapping_add(1u32);
        v0_h = e13;
        let e14 = v0_h;
        let e15 = v0_h;
        let e17 = e15.wrapping_shl(13u32);
        let e18 = e14 ^ e17;
        return e18;
    }
    #[inline]
    pub fn integers(a0_a: u32, a1_b: u32) -> u32 {
        let mut v0_h: u32 = 0u32;
        let e2 = a0_a.wrapping_add(a1_b);
        v0_h = e2;
        let e4 = v0_h;
        let e6 = e4.wrapping_mul(31u32);
        let e7 = a0_a.wrapping_sub(a1_b);
        let e8 = e6.wrapping_add(e7);
        v0_h = e8;
        let e9 = v0_h;
        let e11 = e9.wrapping_mul(31u32);
        let e12 = a0_a.wrapping_mul(a1_b);
        let e13 = e11.wrapping_add(e12);
        v0_h = e13;
        let e14 = v0_h;
        let e16 = e14.wrapping_mul(31u32);
        let e17 = intrinsics::div_u32(a0_a, a1_b);
        let e18 = e16.wrapping_add(e17);
        v0_h = e18;
        let e19 = v0_h;
        let e21 = e19.wrapping_mul(31u32);
        let e22 = intrinsics::rem_u32(a0_a, a1_b);
        let e23 = e21.wrapping_add(e22);
        v0_h = e23;
        let e24 = v0_h;
        let e26 = e24.wrapping_mul(31u32);
        let e27 = a0_a & a1_b;
        let e28 = e26.wrapping_add(e27);
        let e29 = a0_a | a1_b;
        let e30 = e28.wrapping_add(e29);
        let e31 = a0_a ^ a1_b;
        let e32 = e30.wrapping_add(e31);
        let e33 = !a0_a;
        let e34 = e32.wrapping_add(e33);
        v0_h = e34;
        let e35 = v0_h;
        let e37 = e35.wrapping_mul(31u32);
        let e39 = a1_b & 31u32;
        let e40 = a0_a.wrapping_shl(e39);
        let e41 = e37.wrapping_add(e40);
        let e43 = a1_b & 31u32;
        let e44 = a0_a.wrapping_shr(e43);
        let e45 = e41.wrapping_add(e44);
        v0_h = e45;
        let e46 = v0_h;
        let e48 = e46.wrapping_mul(31u32);
        let e49 = a0_a.min(a1_b);
        let e50 = e48.wrapping_add(e49);
        let e51 = a0_a.max(a1_b);
        let e53 = e51.wrapping_mul(3u32);
        let e54 = e50.wrapping_add(e53);
        let e56 = a0_a.max(100u32).min(a1_b);
        let e57 = e54.wrapping_add(e56);
        v0_h = e57;
        let e58 = v0_h;
        let e60 = e58.wrapping_mul(31u32);
        let e61 = a0_a.leading_zeros();
        let e62 = e60.wrapping_add(e61);
        let e63 = a1_b.trailing_zeros();
        let e65 = e63.wrapping_mul(33u32);
        let e66 = e62.wrapping_add(e65);
        let e67 = a0_a.count_ones();
        let e68 = e66.wrapping_add(e67);
        v0_h = e68;
        let e69 = v0_h;
        let e71 = e69.wrapping_mul(31u32);
        let e72 = intrinsics::first_leading_bit_u32(a0_a);
        let e73 = e71.wrapping_add(e72);
        let e74 = intrinsics::first_trailing_bit_u32(a1_b);
        let e75 = e73.wrapping_add(e74);
        v0_h = e75;
        let e76 = v0_h;
        let e78 = e76.wrapping_mul(31u32);
        let e79 = a0_a.reverse_bits();
        let e80 = e78.wrapping_add(e79);
        v0_h = e80;
        let e81 = v0_h;
        let e83 = e81.wrapping_mul(31u32);
        let e85 = a1_b & 31u32;
        let e87 = intrinsics::extract_bits_u32(a0_a, e85, 9u32);
        let e88 = e83.wrapping_add(e87);
        let e91 = a1_b & 63u32;
        let e92 = intrinsics::insert_bits_u32(a0_a, a1_b, 5u32, e91);
        let e93 = e88.wrapping_add(e92);
        v0_h = e93;
        let e94 = v0_h;
        let e95 = a0_a;
        let e96 = e94.wrapping_add(e95);
        let e98 = e96.wrapping_add(12u32);
        return e98;
    }
    #[inline]
    pub fn signed(a0_a: i32, a1_b: i32) -> u32 {
        let mut v0_h: i32 = 0i32;
        let e2 = a0_a.wrapping_add(a1_b);
        v0_h = e2;
        let e4 = v0_h;
        let e6 = e4.wrapping_mul(31i32);
        let e7 = a0_a.wrapping_sub(a1_b);
        let e8 = e6.wrapping_add(e7);
        v0_h = e8;
        let e9 = v0_h;
        let e11 = e9.wrapping_mul(31i32);
        let e12 = a0_a.wrapping_mul(a1_b);
        let e13 = e11.wrapping_add(e12);
        v0_h = e13;
        let e14 = v0_h;
        let e16 = e14.wrapping_mul(31i32);
        let e17 = intrinsics::div_i32(a0_a, a1_b);
        let e18 = e16.wrapping_add(e17);
        v0_h = e18;
        let e19 = v0_h;
        let e21 = e19.wrapping_mul(31i32);
        let e22 = intrinsics::rem_i32(a0_a, a1_b);
        let e23 = e21.wrapping_add(e22);
        v0_h = e23;
        let e24 = v0_h;
        let e26 = e24.wrapping_mul(31i32);
        let e27 = a0_a & a1_b;
        let e28 = e26.wrapping_add(e27);
        let e29 = a0_a | a1_b;
        let e30 = e28.wrapping_add(e29);
        let e31 = a0_a ^ a1_b;
        let e32 = e30.wrapping_add(e31);
        let e33 = !a0_a;
        let e34 = e32.wrapping_add(e33);
        v0_h = e34;
        let e35 = v0_h;
        let e37 = e35.wrapping_mul(31i32);
        let e38 = a1_b as u32;
        let e40 = e38 & 31u32;
        let e41 = a0_a.wrapping_shl(e40);
        let e42 = e37.wrapping_add(e41);
        let e43 = a1_b as u32;
        let e45 = e43 & 31u32;
        let e46 = a0_a.wrapping_shr(e45);
        let e47 = e42.wrapping_add(e46);
        v0_h = e47;
        let e48 = v0_h;
        let e50 = e48.wrapping_mul(31i32);
        let e51 = a0_a.min(a1_b);
        let e52 = e50.wrapping_add(e51);
        let e53 = a0_a.max(a1_b);
        let e55 = e53.wrapping_mul(3i32);
        let e56 = e52.wrapping_add(e55);
        let e58 = a0_a.max((-100i32)).min(a1_b);
        let e59 = e56.wrapping_add(e58);
        v0_h = e59;
        let e60 = v0_h;
        let e62 = e60.wrapping_mul(31i32);
        let e63 = a0_a.wrapping_abs();
        let e64 = e62.wrapping_add(e63);
        let e65 = a1_b.signum();
        let e67 = e65.wrapping_mul(7i32);
        let e68 = e64.wrapping_add(e67);
        let e69 = e68.wrapping_sub(a0_a);
        v0_h = e69;
        let e70 = v0_h;
        let e72 = e70.wrapping_mul(31i32);
        let e73 = a0_a.leading_zeros() as i32;
        let e74 = e72.wrapping_add(e73);
        let e75 = a1_b.trailing_zeros() as i32;
        let e76 = e74.wrapping_add(e75);
        let e77 = a0_a.count_ones() as i32;
        let e78 = e76.wrapping_add(e77);
        v0_h = e78;
        let e79 = v0_h;
        let e81 = e79.wrapping_mul(31i32);
        let e82 = intrinsics::first_leading_bit_i32(a0_a);
        let e83 = e81.wrapping_add(e82);
        let e84 = intrinsics::first_trailing_bit_i32(a1_b);
        let e85 = e83.wrapping_add(e84);
        v0_h = e85;
        let e86 = v0_h;
        let e88 = e86.wrapping_mul(31i32);
        let e89 = a0_a.reverse_bits();
        let e90 = e88.wrapping_add(e89);
        v0_h = e90;
        let e91 = v0_h;
        let e93 = e91.wrapping_mul(31i32);
        let e96 = intrinsics::extract_bits_i32(a0_a, 3u32, 11u32);
        let e97 = e93.wrapping_add(e96);
        let e100 = intrinsics::insert_bits_i32(a0_a, a1_b, 5u32, 17u32);
        let e101 = e97.wrapping_add(e100);
        v0_h = e101;
        let e102 = v0_h;
        let e104 = e102.wrapping_mul(31i32);
        let e106 = Vec3i::new(a0_a, a1_b, 3i32);
        let e108 = Vec3i::new(a1_b, 5i32, a0_a);
        let e109 = e106.x.wrapping_mul(e108.x).wrapping_add(e106.y.wrapping_mul(e108.y)).wrapping_add(e106.z.wrapping_mul(e108.z));
        let e110 = e104.wrapping_add(e109);
        v0_h = e110;
        let e111 = v0_h;
        let e112 = e111 as u32;
        return e112;
    }
    #[inline(always)]
    pub fn float_of(a0_bits: u32) -> f32 {
        let e2 = a0_bits & 8388607u32;
        let e4 = e2 | 1065353216u32;
        let e5_magnitude = f32::from_bits(e4);
        let e6 = -e5_magnitude;
        let e8 = a0_bits.wrapping_shr(31u32);
        let e10 = e8 == 1u32;
        let e11 = if e10 { e6 } else { e5_magnitude };
        return e11;
    }
    #[inline]
    pub fn floats(a0_x: f32, a1_y: f32) -> u32 {
        let mut v0_r: f32 = 0.0f32;
        let mut v1_: bool = false;
        let mut v2_: bool = false;
        let e3 = a1_y * 3.0f32;
        let e4 = a0_x + e3;
        v0_r = e4;
        let e6 = v0_r;
        let e7 = a0_x * a1_y;
        let e8 = e6 - e7;
        v0_r = e8;
        let e9 = v0_r;
        let e10 = -e9;
        let e12 = e10 * NEGATIVE;
        let e13 = a1_y.abs();
        let e14 = e12 + e13;
        v0_r = e14;
        let e15 = v0_r;
        let e17 = a0_x * 100.0f32;
        let e18 = intrinsics::floor(e17);
        let e19 = e15 + e18;
        let e21 = a1_y * 100.0f32;
        let e22 = intrinsics::ceil(e21);
        let e23 = e19 + e22;
        let e24 = a0_x * a1_y;
        let e26 = e24 * 1000.0f32;
        let e27 = intrinsics::trunc(e26);
        let e28 = e23 + e27;
        v0_r = e28;
        let e29 = v0_r;
        let e30 = a0_x.abs();
        let e32 = e30 * 1000.0f32;
        let e33 = intrinsics::f32_to_u32(e32);
        let e34 = e33 as f32;
        let e35 = e29 + e34;
        let e37 = a1_y * 1000.0f32;
        let e38 = intrinsics::f32_to_i32(e37);
        let e39 = e38 as f32;
        let e40 = e35 + e39;
        v0_r = e40;
        let e41 = v0_r;
        let e42 = a0_x < a1_y;
        let e45 = if e42 { 0.25f32 } else { 0.5f32 };
        let e46 = e41 + e45;
        let e47 = a0_x >= a1_y;
        let e50 = if e47 { 4.0f32 } else { 8.0f32 };
        let e51 = e46 + e50;
        let e52 = a0_x != a1_y;
        let e53 = if e52 { 1.0f32 } else { 0.0f32 };
        let e54 = e51 + e53;
        let e55 = a0_x == a1_y;
        let e56 = if e55 { 1.0f32 } else { 0.0f32 };
        let e57 = e54 + e56;
        v0_r = e57;
        let e58 = a0_x <= a1_y;
        let e59 = !e58;
        if e59 {
            let e63 = a1_y > 1.5f32;
            v1_ = e63;
        } else {
            v1_ = true;
        }
        let e65 = v1_;
        if e65 {
            let e69 = a0_x > 1.75f32;
            let e70 = !e69;
            v2_ = e70;
        } else {
            v2_ = false;
        }
        let e72 = v2_;
        if e72 {
            let e73 = v0_r;
            let e75 = e73 * 0.5f32;
            v0_r = e75;
        }
        let e76 = v0_r;
        let e77 = e76.to_bits();
        return e77;
    }
    #[inline(always)]
    pub fn casts(a0_bits: u32) -> Vec4u {
        let e1_x = float_of(a0_bits);
        let e3_big = e1_x * 4294967300.0f32;
        let e4 = intrinsics::f32_to_u32(e3_big);
        let e5 = intrinsics::f32_to_i32(e3_big);
        let e6 = e5 as u32;
        let e8 = e1_x * 2147483600.0f32;
        let e9 = intrinsics::f32_to_u32(e8);
        let e11 = e1_x * 1073741800.0f32;
        let e12 = intrinsics::f32_to_i32(e11);
        let e13 = e12 as u32;
        let e14 = Vec4u::new(e4, e6, e9, e13);
        return e14;
    }
    #[inline]
    pub fn vectors(a0_p: Vec4f, a1_q: Vec4f, a2_index: u32) -> u32 {
        let mut v0_v: Vec3f = Vec3f::ZERO;
        let mut v1_: bool = false;
        let e3 = Vec3f::new(a0_p.x, a0_p.y, a0_p.z);
        let e4 = a1_q.w;
        let e5 = Vec3f::new(e3.x * e4, e3.y * e4, e3.z * e4);
        let e6 = Vec3f::new(a1_q.z, a1_q.y, a1_q.x);
        let e7 = Vec3f::new(e5.x + e6.x, e5.y + e6.y, e5.z + e6.z);
        v0_v = e7;
        let e9 = v0_v;
        let e11 = Vec3f::new(0.5f32 * e9.x, 0.5f32 * e9.y, 0.5f32 * e9.z);
        let e12 = Vec3f::new(a0_p.w, a0_p.w, a0_p.w);
        let e13 = Vec3f::new(e11.x - e12.x, e11.y - e12.y, e11.z - e12.z);
        v0_v = e13;
        let e14 = v0_v;
        let e15 = Vec3f::new(a1_q.x, a1_q.y, a1_q.z);
        let e16 = Vec3f::new(e14.x * e15.x, e14.y * e15.y, e14.z * e15.z);
        let e17 = Vec2f::new(a0_p.x, a0_p.y);
        let e19 = Vec3f::new(e17.x, e17.y, 1.0f32);
        let e20 = Vec3f::new(e16.x + e19.x, e16.y + e19.y, e16.z + e19.z);
        let e22 = Vec3f::new(e20.x + CORNER.x, e20.y + CORNER.y, e20.z + CORNER.z);
        v0_v = e22;
        let e24 = intrinsics::rem_u32(a2_index, 3u32);
        let e27 = a2_index.wrapping_add(1u32);
        let e29 = intrinsics::rem_u32(e27, 3u32);
        let e31 = v0_v.at(e29 as u32);
        let e33 = e31 + 1.0f32;
        *v0_v.at_mut(e24 as u32) = e33;
        let e35 = v0_v.y;
        let e37 = a2_index & 3u32;
        let e38 = a0_p.at(e37 as u32);
        let e39 = e35 + e38;
        v0_v.y = e39;
        let e40 = v0_v;
        let e41 = Vec3f::new(a1_q.x, a1_q.y, a1_q.z);
        let e42 = v0_v;
        let e43 = Vec3u::splat(a2_index);
        let e47 = Vec3u::new(16u32, 32u32, 64u32);
        let e48 = Vec3u::new(e43.x & e47.x, e43.y & e47.y, e43.z & e47.z);
        let e50 = Vec3u::splat(0u32);
        let e51 = Vec3b::new(e48.x == e50.x, e48.y == e50.y, e48.z == e50.z);
        let e52 = Vec3f::new(if e51.x { e42.x } else { e41.x }, if e51.y { e42.y } else { e41.y }, if e51.z { e42.z } else { e41.z });
        let e53_less = Vec3b::new(e40.x < e52.x, e40.y < e52.y, e40.z < e52.z);
        let e54 = v0_v;
        let e55 = v0_v;
        let e56 = Vec3f::new(-e55.x, -e55.y, -e55.z);
        let e57 = Vec3f::new(if e53_less.x { e56.x } else { e54.x }, if e53_less.y { e56.y } else { e54.y }, if e53_less.z { e56.z } else { e54.z });
        v0_v = e57;
        let e58 = v0_v;
        let e59 = v0_v;
        let e61 = Vec3f::splat(1.0f32);
        let e62 = Vec3f::new(e59.x + e61.x, e59.y + e61.y, e59.z + e61.z);
        let e63 = e53_less.x & e53_less.y & e53_less.z;
        let e64 = !e63;
        if e64 {
            let e67 = v0_v;
            let e68 = Vec2f::new(e67.x, e67.y);
            let e69 = Vec2f::new(a0_p.z, a0_p.w);
            let e70 = Vec2b::new(e68.x > e69.x, e68.y > e69.y);
            let e71 = e70.x | e70.y;
            v1_ = e71;
        } else {
            v1_ = true;
        }
        let e73 = v1_;
        let e74 = if e73 { e62 } else { e58 };
        v0_v = e74;
        let e75 = v0_v;
        let e77 = Vec4f::new(e75.x, e75.y, e75.z, 2.5f32);
        let e78 = Vec4f::new(intrinsics::floor(e77.x), intrinsics::floor(e77.y), intrinsics::floor(e77.z), intrinsics::floor(e77.w));
        let e79_w = Vec4f::new(e78.x.abs(), e78.y.abs(), e78.z.abs(), e78.w.abs());
        let e80 = Vec4u::new(intrinsics::f32_to_u32(e79_w.x), intrinsics::f32_to_u32(e79_w.y), intrinsics::f32_to_u32(e79_w.z), intrinsics::f32_to_u32(e79_w.w));
        let e84 = Vec4u::new(1u32, a2_index, 3u32, 4u32);
        let e86 = Vec4u::new(e84.x.wrapping_mul(2u32), e84.y.wrapping_mul(2u32), e84.z.wrapping_mul(2u32), e84.w.wrapping_mul(2u32));
        let e87_u = Vec4u::new(e80.x.wrapping_add(e86.x), e80.y.wrapping_add(e86.y), e80.z.wrapping_add(e86.z), e80.w.wrapping_add(e86.w));
        let e88 = Vec4i::new(e87_u.x as i32, e87_u.y as i32, e87_u.z as i32, e87_u.w as i32);
        let e90 = a2_index & 1u32;
        let e91 = e90 as i32;
        let e95 = Vec4i::new((-3i32), 2i32, e91, 5i32);
        let e96 = Vec4i::new(intrinsics::div_i32(e88.x, e95.x), intrinsics::div_i32(e88.y, e95.y), intrinsics::div_i32(e88.z, e95.z), intrinsics::div_i32(e88.w, e95.w));
        let e99 = Vec4i::new(1i32, (-1i32), 1i32, (-1i32));
        let e100_s = Vec4i::new(e96.x.wrapping_sub(e99.x), e96.y.wrapping_sub(e99.y), e96.z.wrapping_sub(e99.z), e96.w.wrapping_sub(e99.w));
        let e101 = Vec4u::new(e100_s.x as u32, e100_s.y as u32, e100_s.z as u32, e100_s.w as u32);
        let e106 = Vec4u::new(1u32, 2u32, 3u32, 4u32);
        let e107 = Vec4u::new(e87_u.x.wrapping_shl(e106.x), e87_u.y.wrapping_shl(e106.y), e87_u.z.wrapping_shl(e106.z), e87_u.w.wrapping_shl(e106.w));
        let e108 = Vec4u::new(e101.x ^ e107.x, e101.y ^ e107.y, e101.z ^ e107.z, e101.w ^ e107.w);
        let e111 = a2_index & 1u32;
        let e114 = Vec4u::new(7u32, e111, 5u32, 3u32);
        let e115 = Vec4u::new(intrinsics::rem_u32(e87_u.x, e114.x), intrinsics::rem_u32(e87_u.y, e114.y), intrinsics::rem_u32(e87_u.z, e114.z), intrinsics::rem_u32(e87_u.w, e114.w));
        let e116_m = Vec4u::new(e108.x ^ e115.x, e108.y ^ e115.y, e108.z ^ e115.z, e108.w ^ e115.w);
        let e117 = Vec3i::new(e100_s.x, e100_s.y, e100_s.z);
        let e118 = Vec3f::new(e117.x as f32, e117.y as f32, e117.z as f32);
        let e119 = Vec3f::new(if e53_less.x { 1.0f32 } else { 0.0f32 }, if e53_less.y { 1.0f32 } else { 0.0f32 }, if e53_less.z { 1.0f32 } else { 0.0f32 });
        let e120_f = Vec3f::new(e118.x * e119.x, e118.y * e119.y, e118.z * e119.z);
        let e121 = e116_m.x;
        let e122 = e116_m.y;
        let e124 = e122.wrapping_mul(3u32);
        let e125 = e121.wrapping_add(e124);
        let e126 = e116_m.z;
        let e128 = e126.wrapping_mul(5u32);
        let e129 = e125.wrapping_add(e128);
        let e130 = e116_m.w;
        let e132 = e130.wrapping_mul(7u32);
        let e133 = e129.wrapping_add(e132);
        let e134 = e120_f.x;
        let e135 = e120_f.y;
        let e136 = e134 + e135;
        let e137 = e120_f.z;
        let e138 = e136 + e137;
        let e139 = e138.to_bits();
        let e140 = e133.wrapping_add(e139);
        let e141 = e87_u.x.wrapping_mul(e116_m.x).wrapping_add(e87_u.y.wrapping_mul(e116_m.y)).wrapping_add(e87_u.z.wrapping_mul(e116_m.z)).wrapping_add(e87_u.w.wrapping_mul(e116_m.w));
        let e142 = e140.wrapping_add(e141);
        return e142;
    }
    #[inline(always)]
    pub fn bump(a0_counter: &mut u32, a1_by: u32) -> u32 {
        let e2 = (*a0_counter);
        let e3 = e2.wrapping_add(a1_by);
        (*a0_counter) = e3;
        let e4 = (*a0_counter);
        let e6 = e4 > 1000u32;
        if e6 {
            return 1u32;
        }
        return 0u32;
    }
    #[inline(always)]
    pub fn twice(a0_counter: &mut u32, a1_by: u32) -> u32 {
        let e2 = bump(&mut (*a0_counter), a1_by);
        let e4 = a1_by.wrapping_mul(2u32);
        let e5 = bump(&mut (*a0_counter), e4);
        let e6 = e2.wrapping_add(e5);
        return e6;
    }
    #[inline(always)]
    pub fn fill(a0_stack: &mut [u32; 8], a1_at: u32, a2_value: u32) {
        let e4 = a1_at & 7u32;
        (*a0_stack)[e4 as usize] = a2_value;
        let e7 = a1_at > 100u32;
        if e7 {
            return;
        }
        let e9 = a1_at.wrapping_add(1u32);
        let e11 = e9 & 7u32;
        let e13 = (*a0_stack)[e11 as usize];
        let e15 = a2_value.wrapping_shr(3u32);
        let e16 = e13 ^ e15;
        (*a0_stack)[e11 as usize] = e16;
        return;
    }
    #[inline]
    pub fn arrays(a0_seed: u32) -> u32 {
        let mut v0_stack: [u32; 8] = [0u32; 8];
        let mut v1_top: u32 = 0u32;
        let mut v2_counter: u32 = 0u32;
        let mut v3_i: u32 = 0u32;
        let mut v4_grid: [[Vec2u; 3]; 2] = [[Vec2u::ZERO; 3]; 2];
        let mut v5_sum: u32 = 0u32;
        let mut v6_i: u32 = 0u32;
        let e5 = a0_seed & 255u32;
        v2_counter = e5;
        'l1: loop {
            let e9 = v3_i;
            let e11 = e9 < 20u32;
            if e11 {
            } else {
                break 'l1;
            }
            {
                let e12 = v3_i;
                let e13 = a0_seed.wrapping_add(e12);
                let e14 = hash(e13);
                let e15 = v3_i;
                let e17 = e15.wrapping_mul(77u32);
                fill(&mut v0_stack, e14, e17);
                let e18 = v1_top;
                let e19 = v3_i;
                let e21 = intrinsics::rem_u32(e19, 8u32);
                let e23 = v0_stack[e21 as usize];
                let e25 = e23 & 255u32;
                let e26 = twice(&mut v2_counter, e25);
                let e27 = e18.wrapping_add(e26);
                v1_top = e27;
            }
            let e29 = v3_i;
            let e30 = e29.wrapping_add(1u32);
            v3_i = e30;
        }
        let e32 = v1_top;
        let e34 = e32 & 1u32;
        let e37 = intrinsics::rem_u32(a0_seed, 3u32);
        let e40 = v2_counter;
        v4_grid[e34 as usize][e37 as usize].y = e40;
        let e44 = v0_stack[3];
        let e45 = v1_top;
        let e46 = Vec2u::new(e44, e45);
        v4_grid[1][2] = e46;
        let e47_copy = v4_grid;
        'l2: loop {
            let e52 = v6_i;
            let e54 = e52 < 6u32;
            if e54 {
            } else {
                break 'l2;
            }
            {
                let e55 = v5_sum;
                let e57 = e55.wrapping_mul(5u32);
                let e58 = v6_i;
                let e60 = intrinsics::div_u32(e58, 3u32);
                let e61 = e47_copy[e60 as usize];
                let e62 = v6_i;
                let e64 = intrinsics::rem_u32(e62, 3u32);
                let e65 = e61[e64 as usize];
                let e66 = e65.x;
                let e67 = e57.wrapping_add(e66);
                let e69 = v6_i;
                let e71 = intrinsics::div_u32(e69, 3u32);
                let e73 = v6_i;
                let e75 = intrinsics::rem_u32(e73, 3u32);
                let e78 = v4_grid[e71 as usize][e75 as usize].y;
                let e79 = 2u32.wrapping_mul(e78);
                let e80 = e67.wrapping_add(e79);
                v5_sum = e80;
            }
            let e82 = v6_i;
            let e83 = e82.wrapping_add(1u32);
            v6_i = e83;
        }
        let e84 = v5_sum;
        let e85 = v2_counter;
        let e86 = e84.wrapping_add(e85);
        return e86;
    }
    #[inline]
    pub fn flow(a0_seed: u32) -> u32 {
        let mut v0_h: u32 = 0u32;
        let mut v1_rounds: u32 = 0u32;
        let mut v2_j: i32 = 0i32;
        let mut v3_: bool = false;
        v0_h = a0_seed;
        'l1: loop {
            let mut e7_step: u32 = 0u32;
            'c1: {
                let e4 = v0_h;
                let e5 = hash(e4);
                e7_step = intrinsics::rem_u32(e5, 11u32);
                let e8 = v1_rounds;
                let e10 = e8.wrapping_add(1u32);
                v1_rounds = e10;
                'l2: {
                    match e7_step {
                        0u32 => {
                            let e11 = v0_h;
                            let e13 = e11.wrapping_add(1u32);
                            v0_h = e13;
                            let e14 = v0_h;
                            let e16 = e14 & 1u32;
                            let e18 = e16 == 0u32;
                            if e18 {
                                break 'l2;
                            }
                            let e19 = v0_h;
                            let e21 = e19.wrapping_add(10u32);
                            v0_h = e21;
                        }
                        1u32 | 2u32 => {
                            let e22 = v0_h;
                            let e24 = e22.wrapping_mul(3u32);
                            v0_h = e24;
                            break 'c1;
                        }
                        4u32 => {
                            let e28 = v1_rounds;
                            let e30 = e28 > 3u32;
                            if e30 {
                                let e31 = v0_h;
                                let e33 = e31.wrapping_add(4u32);
                                return e33;
                            }
                        }
                        5u32 => {
                        }
                        _ => {
                            let e25 = v0_h;
                            let e27 = e25 ^ 85u32;
                            v0_h = e27;
                        }
                    }
                }
                let e35 = e7_step > 8u32;
                if e35 {
                    break 'l1;
                }
                v2_j = 0i32;
                'l3: loop {
                    'c3: {
                        let e38 = v2_j;
                        let e40 = e38 < 5i32;
                        if e40 {
                        } else {
                            break 'l3;
                        }
                        {
                            let e41 = v2_j;
                            let e42 = e7_step as i32;
                            let e43 = e41 == e42;
                            if e43 {
                                break 'c3;
                            }
                            let e44 = v2_j;
                            let e46 = e44 == 4i32;
                            if e46 {
                                break 'l3;
                            }
                            let e47 = v0_h;
                            let e48 = v2_j;
                            let e49 = e48 as u32;
                            let e50 = e47.wrapping_add(e49);
                            v0_h = e50;
                        }
                    }
                    let e52 = v2_j;
                    let e53 = e52.wrapping_add(1i32);
                    v2_j = e53;
                }
            }
            let e54 = v0_h;
            let e56 = e54.wrapping_mul(7u32);
            let e57 = e56.wrapping_add(e7_step);
            v0_h = e57;
            let e58 = v1_rounds;
            let e60 = e58 >= 12u32;
            let e61 = !e60;
            if e61 {
                let e65 = e7_step == 7u32;
                v3_ = e65;
            } else {
                v3_ = true;
            }
            let e67 = v3_;
            if e67 { break 'l1; }
        }
        'l4: loop {
            let e68 = v0_h;
            let e70 = e68 > 1000u32;
            if e70 {
            } else {
                break 'l4;
            }
            {
                let e71 = v0_h;
                let e73 = e71.wrapping_shr(3u32);
                v0_h = e73;
                let e74 = v0_h;
                let e76 = e74 == 5000u32;
                if e76 {
                    continue 'l4;
                }
                let e77 = v0_h;
                let e79 = e77.wrapping_sub(1u32);
                v0_h = e79;
            }
        }
        let e80 = v0_h;
        let e82 = e80.wrapping_mul(16u32);
        let e83 = v1_rounds;
        let e84 = e82.wrapping_add(e83);
        return e84;
    }
    #[inline(always)]
    pub fn make(a0_x: f32, a1_flag: bool) -> Local {
        let mut v0_local: Local = Local::ZERO;
        let e3 = Vec3f::splat(a0_x);
        let e4 = Local { type_: 3u32, ok: a1_flag, vector: e3 };
        v0_local = e4;
        v0_local.vector.y = 2.0f32;
        if a1_flag {
            v0_local = SHAPE;
            let e11 = v0_local.type_;
            let e13 = e11.wrapping_add(1u32);
            v0_local.type_ = e13;
        }
        let e14 = v0_local;
        return e14;
    }
    #[inline(always)]
    pub fn wgsl_div(a0_a: f32, a1_b: f32) -> f32 {
        let e2 = a0_a * a1_b;
        return e2;
    }
    #[inline(always)]
    pub fn ratio(a0_a: f32, a1_b: f32) -> f32 {
        let e2 = crate::native_div(a0_a, a1_b);
        return e2;
    }
