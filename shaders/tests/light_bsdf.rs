//! The BSDF and the environment as distributions: sampling against densities (χ²), integrals, reciprocity, known values.

mod light_scene;

use light_scene::*;
use tessera_shaders::cpu::*;
use tessera_shaders::wgsl::{Vec2u, Vec3f};

const TAU: f64 = std::f64::consts::TAU;

/// Upper 1e-6 point of χ² with `k` degrees of freedom (Wilson and Hilferty 1931).
fn chi_square_limit(k: f64) -> f64 {
    let c = 2.0 / (9.0 * k);
    k * (1.0 - c + 4.753 * c.sqrt()).powi(3)
}

/// Compares counts with expectations, pooling cells that expect fewer than 10.
fn check_chi_square(what: &str, counts: &[f64], expected: &[f64]) {
    let (mut statistic, mut cells, mut pool) = (0.0, 0.0, (0.0, 0.0));
    for (&count, &expect) in counts.iter().zip(expected) {
        if expect >= 10.0 {
            statistic += (count - expect) * (count - expect) / expect;
            cells += 1.0;
        } else {
            pool = (pool.0 + count, pool.1 + expect);
        }
    }
    if pool.1 > 10.0 {
        statistic += (pool.0 - pool.1) * (pool.0 - pool.1) / pool.1;
        cells += 1.0;
    } else {
        assert!(pool.0 < pool.1 + 40.0, "{what}: {} samples where {} are expected", pool.0, pool.1);
    }
    let limit = chi_square_limit((cells - 1.0f64).max(1.0));
    assert!(statistic < limit, "{what}: χ² is {statistic} over {cells} cells, limit {limit}");
}

fn parameters(base: f32, metallic: f32, roughness: f32, specular: f32) -> BsdfParameters {
    BsdfParameters {
        base_color: Vec3f::splat(base),
        metallic,
        roughness,
        dielectric_f0: Vec3f::splat(0.04 * specular),
        dielectric_f90: specular,
        ..BsdfParameters::ZERO
    }
}

fn tilted(normal: V, degrees: f64) -> V {
    let side = unit(cross(normal, if normal[0].abs() < 0.5 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] }));
    let (s, c) = degrees.to_radians().sin_cos();
    add(scale(normal, c), scale(side, s))
}

/// A frame without tangent or a coat's normal of its own.
fn frame(normal: V) -> ShadingFrame {
    ShadingFrame { normal: vec3(normal), tangent: Vec3f::ZERO, coat_normal: vec3(normal) }
}

/// Samples that light falls on, with the value of each: shared by several tests.
fn prepared(p: BsdfParameters, normal: V, degrees: f64) -> Bsdf {
    let scene = Builder::new().build();
    scene.kernel().bsdf_prepare(p, frame(normal), vec3(tilted(normal, degrees)))
}

/// The integral of `f(direction, cosine)` over the hemisphere of a normal, by a midpoint rule in (cos θ, φ) that is fine
/// where `sharp` demands it.
fn over_hemisphere(normal: V, steps: usize, mut f: impl FnMut(V) -> f64) -> f64 {
    let t = tilted(normal, 90.0);
    let b = cross(normal, t);
    let mut sum = 0.0;
    for i in 0..steps {
        let z = (i as f64 + 0.5) / steps as f64;
        let r = (1.0 - z * z).sqrt();
        for j in 0..2 * steps {
            let (s, c) = (TAU * (j as f64 + 0.5) / (2 * steps) as f64).sin_cos();
            sum += f(add(scale(normal, z), add(scale(t, r * c), scale(b, r * s))));
        }
    }
    sum * TAU / (2 * steps * steps) as f64
}

const NORMALS: [V; 3] = [[0.0, 0.0, 1.0], [0.48, -0.6, -0.64], [-0.6, 0.8, 0.0]];

