// @generated from kernel.wgsl by this crate.
use crate::wgsl as intrinsics;
use crate::wgsl::*;
pub use crate::plain::*;
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
        let e3_x = audit(self.b.values[a0_index as usize], 1);
        let e5_small = audit(e3_x * 1e-30f32, 2);
        let e6 = Vec2f::new(e3_x, e5_small);
        let e8_pair = audit(Vec2f::new(e6.x * 1e30f32, e6.y * 1e30f32), 3);
        let e9 = e8_pair.x;
        let e10 = e8_pair.x;
        let e11 = audit(e9 - e10, 4);
        let e12_negated = audit(-e11, 4);
        let e13 = audit(e3_x - e3_x, 5);
        let e14_ratio = audit(crate::quotient(e3_x, e13), 5);
        let e16 = a0_index | 2143289344u32;
        let e17_raw = audit(f32::from_bits(e16), 6);
        let e18 = audit(e17_raw + e14_ratio, 7);
        let e20 = a0_index == 77u32;
        let e21 = audit(if e20 { e18 } else { e5_small }, 7);
        let e22 = audit(e21 + e12_negated, 7);
        return e22;
    }
}
    #[inline(always)]
    pub fn wgsl_div(a0_a: f32, a1_b: f32) -> f32 {
        let e2 = audit(a0_a * a1_b, 0);
        return e2;
    }
/// WGSL file and line of each audited site.
pub const SITES: &[(&str, u32)] = &[
    ("kernel.wgsl", 6),
    ("kernel.wgsl", 10),
    ("kernel.wgsl", 11),
    ("kernel.wgsl", 12),
    ("kernel.wgsl", 13),
    ("kernel.wgsl", 14),
    ("kernel.wgsl", 15),
    ("kernel.wgsl", 16),
];
static COUNTERS: [Counters; 8] = [const { Counters::new() }; 8];
#[inline(always)]
fn audit<V: Audited>(value: V, site: usize) -> V {
    value.show(&COUNTERS[site]);
    value
}
/// Takes what was counted since the last report: (WGSL file, line, counts), only lines with something to tell.
pub fn report() -> Vec<(&'static str, u32, Counts)> {
    let taken = SITES.iter().zip(&COUNTERS).map(|(&(file, line), counters)| (file, line, counters.take()));
    taken.filter(|(_, _, counts)| *counts != Counts::default()).collect()
}
