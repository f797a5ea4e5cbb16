//! Punctual lights whose light is known without a picture: inverse squares, cones, ranges, spheres, discs of the sky.

mod light_scene;

use light_scene::*;
use tessera_shaders::cpu::*;
use tessera_shaders::wgsl::{Vec2f, Vec2u, Vec3f};

const PI: f64 = std::f64::consts::PI;
const ALBEDO: f64 = 0.8;

fn point(position: V, intensity: f64) -> PunctualLight {
    PunctualLight {
        position: vec3(position),
        intensity: vec3([intensity, 0.5 * intensity, 0.25 * intensity]),
        cone_offset: 1.0,
        ..PunctualLight::ZERO
    }
}

fn spot(position: V, axis: V, inner_degrees: f64, outer_degrees: f64) -> PunctualLight {
    let (inner, outer) = (inner_degrees.to_radians().cos(), outer_degrees.to_radians().cos());
    let scale = 1.0 / (inner - outer).max(1e-3);
    PunctualLight {
        axis: vec3(unit(axis)),
        cone_scale: scale as f32,
        cone_offset: (-outer * scale) as f32,
        ..point(position, 1.0)
    }
}

fn sun(towards: V, irradiance: f64, angle_degrees: f64) -> PunctualLight {
    let sine = (0.5 * angle_degrees.to_radians()).sin() as f32;
    PunctualLight { flags: PUNCTUAL_DIRECTIONAL, radius: sine, ..point(unit(towards), irradiance) }
}

/// A small Lambert floor, y = 0 (rays start above it in proportion to its size), and a camera that sees the point (x, 0, 0) of it alone.
fn floor(x: f64) -> Builder {
    Builder::new().bounces(0).camera([x, 1.0, 3.0], [x, 0.0, 0.0], 1e-3).quad(
        lambert(ALBEDO as f32),
        [x - 1.0, 0.0, 1.0],
        [2.0, 0.0, 0.0],
        [0.0, 0.0, -2.0],
    )
}

/// Irradiance of red at the point, from the radiance that the camera sees.
fn irradiance(scene: Builder, samples: u32) -> (f64, f64) {
    let mean = scene.build().mean(samples);
    // The error is green's, half of red.
    (mean.rgb[0] * PI / ALBEDO, 2.0 * mean.error * PI / ALBEDO)
}

fn near(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{what}: {value} is not {expected} ± {tolerance}");
}

#[test]
fn a_point_light_falls_off_by_square_and_cosine() {
    for (x, height) in [(0.0, 1.0), (0.7, 2.0), (-4.0, 0.5)] {
        let scene = floor(x).lamp(point([0.0, height, 0.0], 5.0));
        let distance2 = x * x + height * height;
        let expected = 5.0 * height / distance2.powf(1.5);
        let mean = scene.build().mean(4);
        // Nothing is random in it but the point of the pixel.
        near("red", mean.rgb[0] * PI / ALBEDO / expected, 1.0, 1e-4);
        near("green", mean.rgb[1] / mean.rgb[0], 0.5, 1e-6);
        near("blue", mean.rgb[2] / mean.rgb[0], 0.25, 1e-6);
        assert_eq!((mean.shadow_rays, mean.greatest - mean.least < 1e-5 * expected), (4 * 64, true));
    }
}

#[test]
fn nothing_that_stands_between_lets_light_through_and_nothing_behind_the_light_shades() {
    let roof = |y: f64| floor(0.0).quad(lambert(0.0), [-5.0, y, 5.0], [10.0, 0.0, 0.0], [0.0, 0.0, -10.0]);
    let lamp = point([0.0, 2.0, 0.0], 5.0);
    assert_eq!(irradiance(roof(1.5).lamp(lamp), 2).0, 0.0);
    near("a roof above", irradiance(roof(2.001).lamp(lamp), 2).0, 1.25, 1e-3);
    // The side of the floor that looks away is dark.
    assert_eq!(irradiance(floor(0.0).lamp(point([0.0, -2.0, 0.0], 5.0)), 2).0, 0.0);
}

#[test]
fn a_spot_light_is_full_inside_its_inner_cone_and_dark_outside_of_its_outer_one() {
    for (degrees, share) in [(0.0f64, 1.0), (19.0, 1.0), (41.0, 0.0), (80.0, 0.0)] {
        let x = degrees.to_radians().tan();
        let light = spot([0.0, 1.0, 0.0], [0.0, -1.0, 0.0], 20.0, 40.0);
        let expected = share / (1.0 + x * x).powf(1.5);
        near(&format!("at {degrees}°"), irradiance(floor(x).lamp(light), 4).0, expected, 1e-4);
    }
    // Between the cones: the square of the linear share of the cosine (the extension's reference code).
    let cos = |degrees: f64| degrees.to_radians().cos();
    for degrees in [22.0f64, 30.0, 37.0] {
        let x = degrees.to_radians().tan();
        let light = spot([0.0, 1.0, 0.0], [0.0, -1.0, 0.0], 20.0, 40.0);
        let share = (cos(degrees) - cos(40.0)) / (cos(20.0) - cos(40.0));
        let expected = share * share / (1.0 + x * x).powf(1.5);
        near(&format!("at {degrees}°"), irradiance(floor(x).lamp(light), 4).0, expected, 1e-4);
    }
}