#[test]
fn sampling_follows_its_density() {
    let cases = [
        (parameters(0.8, 0.0, 1.0, 0.0), 40.0),
        (parameters(0.9, 1.0, 0.4, 1.0), 0.0),
        (parameters(0.9, 1.0, 0.4, 1.0), 60.0),
        (parameters(0.9, 1.0, 1.0, 1.0), 85.0),
        (parameters(0.5, 0.0, 0.3, 1.0), 45.0),
        (parameters(0.2, 0.5, 0.7, 0.6), 75.0),
    ];
    let (rings, sectors, inner, samples) = (16, 24, 24, 200_000);
    for (index, (p, degrees)) in cases.into_iter().enumerate() {
        let normal = NORMALS[index % 3];
        let mut bsdf = prepared(p, normal, degrees);
        let (t, mut random) = (tilted(normal, 90.0), Uniform(index as u64 + 1));
        let b = cross(normal, t);
        let mut counts = vec![0.0; rings * sectors];
        for _ in 0..samples {
            let wi = wide(bsdf_sample(&mut bsdf, random.unit(), random.pair()));
            let z = dot(wi, normal);
            assert!(wi == [0.0; 3] || (dot(wi, wi) - 1.0).abs() < 1e-5, "{wi:?} is neither unit nor none");
            if z > 0.0 {
                let phi = dot(wi, b).atan2(dot(wi, t)).rem_euclid(TAU) / TAU;
                let ring = ((z * rings as f64) as usize).min(rings - 1);
                counts[ring * sectors + ((phi * sectors as f64) as usize).min(sectors - 1)] += 1.0;
            }
        }
        let mut expected = vec![0.0; rings * sectors];
        for ring in 0..rings * inner {
            let z = (ring as f64 + 0.5) / (rings * inner) as f64;
            let r = (1.0 - z * z).sqrt();
            for sector in 0..sectors * inner {
                let (s, c) = (TAU * (sector as f64 + 0.5) / (sectors * inner) as f64).sin_cos();
                let wi = add(scale(normal, z), add(scale(t, r * c), scale(b, r * s)));
                let share = TAU / (rings * sectors * inner * inner) as f64;
                let pdf = f64::from(bsdf_evaluate(&mut bsdf, vec3(wi)).pdf);
                expected[ring / inner * sectors + sector / inner] += pdf * share * f64::from(samples);
            }
        }
        check_chi_square(&format!("case {index}"), &counts, &expected);
    }
}

#[test]
fn densities_integrate_to_at_most_one() {
    for roughness in [0.3f32, 0.6, 1.0] {
        for degrees in [5.0, 50.0, 80.0] {
            for metallic in [0.0, 1.0] {
                let mut bsdf = prepared(parameters(0.5, metallic, roughness, 1.0), NORMALS[1], degrees);
                let whole =
                    over_hemisphere(NORMALS[1], 300, |wi| f64::from(bsdf_evaluate(&mut bsdf, vec3(wi)).pdf));
                // Visible normals reflect some directions into the surface; how many is the lobe's loss at most.
                assert!(whole < 1.01 && whole > 0.5, "roughness {roughness}, {degrees}°: {whole}");
            }
        }
    }
}

#[test]
fn albedo_by_sampling_equals_albedo_by_quadrature_and_is_one_for_white_metal() {
    for (p, degrees, expected) in [
        (parameters(1.0, 1.0, 0.5, 1.0), 30.0, Some(1.0)),
        (parameters(1.0, 1.0, 1.0, 1.0), 70.0, Some(1.0)),
        (parameters(1.0, 0.0, 0.5, 1.0), 60.0, Some(1.0)),
        (parameters(0.6, 0.0, 0.5, 0.0), 60.0, Some(0.6)),
        (parameters(0.6, 0.4, 0.5, 0.5), 60.0, None),
    ] {
        let mut bsdf = prepared(p, NORMALS[2], degrees);
        let quadrature =
            over_hemisphere(NORMALS[2], 300, |wi| f64::from(bsdf_evaluate(&mut bsdf, vec3(wi)).value.y));
        let mut random = Uniform(5);
        let samples = 100_000;
        let mut sum = 0.0;
        for _ in 0..samples {
            let wi = bsdf_sample(&mut bsdf, random.unit(), random.pair());
            let found = bsdf_evaluate(&mut bsdf, wi);
            if found.pdf > 0.0 {
                sum += f64::from(found.value.y) / f64::from(found.pdf);
            }
        }
        let sampled = sum / f64::from(samples);
        assert!((sampled - quadrature).abs() < 0.01, "{sampled} by sampling, {quadrature} by quadrature");
        if let Some(expected) = expected {
            assert!((quadrature - expected).abs() < 0.01, "albedo {quadrature} is not {expected}");
        }
    }
}

#[test]
fn a_mirror_of_least_roughness_reflects_all_light_near_the_mirror_direction() {
    for degrees in [0.0, 45.0, 80.0] {
        let normal = NORMALS[1];
        let wo = tilted(normal, degrees);
        let mut bsdf = prepared(parameters(1.0, 1.0, 0.0, 1.0), normal, degrees);
        let mirror = sub(scale(normal, 2.0 * dot(wo, normal)), wo);
        let mut random = Uniform(9);
        let (mut sum, mut far) = (0.0, 0);
        for _ in 0..20_000 {
            let wi = bsdf_sample(&mut bsdf, random.unit(), random.pair());
            let found = bsdf_evaluate(&mut bsdf, wi);
            // tan θ of the normals of 99.98 % is below 0.07; GGX has long tails.
            far += u32::from(dot(wide(wi), mirror) < 0.99);
            if found.pdf > 0.0 {
                sum += f64::from(found.value.y) / f64::from(found.pdf);
            }
        }
        assert!((sum / 20_000.0 - 1.0).abs() < 0.01, "{degrees}°: {}", sum / 20_000.0);
        assert!(far < 20, "{far} of 20,000 directions are far from the mirror direction");
    }
}

