//! Filters: what is done to decoded elements, in the arithmetic that Appendix B writes down. Where the specification leaves a
//! result open, casts saturate.

use super::Filter;

/// Filters elements of `stride` bytes in place.
pub fn apply(filter: Filter, stride: usize, bytes: &mut [u8]) {
    match (filter, stride) {
        (Filter::None, _) => {}
        (Filter::Octahedral, 4) => bytes.chunks_exact_mut(4).for_each(|element| {
            let [x, y, z] = octahedral([0, 1, 2].map(|i| f32::from(element[i] as i8)), 127.0);
            element[..3].copy_from_slice(&[x as i8 as u8, y as i8 as u8, z as i8 as u8]);
        }),
        (Filter::Octahedral, _) => bytes.chunks_exact_mut(8).for_each(|element| {
            let [x, y, z, w] = words(element);
            let [x, y, z] = octahedral([x, y, z].map(|word| f32::from(word as i16)), 32767.0);
            set_words(element, [x as i16 as u16, y as i16 as u16, z as i16 as u16, w]);
        }),
        (Filter::Quaternion, _) => {
            bytes.chunks_exact_mut(8).for_each(|element| set_words(element, quaternion(words(element))));
        }
        (Filter::Exponential, _) => {
            let (numbers, _) = bytes.as_chunks_mut::<4>();
            for number in numbers {
                *number = exponential(i32::from_le_bytes(*number)).to_le_bytes();
            }
        }
        (Filter::Color, 4) => bytes.chunks_exact_mut(4).for_each(|element| {
            let signed = |i: usize| i32::from(element[i] as i8);
            let color = color(element[0].into(), signed(1), signed(2), element[3].into(), 255.0);
            element.copy_from_slice(&color.map(|channel| channel as u8));
        }),
        (Filter::Color, _) => bytes.chunks_exact_mut(8).for_each(|element| {
            let [y, co, cg, a] = words(element);
            let color = color(y.into(), i32::from(co as i16), i32::from(cg as i16), a.into(), 65535.0);
            set_words(element, color.map(|channel| channel as u16));
        }),
    }
}

fn words(element: &[u8]) -> [u16; 4] {
    std::array::from_fn(|i| u16::from_le_bytes([element[2 * i], element[2 * i + 1]]))
}

fn set_words(element: &mut [u8], words: [u16; 4]) {
    for (bytes, word) in element.chunks_exact_mut(2).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
}

/// A unit vector × `most` from octahedral coordinates; the third number stands for 1.
fn octahedral([x, y, one]: [f32; 3], most: f32) -> [f32; 3] {
    let (x, y) = (x / one, y / one);
    let z = 1.0 - x.abs() - y.abs();
    let fold = z.min(0.0);
    let (x, y) = (x - fold.copysign(x), y - fold.copysign(y));
    let length = (x * x + y * y + z * z).sqrt();
    [x, y, z].map(|c| (c / length * most).round())
}

/// A quaternion from its three smaller components; the fourth number holds their scale and which one is left out.
fn quaternion(words: [u16; 4]) -> [u16; 4] {
    let [x, y, z, scale] = words.map(|word| word as i16);
    let range = 1.0 / 2.0f32.sqrt();
    let one = f32::from(scale | 3);
    let [x, y, z] = [x, y, z].map(|c| f32::from(c) / one * range);
    let w = (1.0 - x * x - y * y - z * z).max(0.0).sqrt();
    let left_out = (scale & 3) as usize;
    let mut out = [0; 4];
    for (i, c) in [w, x, y, z].into_iter().enumerate() {
        out[(left_out + i) % 4] = (c * 32767.0).round() as i16 as u16;
    }
    out
}

/// mantissa × 2^exponent.
fn exponential(bits: i32) -> f32 {
    let (exponent, mantissa) = (bits >> 24, bits << 8 >> 8);
    (f64::from(mantissa) * 2.0f64.powi(exponent)) as f32
}

/// Red, green, blue and alpha × `most` from luma, two chroma and an alpha whose highest bit tells the precision.
fn color(y: i32, co: i32, cg: i32, alpha: i32, most: f32) -> [f32; 4] {
    let bits = 32 - alpha.leading_zeros();
    let top = (1i32 << bits) - 1;
    let low = alpha & top >> 1;
    let scale = most / top as f32;
    [y + co - cg, y + cg, y - co - cg, low << 1 | low & 1].map(|channel| (channel as f32 * scale).round())
}