#[test]
fn a_range_is_a_window() {
    for (height, range) in [(1.0, 2.0), (1.9, 2.0), (2.0, 2.0), (3.0, 2.0), (1.0, 1e3)] {
        let light = PunctualLight {
            inverse_range2: (1.0 / (range * range)) as f32,
            ..point([0.0, height, 0.0], 1.0)
        };
        let window = (1.0 - f64::powi(height / range, 4)).max(0.0);
        let expected = window / (height * height);
        near(&format!("{height} of {range}"), irradiance(floor(0.0).lamp(light), 4).0, expected, 1e-5);
    }
}

#[test]
fn a_directional_light_is_the_same_everywhere() {
    for (x, angle) in [(0.0, 0.0), (30.0, 0.0), (0.0, 10.0), (-20.0, 60.0)] {
        let (value, error) = irradiance(floor(x).lamp(sun([3.0, 4.0, 0.0], 2.0, angle)), 64);
        // A disc that the horizon does not cut gives its centre's cosine.
        near(&format!("a disc of {angle}°"), value, 2.0 * 0.8, 5.0 * error + 1e-4);
    }
}

#[test]
fn a_sphere_light_has_its_analytic_irradiance() {
    // π L (r/d)² cos θ for a sphere wholly above the horizon, with L = I / (π r²): that of a point light of intensity I.
    for (x, height, radius) in [(0.0, 2.0, 1e-3), (0.0, 2.0, 1.0), (1.5, 2.0, 1.5), (0.0, 1.0, 0.999)] {
        let light = PunctualLight { radius: radius as f32, ..point([0.0, height, 0.0], 5.0) };
        let distance2: f64 = x * x + height * height;
        let expected = 5.0 * height / distance2.powf(1.5);
        let (value, error) = irradiance(floor(x).lamp(light), 256);
        near(&format!("radius {radius} from {x}"), value, expected, 5.0 * error + 1e-4 * expected);
    }
}

#[test]
fn a_sphere_light_casts_the_soft_shadow_of_its_size() {
    // The edge of a half plane, halfway, right below the centre: half of the sphere is seen.
    let half = floor(0.0).quad(lambert(0.0), [-9.0, 1.0, 9.0], [9.0, 0.0, 0.0], [0.0, 0.0, -18.0]);
    let light = PunctualLight { radius: 0.5, ..point([0.0, 2.0, 0.0], 5.0) };
    let (value, error) = irradiance(half.lamp(light), 1024);
    near("half a sphere", value, 0.625, 5.0 * error + 2e-3);
    // What is inside of the sphere casts no shadow.
    let inside = floor(0.0).quad(lambert(0.0), [-0.1, 1.8, 0.1], [0.2, 0.0, 0.0], [0.0, 0.0, -0.2]);
    let (value, error) = irradiance(inside.lamp(light), 256);
    near("a shade in the lamp", value, 1.25, 5.0 * error + 1e-3);
}

