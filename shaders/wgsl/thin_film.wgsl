#import math
#import scene
// Iridescence, KHR_materials_iridescence: reflectance at normal incidence that stands for a thin film's at one angle. The film's
// interference (Belcour and Barla 2017) was computed where the job was submitted and comes as a table.

// The reflectance F0 with which Schlick's term gives, at cosine `mu`, what a film over a base of reflectance `f0` reflects. `table` is
// the film's, `thickness` its place in 0..1 between the material's least and greatest.
fn film_f0(table: u32, mu: f32, thickness: f32, f0: vec3<f32>) -> vec3<f32> {
    let z = saturate_(thickness) * f32(FILM_THICKNESSES - 1u);
    let y = saturate_(mu) * f32(FILM_COSINES - 1u);
    let z0 = u32(z);
    let y0 = u32(y);
    let z1 = min(z0 + 1u, FILM_THICKNESSES - 1u);
    let y1 = min(y0 + 1u, FILM_COSINES - 1u);
    let fz = z - f32(z0);
    let fy = y - f32(y0);
    let m = 1.0 - saturate_(mu);
    let m2 = fmax(m * m, 1e-12);
    let schlick = m2 * m2 * m;
    let inverse = rcp(fmax(1.0 - schlick, 1e-3));
    var result = vec3<f32>(0.0);
    for (var channel = 0u; channel < 3u; channel = channel + 1u) {
        let base = select(select(f0.z, f0.y, channel == 1u), f0.x, channel == 0u);
        let x = saturate_(base) * f32(FILM_BASES - 1u);
        let x0 = u32(x);
        let x1 = min(x0 + 1u, FILM_BASES - 1u);
        let fx = x - f32(x0);
        let upper = mix_(film_row(table, z0, y0, channel, x0, x1, fx), film_row(table, z0, y1, channel, x0, x1, fx), fy);
        let lower = mix_(film_row(table, z1, y0, channel, x0, x1, fx), film_row(table, z1, y1, channel, x0, x1, fx), fy);
        let found = saturate_((mix_(upper, lower, fz) - schlick) * inverse);
        if channel == 0u {
            result.x = found;
        } else if channel == 1u {
            result.y = found;
        } else {
            result.z = found;
        }
    }
    return result;
}

// Between two base reflectances of one thickness, cosine and channel.
fn film_row(table: u32, z: u32, y: u32, channel: u32, x0: u32, x1: u32, fx: f32) -> f32 {
    let row = table + ((z * FILM_COSINES + y) * 3u + channel) * FILM_BASES;
    return mix_(tables[row + x0], tables[row + x1], fx);
}
