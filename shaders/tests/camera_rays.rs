//! Cameras whose pictures are known: footprints of parallel rays, planes in and out of focus, the lens as a uniform disc.

mod light_scene;

use light_scene::*;
use tessera_shaders::cpu::*;
use tessera_shaders::wgsl::{Vec2f, Vec2u};

const ORIGIN: V = [0.0; 3];
const EDGE: u32 = 64;

fn sized(edge: u32) -> Builder {
    let mut builder = Builder::new().bounces(0);
    (builder.params.width, builder.params.height) = (edge, edge);
    builder
}

/// A square orthographic picture of `height` metres that looks along −Z from z = 5.
fn orthographic(edge: u32, height: f64) -> Builder {
    let mut builder = sized(edge);
    let pixel = height / f64::from(edge);
    builder.params.projection = PROJECTION_ORTHOGRAPHIC;
    builder.params.eye = vec3([-height / 2.0, height / 2.0, 5.0]);
    builder.params.corner = vec3([0.0, 0.0, -1.0]);
    builder.params.step_x = vec3([pixel, 0.0, 0.0]);
    builder.params.step_y = vec3([0.0, -pixel, 0.0]);
    builder
}

/// A picture through a lens of `radius_px` that looks along −Z from z = 5, focused on the plane `focus` metres away.
fn lens(edge: u32, focus: f64, radius_px: f64) -> Builder {
    let mut builder = sized(edge).camera([0.0, 0.0, 5.0], ORIGIN, 20.0);
    let stretch = |v: &mut tessera_shaders::wgsl::Vec3f| *v = vec3(scale(wide(*v), focus));
    stretch(&mut builder.params.corner);
    stretch(&mut builder.params.step_x);
    stretch(&mut builder.params.step_y);
    builder.params.lens_radius_px = radius_px as f32;
    builder
}

fn near(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{what}: {value} is not {expected} ± {tolerance}");
}

#[test]
fn a_pixel_of_parallel_rays_has_its_footprint_at_any_distance() {
    let builder = orthographic(EDGE, 4.0);
    let scene = builder.build();
    let kernel = scene.kernel();
    for (x, y, at) in [(0, 0, [0.0, 0.0]), (63, 63, [1.0, 1.0]), (32, 16, [0.5, 0.25])] {
        let ray = kernel.camera_ray(x, y, Vec2f::from_array(at), Vec2f::ZERO);
        assert_eq!(ray.direction.to_array(), [0.0, 0.0, -1.0]);
        let expected = [
            -2.0 + (f64::from(x) + f64::from(at[0])) / 16.0,
            2.0 - (f64::from(y) + f64::from(at[1])) / 16.0,
            5.0,
        ];
        assert_eq!(wide(ray.origin), expected);
    }
    // A panel of 1 × 0.5 m covers as many pixels near and far.
    for z in [-1000.0, 0.0, 4.0] {
        let panel = emitter(0.0, 1.0);
        let scene = orthographic(EDGE, 4.0).quad(panel, [0.25, 0.5, z], [1.0, 0.0, 0.0], [0.0, 0.5, 0.0]);
        near(&format!("at {z}"), scene.build().mean(4).covered, 0.5 / 16.0, 1e-6);
    }
}

#[test]
fn rays_of_a_lens_meet_in_the_plane_in_focus() {
    for builder in [lens(EDGE, 3.0, 20.0), {
        let mut flat = orthographic(EDGE, 2.0);
        flat.params.corner = vec3([0.0, 0.0, -3.0]);
        flat.params.lens_radius_px = 5.0;
        flat
    }] {
        let pixel = f64::from(builder.params.step_x.x);
        let radius = f64::from(builder.params.lens_radius_px) * pixel;
        let scene = builder.build();
        let kernel = scene.kernel();
        let mut random = Uniform(3);
        let at = Vec2f::new(0.25, 0.75);
        // Where the ray of the lens's middle crosses the plane z = 2.
        let crossing = |ray: CameraRay, z: f64| {
            let (origin, direction) = (wide(ray.origin), wide(ray.direction));
            add(origin, scale(direction, (z - origin[2]) / direction[2]))
        };
        let middle = kernel.camera_ray(9, 50, at, Vec2f::new(0.5, 0.5));
        let mut farthest = 0.0f64;
        for _ in 0..2000 {
            let ray = kernel.camera_ray(9, 50, at, random.pair());
            let off = sub(crossing(ray, 2.0), crossing(middle, 2.0));
            assert!(dot(off, off).sqrt() < 2e-6, "{off:?}");
            // One metre beyond, the disc is a third of the lens.
            let off = sub(crossing(ray, 1.0), crossing(middle, 1.0));
            farthest = farthest.max(dot(off, off).sqrt());
        }
        assert!(
            farthest <= radius / 3.0 * 1.0001 && farthest > radius / 3.0 * 0.97,
            "{farthest} of {radius}"
        );
    }
}

