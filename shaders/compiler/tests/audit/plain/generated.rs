// @generated from kernel.wgsl by this crate.
use crate::wgsl as intrinsics;
use crate::wgsl::*;
/// Structs held in buffers: name, size in bytes, and each member's offset in bytes.
pub const LAYOUTS: &[(&str, u32, &[(&str, u32)])] = &[
];
/// Bindings of group 0: name, binding, whether the kernel writes it.
pub const BINDINGS: &[(&str, u32, bool)] = &[
    ("values", 0, false),
    ("results", 1, true),
];
/// What the kernel reads.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'a> {
    /// Binding 0.
    pub values: &'a [f32],
}
impl Bindings<'_> {
    /// Empty arrays and zeros.
    pub const EMPTY: Bindings<'static> = Bindings {
        values: &[],
    };
}
/// The entry point's name.
pub const ENTRY_POINT: &str = "kernel";
/// Its workgroup size.
pub const WORKGROUP_SIZE: [u32; 3] = [1, 1, 1];
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
}
/// Runs everything as WGSL says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;
impl Hooks for NoHooks {}
impl<T: Hooks> Kernel<'_, T> {
    #[inline(always)]
    pub fn shade(&self, a0_index: u32) -> f32 {
        let e3_x = self.b.values[a0_index as usize];
        let e5_small = e3_x * 1e-30f32;
        let e6 = Vec2f::new(e3_x, e5_small);
        let e8_pair = Vec2f::new(e6.x * 1e30f32, e6.y * 1e30f32);
        let e9 = e8_pair.x;
        let e10 = e8_pair.x;
        let e11 = e9 - e10;
        let e12_negated = -e11;
        let e13 = e3_x - e3_x;
        let e14_ratio = crate::quotient(e3_x, e13);
        let e16 = a0_index | 2143289344u32;
        let e17_raw = f32::from_bits(e16);
        let e18 = e17_raw + e14_ratio;
        let e20 = a0_index == 77u32;
        let e21 = if e20 { e18 } else { e5_small };
        let e22 = e21 + e12_negated;
        return e22;
    }
}
    #[inline(always)]
    pub fn wgsl_div(a0_a: f32, a1_b: f32) -> f32 {
        let e2 = a0_a * a1_b;
        return e2;
    }
