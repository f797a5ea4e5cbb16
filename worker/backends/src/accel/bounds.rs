//! Axis-aligned boxes and the normative padding of `shaders/wgsl/trace.wgsl`.

/// A box, `min` ≤ `max` by component unless empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub min: [f32; 3],
    pub max: [f32; 3],
}

/// 2⁻²⁰: the padding's share of the largest coordinate.
const PADDING: f32 = 1.0 / 1_048_576.0;

impl Bounds {
    pub const EMPTY: Bounds = Bounds { min: [f32::MAX; 3], max: [f32::MIN; 3] };

    pub fn of_points(points: &[[f32; 3]]) -> Bounds {
        points.iter().fold(Bounds::EMPTY, |bounds, &point| bounds.union(Bounds { min: point, max: point }))
    }

    pub fn union(self, other: Bounds) -> Bounds {
        let axis = |i: usize| (self.min[i].min(other.min[i]), self.max[i].max(other.max[i]));
        let [x, y, z] = [axis(0), axis(1), axis(2)];
        Bounds { min: [x.0, y.0, z.0], max: [x.1, y.1, z.1] }
    }

    /// 2⁻²⁰ of the largest coordinate.
    pub fn padding(self) -> f32 {
        let largest = self.min.iter().chain(&self.max).fold(0.0f32, |largest, c| largest.max(c.abs()));
        largest * PADDING
    }

    /// The box that the normative slab test sees.
    pub fn padded(self) -> Bounds {
        let padding = self.padding();
        Bounds { min: self.min.map(|c| c - padding), max: self.max.map(|c| c + padding) }
    }

    /// Half of the surface; 0 for an empty box.
    pub fn half_area(self) -> f32 {
        let [x, y, z] = [0, 1, 2].map(|i| (self.max[i] - self.min[i]).max(0.0));
        x * y + y * z + z * x
    }
}
