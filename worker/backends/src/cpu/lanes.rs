//! Eight floats at once: what the traversal needs of SIMD, with AVX2 and in plain Rust. Every operation is the IEEE one on
//! each lane, so both give the same bits. Nothing here fuses a product with a sum.

use crate::accel::LANES;

/// Eight floats. Lanes never hold NaN where their order matters.
pub(super) trait Lanes: Copy {
    /// A truth value a lane.
    type Mask: Copy;

    fn splat(x: f32) -> Self;
    fn load(x: &[f32; LANES]) -> Self;
    fn store(self) -> [f32; LANES];
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn abs(self) -> Self;
    /// +0 where the mask is set.
    fn zero_where(self, mask: Self::Mask) -> Self;
    fn less(self, other: Self) -> Self::Mask;
    fn less_equal(self, other: Self) -> Self::Mask;
    fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Bit i is lane i.
    fn bits(mask: Self::Mask) -> u32;
}

/// Plain Rust, for any machine; compilers turn the loops into what SIMD there is.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn with(self, other: Portable, f: impl Fn(f32, f32) -> f32) -> Portable {
        Portable(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Lanes for Portable {
    type Mask = [u32; LANES];

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Portable([x; LANES])
    }
    #[inline(always)]
    fn load(x: &[f32; LANES]) -> Self {
        Portable(*x)
    }
    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        self.0
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Portable(self.0.map(f32::abs))
    }
    #[inline(always)]
    fn zero_where(self, mask: Self::Mask) -> Self {
        Portable(std::array::from_fn(|i| f32::from_bits(self.0[i].to_bits() & !mask[i])))
    }
    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        std::array::from_fn(|i| if self.0[i] < other.0[i] { u32::MAX } else { 0 })
    }
    #[inline(always)]
    fn less_equal(self, other: Self) -> Self::Mask {
        std::array::from_fn(|i| if self.0[i] <= other.0[i] { u32::MAX } else { 0 })
    }
    #[inline(always)]
    fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        std::array::from_fn(|i| a[i] & b[i])
    }
    #[inline(always)]
    fn bits(mask: Self::Mask) -> u32 {
        (0..LANES).fold(0, |bits, i| bits | (mask[i] & (1 << i)))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{LANES, Lanes};

    /// AVX2. SAFETY of every method: values of this type are made only below `trace_avx2`, which runs only where the CPU
    /// has AVX2; loads and stores are unaligned ones within the arrays they are given.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(__m256);

    impl Lanes for Avx2 {
        type Mask = __m256;

        #[inline(always)]
        fn splat(x: f32) -> Self {
            Avx2(unsafe { _mm256_set1_ps(x) })
        }
        #[inline(always)]
        fn load(x: &[f32; LANES]) -> Self {
            Avx2(unsafe { _mm256_loadu_ps(x.as_ptr()) })
        }
        #[inline(always)]
        fn store(self) -> [f32; LANES] {
            let mut out = [0.0; LANES];
            unsafe { _mm256_storeu_ps(out.as_mut_ptr(), self.0) };
            out
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_div_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_min_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Avx2(unsafe { _mm256_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn abs(self) -> Self {
            Avx2(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
        }
        #[inline(always)]
        fn zero_where(self, mask: Self::Mask) -> Self {
            Avx2(unsafe { _mm256_andnot_ps(mask, self.0) })
        }
        #[inline(always)]
        fn less(self, other: Self) -> Self::Mask {
            unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0) }
        }
        #[inline(always)]
        fn less_equal(self, other: Self) -> Self::Mask {
            unsafe { _mm256_cmp_ps::<_CMP_LE_OQ>(self.0, other.0) }
        }
        #[inline(always)]
        fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask {
            unsafe { _mm256_and_ps(a, b) }
        }
        #[inline(always)]
        fn bits(mask: Self::Mask) -> u32 {
            (unsafe { _mm256_movemask_ps(mask) }) as u32
        }
    }
}
