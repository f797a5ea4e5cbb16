//! A ray as the SIMD tests want it: `ray_of`, `canonical_direction` and `slab` of `shaders/wgsl/trace.wgsl`, to the bit.

use tessera_shaders::native::div;

use super::lanes::Lanes;
use crate::accel::{Bounds, WideInstance};

/// 2⁻²⁰, 2⁻⁴⁰, 2⁻⁶⁰: see `trace.wgsl`.
const PADDING: f32 = 1.0 / (1u64 << 20) as f32;
pub(super) const TINY: f32 = 1.0 / (1u64 << 40) as f32;
const COORDINATE_MIN: f32 = 1.0 / (1u64 << 60) as f32;
/// 2⁴⁰ and 2²⁰: bounds of a ray in object space.
const COORDINATE_MAX: f32 = (1u64 << 40) as f32;
const STRETCH_MAX: f32 = (1u64 << 20) as f32;

/// One ray, each value in all lanes.
#[derive(Clone, Copy)]
pub(super) struct WideRay<L> {
    /// Axes in cyclic order, that of the direction's greatest component last.
    pub axes: [usize; 3],
    /// The origin by `axes`.
    pub origin: [L; 3],
    pub shear: [L; 3],
    /// By axis: the plane (0 lower, 1 upper) that the ray meets first, and the padded origins of the near and far plane.
    near_side: [usize; 3],
    near_origin: [L; 3],
    far_origin: [L; 3],
    inverse: [L; 3],
}

/// The parts of a ray before they are spread over lanes.
#[derive(Clone, Copy)]
pub(super) struct ScalarRay {
    origin: [f32; 3],
    origin_low: [f32; 3],
    origin_high: [f32; 3],
    inverse: [f32; 3],
}

/// `array::map` that is always a part of its caller. Closures over lanes are written out in this folder: they are functions
/// of their own, and those are not compiled for the instructions of the function that they stand in.
#[inline(always)]
fn each<T: Copy, U>([x, y, z]: [T; 3], f: impl Fn(T) -> U) -> [U; 3] {
    [f(x), f(y), f(z)]
}

#[inline(always)]
fn splat3<L: Lanes>([x, y, z]: [f32; 3]) -> [L; 3] {
    [L::splat(x), L::splat(y), L::splat(z)]
}

#[inline(always)]
fn magnitude(v: [f32; 3]) -> f32 {
    let [x, y, z] = each(v, f32::abs);
    x.max(y).max(z)
}

#[inline(always)]
fn canonical_direction(direction: [f32; 3]) -> [f32; 3] {
    let tiny = magnitude(direction) * TINY;
    each(direction, |c| if c.abs() < tiny { tiny } else { c })
}

impl ScalarRay {
    #[inline(always)]
    pub fn new(origin: [f32; 3], direction: [f32; 3]) -> ScalarRay {
        let origin = each(origin, |c| if c.abs() < COORDINATE_MIN { 0.0 } else { c });
        let padding = magnitude(origin) * PADDING;
        ScalarRay {
            origin,
            origin_low: each(origin, |c| c - padding),
            origin_high: each(origin, |c| c + padding),
            inverse: each(direction, |c| div(1.0, c)),
        }
    }

    /// Where the ray enters and leaves a padded box.
    #[inline(always)]
    pub fn slab(&self, bounds: &Bounds) -> (f32, f32) {
        let axis = |i: usize| {
            let low = (bounds.min[i] - self.origin_high[i]) * self.inverse[i];
            let high = (bounds.max[i] - self.origin_low[i]) * self.inverse[i];
            if self.inverse[i] > 0.0 { (low, high) } else { (high, low) }
        };
        let [x, y, z] = [axis(0), axis(1), axis(2)];
        (x.0.max(y.0).max(z.0), x.1.min(y.1).min(z.1))
    }

    /// The ray in an instance's object space, with its direction; `None` where it leaves the range that counts.
    #[inline(always)]
    pub fn into_object(self, direction: [f32; 3], instance: &WideInstance) -> Option<(ScalarRay, [f32; 3])> {
        let rows = &instance.world_to_object;
        let [x, y, z] = self.origin;
        let point = each(*rows, |[a, b, c, d]| a * x + b * y + c * z + d);
        let [x, y, z] = direction;
        let vector = each(*rows, |[a, b, c, _]| a * x + b * y + c * z);
        let stretch = magnitude(vector);
        if magnitude(point) > COORDINATE_MAX || stretch > STRETCH_MAX || stretch * STRETCH_MAX < 1.0 {
            return None;
        }
        let vector = canonical_direction(vector);
        Some((ScalarRay::new(point, vector), vector))
    }

    #[inline(always)]
    pub fn spread<L: Lanes>(&self, direction: [f32; 3]) -> WideRay<L> {
        let [x, y, z] = each(direction, f32::abs);
        let last = if x >= y && x >= z {
            0
        } else if y >= z {
            1
        } else {
            2
        };
        let axes = [[1, 2, 0], [2, 0, 1], [0, 1, 2]][last];
        let reciprocal = self.inverse[last];
        let forward = each(self.inverse, |c| c > 0.0);
        let side =
            |i: usize, near: bool| if forward[i] == near { self.origin_high[i] } else { self.origin_low[i] };
        WideRay {
            axes,
            origin: splat3([self.origin[axes[0]], self.origin[axes[1]], self.origin[axes[2]]]),
            shear: splat3([direction[axes[0]] * reciprocal, direction[axes[1]] * reciprocal, reciprocal]),
            near_side: each(forward, |forward| usize::from(!forward)),
            near_origin: splat3([side(0, true), side(1, true), side(2, true)]),
            far_origin: splat3([side(0, false), side(1, false), side(2, false)]),
            inverse: splat3(self.inverse),
        }
    }
}

impl<L: Lanes> WideRay<L> {
    /// Which plane of an axis the ray meets first: 0 the lower, 1 the upper.
    #[inline(always)]
    pub fn near_side(&self, axis: usize) -> usize {
        self.near_side[axis] & 1
    }

    /// `slab` on eight padded boxes, given the planes that the ray meets first and last.
    #[inline(always)]
    pub fn slab(&self, near: [L; 3], far: [L; 3]) -> (L, L) {
        let [x0, y0, z0] = self.at_planes(near, self.near_origin);
        let [x1, y1, z1] = self.at_planes(far, self.far_origin);
        (x0.max(y0).max(z0), x1.min(y1).min(z1))
    }

    #[inline(always)]
    fn at_planes(&self, [x, y, z]: [L; 3], [ox, oy, oz]: [L; 3]) -> [L; 3] {
        let [ix, iy, iz] = self.inverse;
        [x.sub(ox).mul(ix), y.sub(oy).mul(iy), z.sub(oz).mul(iz)]
    }
}
