//! Punctual lights of test scenes, and how often each kind of light is picked.

use super::{Builder, Sampling, tables};
use tessera_shaders::cpu::PunctualLight;

impl Builder {
    /// Adds a punctual light; all are picked equally often.
    pub fn lamp(mut self, lamp: PunctualLight) -> Builder {
        self.lamps.push(lamp);
        let count = self.lamps.len();
        let cdf = tables::cumulative(&vec![1.0; count]);
        for (lamp, cdf) in self.lamps.iter_mut().zip(cdf) {
            (lamp.cdf, lamp.probability) = (cdf, 1.0 / count as f32);
        }
        self
    }

    pub(super) fn pick_probabilities(&mut self, triangles: bool) {
        let sky = self.environment.is_some();
        let others = usize::from(triangles) + usize::from(!self.lamps.is_empty());
        let p = match self.sampling {
            Sampling::BsdfOnly => return,
            Sampling::Environment(p) => p,
            Sampling::Both if sky => 1.0 / (1 + others) as f64,
            Sampling::Both => 0.0,
        };
        let punctual = if self.lamps.is_empty() { 0.0 } else { (1.0 - p) / others as f64 };
        let below = |p: f64| if p == 1.0 { u32::MAX } else { (p * 4294967296.0) as u32 };
        self.params.environment_probability = p as f32;
        self.params.punctual_probability = punctual as f32;
        self.params.triangle_probability = if triangles { (1.0 - p - punctual) as f32 } else { 0.0 };
        self.params.environment_pick = below(p);
        self.params.punctual_pick = below(p + punctual);
        self.params.punctual_count = self.lamps.len() as u32;
    }
}