#[test]
fn lamps_are_picked_without_bias() {
    let lamps = [point([1.0, 1.0, 0.0], 1.0), point([0.0, 2.0, 1.0], 6.0), sun([0.0, 1.0, 1.0], 0.3, 5.0)];
    let alone: f64 = lamps.iter().map(|lamp| irradiance(floor(0.0).lamp(*lamp), 256).0).sum();
    let scene = lamps.iter().fold(floor(0.0), |scene, lamp| scene.lamp(*lamp));
    let (value, error) = irradiance(scene.clone(), 4096);
    near("three lamps", value, alone, 5.0 * error + 1e-3);
    // With a sky and a panel, all three kinds are picked.
    let others = |scene: Builder| {
        let panel = emitter(0.0, 3.0);
        scene.white_sky().quad(panel, [-1.0, 2.0, -1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    };
    let lit = irradiance(others(scene), 4096);
    let dark = irradiance(others(floor(0.0)), 4096);
    near("all kinds", lit.0 - dark.0, value, 0.02 * lit.0);
}

#[test]
fn lamps_are_seen_neither_by_the_camera_nor_in_a_mirror() {
    let light = PunctualLight { radius: 0.5, ..point([0.0, 0.0, 0.0], 5.0) };
    let scene = Builder::new().bounces(4).camera([0.0, 0.0, 5.0], [0.0; 3], 5.0).lamp(light);
    assert_eq!(scene.build().mean(4).rgb, [0.0; 3]);
}

#[test]
fn a_furnace_stays_white_with_a_lamp_that_gives_nothing() {
    let dark = PunctualLight { intensity: Vec3f::splat(0.0), ..point([0.0, 3.0, 0.0], 1.0) };
    let scene = Builder::new().white_sky().camera([0.0, 0.0, 3.0], [0.0; 3], 24.0).lamp(dark);
    let mean = scene.sphere(lambert(1.0), [0.0; 3], 1.0, 24, false).build().mean(256);
    near("furnace", mean.rgb[1], 1.0, 4e-3);
}

/// Directions of `punctual_sample` in bins of equal solid angle of the cone around the light, which must be equally full.
#[test]
fn directions_are_uniform_in_the_cone_of_a_sphere() {
    let scene = Builder::new().build();
    let kernel = scene.kernel();
    let mut random = Uniform(11);
    let (position, origin, radius): (V, V, f64) = ([1.0, -2.0, 2.0], [0.5, 0.5, -0.5], 1.25);
    let light = PunctualLight { radius: radius as f32, ..point(position, 1.0) };
    let towards = sub(position, origin);
    let distance = dot(towards, towards).sqrt();
    let axis = unit(towards);
    let side = unit(cross(axis, [0.0, 1.0, 0.0]));
    let across = cross(axis, side);
    let cos_cone = (1.0 - radius * radius / (distance * distance)).sqrt();
    const RINGS: usize = 12;
    const SECTORS: usize = 24;
    let mut counts = [0.0; RINGS * SECTORS];
    let samples = 400_000;
    for _ in 0..samples {
        let found = kernel.punctual_sample(light, vec3(origin), random.pair());
        let direction = wide(found.direction);
        near("length", dot(direction, direction), 1.0, 1e-6);
        let height = (1.0 - dot(direction, axis)) / (1.0 - cos_cone);
        assert!(height > -1e-6 && height < 1.0 + 1e-6, "{height}");
        let turn = dot(direction, across).atan2(dot(direction, side)) / (2.0 * PI) + 0.5;
        let ring = ((height.max(0.0) * RINGS as f64) as usize).min(RINGS - 1);
        counts[ring * SECTORS + ((turn * SECTORS as f64) as usize).min(SECTORS - 1)] += 1.0;
        // The shadow ray ends on the sphere.
        let end = add(origin, scale(direction, f64::from(found.t_max)));
        let off = sub(end, position);
        near("end", dot(off, off).sqrt(), radius, 1e-3);
        near("radiance", f64::from(found.radiance.x) * distance * distance, 2.0 / (1.0 + cos_cone), 1e-5);
    }
    let expected = samples as f64 / counts.len() as f64;
    let statistic: f64 = counts.iter().map(|c| (c - expected) * (c - expected) / expected).sum();
    // 287 degrees of freedom, upper 1e-6 point.
    assert!(statistic < 410.0, "χ² is {statistic} over {} cells", counts.len());
}

#[test]
fn extremes_stay_finite() {
    let scene = Builder::new().lamp(point([0.0; 3], 1.0)).build();
    let kernel = scene.kernel();
    for distance in [0.0, 1e-18, 1e-16, 1e-12, 1e-6, 1.0, 1e6, 1e12] {
        for radius in [0.0, 1e-18, 1e-6, 1.0, 1e12] {
            for intensity in [1e-18, 1.0, 1e12] {
                for range in [0.0, 1e-18, 1e12] {
                    let light = PunctualLight {
                        radius,
                        inverse_range2: range,
                        probability: 1.0,
                        ..point([distance, 0.0, 0.0], intensity)
                    };
                    let found = kernel.punctual_sample(light, Vec3f::ZERO, Vec2f::new(0.25, 0.999));
                    let numbers = [found.direction.to_array(), found.radiance.to_array()].concat();
                    let fine = |x: &f32| *x == 0.0 || (x.is_normal() && x.abs() <= 1e12);
                    assert!(numbers.iter().all(fine), "{distance} {radius} {intensity} {range}: {found:?}");
                    assert!(found.t_max >= 0.0 && found.t_max.is_finite());
                }
            }
        }
    }
    let picked = kernel.light_sample(vec3([0.0, 1.0, 0.0]), 5, Vec2u::new(0, 0), Vec2f::new(0.5, 0.5));
    assert_eq!((picked.instance, picked.pdf), (LIGHT_PUNCTUAL, 1.0));
}
