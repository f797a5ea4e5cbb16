//! A soft procedural sky as a small Radiance HDR file: two gradients, a glow on the horizon and a sun with a wide rim.

use std::f32::consts::{PI, TAU};

/// Radiances are linear Rec. 709.
pub struct Sky {
    pub zenith: [f32; 3],
    pub horizon: [f32; 3],
    pub ground: [f32; 3],
    pub sun: [f32; 3],
    /// Towards the sun; need not be of length one.
    pub sun_direction: [f32; 3],
    /// Angle at which the sun's rim has faded to 1/e, in radians.
    pub sun_width: f32,
}

const WIDTH: usize = 192;
const HEIGHT: usize = 96;

/// The sky as the bytes of a `.hdr` file.
pub fn hdr(sky: &Sky) -> Vec<u8> {
    let sun_direction = crate::shapes::unit(sky.sun_direction);
    let mut pixels = Vec::with_capacity(WIDTH * HEIGHT);
    for row in 0..HEIGHT {
        let latitude = PI * (0.5 - (row as f32 + 0.5) / HEIGHT as f32);
        for column in 0..WIDTH {
            let azimuth = TAU * ((column as f32 + 0.5) / WIDTH as f32 - 0.5);
            let direction = [latitude.cos() * azimuth.cos(), latitude.sin(), latitude.cos() * azimuth.sin()];
            pixels.push(radiance(sky, sun_direction, direction));
        }
    }
    let mut bytes = Vec::new();
    let encoder = image::codecs::hdr::HdrEncoder::new(&mut bytes);
    let pixels: Vec<image::Rgb<f32>> = pixels.into_iter().map(image::Rgb).collect();
    encoder.encode(&pixels, WIDTH, HEIGHT).expect("writing to memory cannot fail");
    bytes
}

fn radiance(sky: &Sky, sun: [f32; 3], direction: [f32; 3]) -> [f32; 3] {
    let height = direction[1];
    let cos: f32 = (0..3).map(|k| direction[k] * sun[k]).sum();
    let angle = cos.clamp(-1.0, 1.0).acos();
    let rim = (-(angle / sky.sun_width).powi(2)).exp();
    let glow = (-(angle / 0.9).powi(2)).exp() * (-(height / 0.25).powi(2)).exp();
    std::array::from_fn(|k| {
        let up = 1.0 - (1.0 - height.max(0.0)).powi(4);
        let above = sky.horizon[k] + (sky.zenith[k] - sky.horizon[k]) * up;
        let below = sky.ground[k] + (sky.horizon[k] - sky.ground[k]) * (-(height / 0.06).powi(2)).exp();
        let base = if height >= 0.0 { above } else { below };
        base + sky.sun[k] * (rim + 0.012 * glow)
    })
}