/// Mean squared distance, in pixels, of the light in a picture from its middle, by one axis; and all light.
fn spread(scene: &Scene, samples: u32) -> (f64, f64) {
    let unit = f64::from(samples) * f64::from(1u32 << scene.builder.params.film_scale_log2);
    let light = |v: Vec2u| ((u64::from(v.y) << 32 | u64::from(v.x)) as i64) as f64 / unit;
    let (mut sum, mut squares) = (0.0, 0.0);
    for (i, pixel) in scene.pixels(samples).iter().enumerate() {
        let x = (i as u32 % EDGE) as f64 + 0.5 - f64::from(EDGE) / 2.0;
        let y = (i as u32 / EDGE) as f64 + 0.5 - f64::from(EDGE) / 2.0;
        let value = light(pixel.green);
        sum += value;
        squares += value * (x * x + y * y) / 2.0;
    }
    (squares / sum, sum)
}

#[test]
fn a_point_out_of_focus_is_the_thin_lenss_circle_of_confusion() {
    // A small panel on the axis at distance `far`: with a lens of diameter A focused on S1 and a point at S2, the circle's
    // diameter, in the plane in focus, is A |S2 − S1| / S2. Light is spread evenly over it: a quarter of its squared radius
    // along each axis.
    let edge = 0.05;
    let panel = |scene: Builder, far: f64| {
        let corner = [-edge / 2.0, -edge / 2.0, 5.0 - far];
        scene.quad(emitter(0.0, 1.0), corner, [edge, 0.0, 0.0], [0.0, edge, 0.0]).build()
    };
    let radius_px = 18.0;
    for (focus, far) in [(3.0, 3.0), (3.0, 2.0), (3.0, 9.0), (4.0, 2.5)] {
        let pixel = 2.0 * focus * 10f64.to_radians().tan() / f64::from(EDGE);
        // The panel's own size there, and where in a pixel light falls is not known: 1/12 of the squares of both edges.
        let own = edge * focus / far / pixel;
        let circle = radius_px * (far - focus).abs() / far;
        let expected = circle * circle / 4.0 + own * own / 12.0 + 1.0 / 12.0;
        let (found, light) = spread(&panel(lens(EDGE, focus, radius_px), far), 512);
        let (pinhole, sharp) = spread(&panel(lens(EDGE, focus, 0.0), far), 512);
        // In focus, the picture is a pinhole's.
        let expected = if far == focus { pinhole } else { expected };
        near(&format!("{focus} m, {far} m"), found / expected, 1.0, 0.02);
        near("all of the light", light / sharp, 1.0, 0.05);
    }
}

#[test]
fn the_lens_is_a_uniform_disc() {
    let mut random = Uniform(5);
    const RINGS: usize = 16;
    const SECTORS: usize = 32;
    let mut counts = [0.0; RINGS * SECTORS];
    let samples = 400_000;
    for _ in 0..samples {
        let point = disk_point(random.pair());
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        let r2 = x * x + y * y;
        assert!(r2 <= 1.0 + 1e-6);
        let ring = ((r2 * RINGS as f64) as usize).min(RINGS - 1);
        let turn = y.atan2(x) / std::f64::consts::TAU + 0.5;
        counts[ring * SECTORS + ((turn * SECTORS as f64) as usize).min(SECTORS - 1)] += 1.0;
    }
    let expected = samples as f64 / counts.len() as f64;
    let statistic: f64 = counts.iter().map(|c| (c - expected) * (c - expected) / expected).sum();
    // 511 degrees of freedom, upper 1e-6 point.
    assert!(statistic < 671.0, "χ² is {statistic} over {} cells", counts.len());
    assert_eq!(disk_point(Vec2f::new(0.5, 0.5)), Vec2f::ZERO);
    assert_eq!(disk_point(Vec2f::new(0.0, 0.5)).to_array(), [-1.0, 0.0]);
}