#[test]
fn without_a_specular_factor_it_is_lambert_to_the_bit() {
    let mut bsdf = prepared(parameters(0.7, 0.0, 0.2, 0.0), NORMALS[0], 30.0);
    let mut random = Uniform(3);
    for _ in 0..1000 {
        let wi = bsdf_sample(&mut bsdf, random.unit(), random.pair());
        let found = bsdf_evaluate(&mut bsdf, wi);
        assert_eq!(found.value.y, 0.7 * (wi.z * INV_PI));
        assert_eq!(found.pdf, wi.z * INV_PI);
    }
}

#[test]
fn the_metal_lobe_is_reciprocal() {
    // Without multiple scattering, which depends on wo alone: compare the shape at equal cosines.
    let normal = NORMALS[1];
    let t = tilted(normal, 90.0);
    let b = cross(normal, t);
    let direction =
        |phi: f64| add(scale(normal, 0.6), add(scale(t, 0.8 * phi.cos()), scale(b, 0.8 * phi.sin())));
    let p = parameters(0.9, 1.0, 0.3, 1.0);
    let scene = Builder::new().build();
    for phi in [0.5, 2.0, 3.0] {
        let (wo, wi) = (vec3(direction(0.0)), vec3(direction(phi)));
        let there = bsdf_evaluate(&mut scene.kernel().bsdf_prepare(p, frame(normal), wo), wi).value.y;
        let back = bsdf_evaluate(&mut scene.kernel().bsdf_prepare(p, frame(normal), wi), wo).value.y;
        assert!((there / back - 1.0).abs() < 1e-4, "{there} {back}");
    }
}

#[test]
fn the_mean_albedo_fit_is_close() {
    for roughness in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0f64] {
        let alpha = (roughness * roughness).max(0.0009765625);
        let steps = 24;
        let mean: f64 = (0..steps)
            .map(|i| {
                let mu = (f64::from(i) + 0.5) / f64::from(steps);
                let (a, b) = light_scene::lobe_albedo(mu, alpha, 32);
                2.0 * mu * (a + b) / f64::from(steps)
            })
            .sum();
        let fit = f64::from(mean_lobe_albedo(roughness as f32));
        assert!((fit - mean).abs() < 0.004, "roughness {roughness}: fit {fit}, integral {mean}");
    }
}

/// An uneven sky, turned.
fn sky() -> Scene {
    let texel = |x: usize, y: usize| {
        let bright = if (x, y) == (5, 1) { 50.0 } else { 0.0 };
        [(1 + x * 3 % 7) as f32 + bright, (1 + y) as f32, 0.25]
    };
    Builder::new().environment(16, 8, texel).rotate_sky(70.0).build()
}

#[test]
fn environment_sampling_follows_its_density() {
    let scene = sky();
    let kernel = scene.kernel();
    let (rings, sectors, inner, samples) = (20, 40, 16, 200_000);
    let mut random = Uniform(11);
    let mut counts = vec![0.0; rings * sectors];
    for _ in 0..samples {
        let sample = kernel.environment_sample(Vec2u::new(random.word(), random.word()), random.pair());
        let d = wide(sample.direction);
        assert!((dot(d, d) - 1.0).abs() < 1e-5);
        let found = f64::from(kernel.environment_value(sample.direction, true).pdf);
        // Within a rounding of a texel's edge the neighbour's density may be found.
        if (found / f64::from(sample.pdf) - 1.0).abs() > 1e-4 {
            let columns = d[2].atan2(d[0]) / TAU * 16.0 - 70.0 / 360.0 * 16.0;
            let rows = d[1].asin() / TAU * 16.0;
            let edge = |x: f64| (x - x.round()).abs() < 1e-4;
            assert!(
                edge(columns) || edge(rows + 4.0) || edge(columns + 70.0 / 180.0 * 16.0),
                "{d:?}: {found} {}",
                sample.pdf
            );
        }
        let phi = d[2].atan2(d[0]).rem_euclid(TAU) / TAU;
        let ring = (((d[1] + 1.0) * 0.5 * rings as f64) as usize).min(rings - 1);
        counts[ring * sectors + ((phi * sectors as f64) as usize).min(sectors - 1)] += 1.0;
    }
    let mut expected = vec![0.0; rings * sectors];
    let mut whole = 0.0;
    for ring in 0..rings * inner {
        let y = (ring as f64 + 0.5) / (rings * inner) as f64 * 2.0 - 1.0;
        let r = (1.0 - y * y).sqrt();
        for sector in 0..sectors * inner {
            let (s, c) = (TAU * (sector as f64 + 0.5) / (sectors * inner) as f64).sin_cos();
            let pdf = f64::from(kernel.environment_value(vec3([r * c, y, r * s]), true).pdf);
            let share = 2.0 * TAU / (rings * sectors * inner * inner) as f64;
            whole += pdf * share;
            expected[ring / inner * sectors + sector / inner] += pdf * share * f64::from(samples);
        }
    }
    assert!((whole - 1.0).abs() < 0.01, "the density integrates to {whole}");
    // The quadrature steps over edges of texels: scaled, and compared where it is certain.
    let sum: f64 = counts.iter().sum();
    for value in &mut expected {
        *value *= sum / (whole * f64::from(samples));
    }
    let coarse = |cells: &[f64]| -> Vec<f64> {
        (0..rings / 4 * (sectors / 4))
            .map(|i| {
                let (r, s) = (i / (sectors / 4) * 4, i % (sectors / 4) * 4);
                (0..16).map(|k| cells[(r + k / 4) * sectors + s + k % 4]).sum()
            })
            .collect()
    };
    let (counts, expected) = (coarse(&counts), coarse(&expected));
    for (count, expect) in counts.iter().zip(&expected) {
        // 1 % for the quadrature and 5 σ.
        assert!(
            (count - expect).abs() < 0.02 * expect + 5.0 * expect.sqrt(),
            "{count} samples, {expect} expected"
        );
    }
}

#[test]
fn the_environment_is_looked_up_as_the_job_file_says() {
    // u = atan2(z, x)/2π + ½, rows from the top; the rotation counter-clockwise seen from above.
    let scene = Builder::new().environment(8, 4, |x, y| [x as f32, y as f32, 1.0]).build();
    let at = |direction: V| scene.kernel().environment_value(vec3(direction), false).radiance;
    let centre = |column: f64, row: f64| {
        let phi = ((column + 0.5) / 8.0 - 0.5) * TAU;
        let latitude = std::f64::consts::PI * (0.5 - (row + 0.5) / 4.0);
        [latitude.cos() * phi.cos(), latitude.sin(), latitude.cos() * phi.sin()]
    };
    for (column, row) in [(0, 0), (3, 1), (7, 2), (4, 3)] {
        let value = at(centre(f64::from(column), f64::from(row)));
        assert!((value.x - column as f32).abs() < 1e-3 && (value.y - row as f32).abs() < 1e-3, "{value:?}");
    }
    // Between the last and the first column, and at the pole.
    assert!((at(centre(7.5, 1.0)).x - 3.5).abs() < 1e-3);
    assert_eq!(at([0.0, 1.0, 0.0]).y, 0.0);
    // A quarter turn: what was seen along +x is now seen along −z.
    let turned = Builder::new().environment(8, 4, |x, y| [x as f32, y as f32, 1.0]).rotate_sky(90.0).build();
    let along = turned.kernel().environment_value(vec3(unit([0.1, 0.2, -1.0])), false).radiance;
    let before = at(unit([1.0, 0.2, 0.1]));
    assert!((along.x - before.x).abs() < 1e-3, "{along:?} {before:?}");
}

#[test]
fn light_points_are_uniform_and_their_density_is_by_solid_angle() {
    // The solid angle of a quad: Σ 1/pdf over samples is its area seen from the origin.
    let scene = Builder::new()
        .quad(emitter(0.0, 1.0), [-1.0, 1.0, -1.0], [2.0, 0.0, 0.0], [0.0, 0.0, 2.0])
        .quad(emitter(0.0, 3.0), [-1.0, 2.0, 4.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
        .build();
    let kernel = scene.kernel();
    let mut random = Uniform(21);
    let (mut near, samples) = (0.0, 100_000);
    for _ in 0..samples {
        let words = Vec2u::new(random.word(), random.word());
        let light = kernel.light_sample(Vec3f::ZERO, random.word(), words, random.pair());
        let triangle =
            kernel.world_triangle(light.instance, scene.builder.triangles[light.primitive as usize]);
        let point = wide(world_position(triangle, light.b1, light.b2));
        assert!(dot(unit(point), wide(light.direction)) > 0.999_999);
        let cos = -dot(wide(light.direction), wide(triangle.normal));
        let again = f64::from(kernel.light_pdf(
            light.instance,
            light.primitive,
            dot(point, point).sqrt() as f32,
            cos as f32,
        ));
        assert!((again / f64::from(light.pdf) - 1.0).abs() < 1e-3);
        if light.instance == 0 {
            near += 1.0 / f64::from(light.pdf) / f64::from(samples);
        }
    }
    // A square of edge 2 at distance 1 is one face of a cube around the origin.
    assert!((near / (2.0 * TAU / 6.0) - 1.0).abs() < 0.02, "solid angle {near}");
}
