//! Whole paths whose radiance is known without a picture: furnaces, analytic light, holes, emission's sides, scales.

mod light_scene;

use light_scene::*;
use tessera_shaders::cpu::*;
use tessera_shaders::wgsl::{Vec3f, Vec4f};

const ORIGIN: V = [0.0; 3];

fn near(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{what}: {value} is not {expected} ± {tolerance}");
}

/// A sphere of the material that fills the picture, under a white sky.
fn furnace(material: Material) -> Mean {
    let scene = Builder::new()
        .white_sky()
        .camera([0.0, 0.0, 3.0], ORIGIN, 24.0)
        .sphere(material, ORIGIN, 1.0, 24, false);
    scene.build().mean(128)
}

#[test]
fn white_lambert_vanishes_in_a_white_sky() {
    let mean = furnace(lambert(1.0));
    near("lambert", mean.rgb[1], 1.0, 2e-3);
    assert_eq!(mean.covered, 1.0);
}

#[test]
fn white_metal_vanishes_in_a_white_sky_at_any_roughness() {
    for roughness in [0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0] {
        near(&format!("metal of roughness {roughness}"), furnace(metal(1.0, roughness)).rgb[1], 1.0, 0.01);
    }
}

#[test]
fn a_dielectric_over_white_keeps_all_light_and_no_more() {
    for roughness in [0.0, 0.3, 0.6, 1.0] {
        near(
            &format!("dielectric of roughness {roughness}"),
            furnace(dielectric(1.0, roughness)).rgb[1],
            1.0,
            0.01,
        );
        let black = furnace(dielectric(0.0, roughness)).rgb[1];
        assert!(black > 0.012 && black < 0.1, "a black dielectric reflects {black}");
    }
}

#[test]
fn a_closed_room_that_glows_has_the_radiance_of_its_series() {
    for roulette in [1000, 2] {
        let mut room = Builder::new().bounces(64).camera([0.1, 0.2, 0.3], [1.0, 0.3, 0.2], 90.0);
        room.params.roulette_start = roulette;
        let mean = room.room(emitter(0.5, 0.5), 1.0).build().mean(32);
        near("L = 0.5 + 0.5 L", mean.rgb[1], 1.0, 4.0 * mean.error + 1e-3);
    }
}

#[test]
fn bounces_are_counted_as_cycles_does() {
    for bounces in 0..4 {
        let room = Builder::new().bounces(bounces).camera([0.1, 0.2, 0.3], [1.0, 0.3, 0.2], 90.0);
        let mean = room.room(emitter(0.5, 0.5), 1.0).build().mean(64);
        let expected = 1.0 - 0.5f64.powi(bounces as i32 + 2);
        near(&format!("{bounces} bounces"), mean.rgb[1], expected, 4.0 * mean.error + 1e-3);
    }
}

/// The irradiance on a floor under a sky that is black but for one texel, by quadrature of the filtered radiance.
fn irradiance_of_texel(width: usize, height: usize, column: usize, row: usize) -> f64 {
    let steps = 400;
    let tent = |at: f64, centre: usize| (1.0 - (at - centre as f64 - 0.5).abs()).max(0.0);
    let mut sum = 0.0;
    for i in 0..steps {
        for j in 0..steps {
            let place = |k: usize, centre: usize| centre as f64 - 0.5 + 2.0 * (k as f64 + 0.5) / steps as f64;
            let (u, v) = (place(i, column), place(j, row));
            let latitude = std::f64::consts::PI * (0.5 - v / height as f64);
            sum += tent(u, column) * tent(v, row) * latitude.cos() * latitude.sin().max(0.0);
        }
    }
    let cell = 4.0 / (steps * steps) as f64;
    sum * cell * (std::f64::consts::TAU / width as f64) * (std::f64::consts::PI / height as f64)
}

#[test]
fn a_sun_of_one_texel_lights_a_floor_without_fireflies() {
    let (column, row, radiance) = (10, 4, 1e5f32);
    let sky = |x, y| if (x, y) == (column, row) { [radiance; 3] } else { [0.0; 3] };
    let scene = Builder::new().environment(64, 32, sky).camera([0.0, 4.0, 0.01], ORIGIN, 10.0).quad(
        lambert(0.5),
        [-50.0, 0.0, 50.0],
        [100.0, 0.0, 0.0],
        [0.0, 0.0, -100.0],
    );
    let mean = scene.build().mean(64);
    let expected =
        0.5 / std::f64::consts::PI * f64::from(radiance) * irradiance_of_texel(64, 32, column, row);
    near("the floor", mean.rgb[1] / expected, 1.0, 0.02);
    // Filtering spreads the texel over its neighbours: ∫f²/p is (13/9)² of (∫f)², so a sample's deviation is 1.04 of the mean.
    let deviation = ((13.0f64 / 9.0).powi(2) - 1.0).sqrt() / 64f64.sqrt();
    assert!(mean.greatest < mean.rgb[1] * (1.0 + 5.0 * deviation), "{mean:?}");
    assert!(mean.error * 8.0 < mean.rgb[1] * deviation * 1.3, "{mean:?}");
}

#[test]
fn a_unit_sphere_of_one_half_around_a_light_has_radiance_one() {
    // pbrt's analytic scene: irradiance π from the light, a Lambert sphere of 1/2: L = 1/2 + L/2. The light is small, white and
    // sends out 4π², so that its radiance is 4π / its area.
    let radius = 0.05;
    let twice_areas = sphere(ORIGIN, radius, 8, false).into_iter().map(|[a, b, c]| {
        let n = cross(sub(b.0, a.0), sub(c.0, a.0));
        dot(n, n).sqrt()
    });
    let light = emitter(1.0, (8.0 * std::f64::consts::PI / twice_areas.sum::<f64>()) as f32);
    let scene = Builder::new()
        .bounces(40)
        .camera([0.3, 0.2, 0.1], [0.9, 0.6, 0.5], 60.0)
        .sphere(lambert(0.5), ORIGIN, -1.0, 24, false)
        .sphere(light, ORIGIN, radius, 8, false)
        .build();
    near("sphere", scene.mean(256).rgb[1], 1.0, 0.025);
}

#[test]
fn direct_light_of_a_quad_over_a_plane_is_analytic() {
    // A square of edge 2 at height 1, above the point that the camera looks at.
    let corner = |a: f64, b: f64| {
        let (s, t) = ((1.0 + a * a).sqrt(), (1.0 + b * b).sqrt());
        (a / s * (b / s).atan() + b / t * (a / t).atan()) / std::f64::consts::TAU
    };
    let expected = 0.8 * 5.0 * 4.0 * corner(1.0, 1.0);
    for sampling in [Sampling::Both, Sampling::BsdfOnly] {
        let scene = Builder::new()
            .bounces(0)
            .sampling(sampling)
            .camera([0.0, 0.5, 3.0], ORIGIN, 0.05)
            .quad(lambert(0.8), [-9.0, 0.0, 9.0], [18.0, 0.0, 0.0], [0.0, 0.0, -18.0])
            .quad(emitter(0.0, 5.0), [-1.0, 1.0, -1.0], [2.0, 0.0, 0.0], [0.0, 0.0, 2.0])
            .build();
        let mean = scene.mean(512);
        near("quad", mean.rgb[1], expected, 4.0 * mean.error + 1e-3 * expected);
    }
}

/// Mixed lights and materials, in which every technique of sampling must find the same light.
fn mixed(sampling: Sampling) -> Mean {
    let sky = |x: usize, y: usize| if x == 3 && y == 2 { [30.0, 20.0, 10.0] } else { [0.5, 0.5, 0.6] };
    Builder::new()
        .bounces(3)
        .sampling(sampling)
        .environment(16, 8, sky)
        .rotate_sky(40.0)
        .camera([0.0, 2.0, 5.0], [0.0, 0.5, 0.0], 40.0)
        .quad(dielectric(0.6, 0.4), [-4.0, 0.0, 4.0], [8.0, 0.0, 0.0], [0.0, 0.0, -8.0])
        .sphere(metal(0.9, 0.3), [-0.8, 0.7, 0.0], 0.7, 10, true)
        .sphere(dielectric(0.5, 0.7), [0.9, 0.7, 0.3], 0.7, 10, true)
        .quad(emitter(0.2, 6.0), [-1.0, 2.5, -1.0], [1.5, 0.0, 0.0], [0.0, 0.0, 1.5])
        .build()
        .mean(if sampling == Sampling::BsdfOnly { 1024 } else { 256 })
}

#[test]
fn techniques_of_sampling_agree() {
    let both = mixed(Sampling::Both);
    for (name, sampling, tolerance) in [
        ("BSDF alone", Sampling::BsdfOnly, 0.02),
        ("mostly sky", Sampling::Environment(0.9), 0.01),
        ("mostly triangles", Sampling::Environment(0.1), 0.01),
    ] {
        let other = mixed(sampling);
        for channel in 0..3 {
            near(name, other.rgb[channel] / both.rgb[channel], 1.0, tolerance);
        }
    }
}

fn window(alpha: f32, flags: u32) -> Builder {
    let mut glass = lambert(0.0);
    glass.base_color.w = alpha;
    glass.alpha_cutoff = 0.5;
    glass.flags = flags;
    Builder::new().white_sky().camera([0.0, 0.0, 3.0], ORIGIN, 30.0).quad(
        glass,
        [-5.0, -5.0, 0.0],
        [10.0, 0.0, 0.0],
        [0.0, 10.0, 0.0],
    )
}

#[test]
fn a_mask_below_its_cutoff_is_a_hole() {
    let mean = window(0.4, MATERIAL_MASK).build().mean(16);
    assert_eq!((mean.rgb[1], mean.covered), (1.0, 0.0));
    assert_eq!(mean.camera_rays, 2 * 16 * 64);
    let mean = window(0.5, MATERIAL_MASK).build().mean(16);
    assert_eq!((mean.rgb[1], mean.covered), (0.0, 1.0));
}

#[test]
fn blended_alpha_is_a_probability() {
    let mean = window(0.25, MATERIAL_BLEND).build().mean(256);
    near("light through", mean.rgb[1], 0.75, 0.01);
    near("coverage", mean.covered, 0.25, 0.01);
}

#[test]
fn shadow_rays_pass_holes() {
    for (alpha, flags, share) in
        [(0.4, MATERIAL_MASK, 1.0), (0.6, MATERIAL_MASK, 0.0), (0.25, MATERIAL_BLEND, 0.75)]
    {
        let mut leaf = lambert(0.0);
        leaf.base_color.w = alpha;
        leaf.alpha_cutoff = 0.5;
        leaf.flags = flags;
        let scene = Builder::new()
            .bounces(0)
            .camera([0.0, 0.5, 3.0], ORIGIN, 1.0)
            .quad(lambert(1.0), [-1.0, 0.0, 1.0], [2.0, 0.0, 0.0], [0.0, 0.0, -2.0])
            .quad(leaf, [-9.0, 2.0, 9.0], [18.0, 0.0, 0.0], [0.0, 0.0, -18.0])
            .quad(emitter(0.0, 1.0), [-1.0, 3.0, -1.0], [2.0, 0.0, 0.0], [0.0, 0.0, 2.0]);
        let open = Builder { instances: vec![scene.instances[0], scene.instances[2]], ..scene.clone() };
        let (mean, open) = (scene.build().mean(512), open.build().mean(512));
        near("light under a leaf", mean.rgb[1] / open.rgb[1], share, 0.03);
    }
}

#[test]
fn a_stack_of_holes_is_passed_and_bounded() {
    let mut clear = lambert(0.0);
    clear.base_color.w = 0.0;
    clear.flags = MATERIAL_BLEND;
    let mut scene = Builder::new().white_sky().camera([0.0, 0.0, 3.0], ORIGIN, 10.0);
    for _ in 0..100 {
        // All at one depth: told apart by instance and primitive alone.
        scene = scene.quad(clear, [-5.0, -5.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]);
    }
    let mean = scene.build().mean(2);
    assert_eq!((mean.rgb[1], mean.covered), (1.0, 0.0));
    // A ray through the diagonal meets both triangles of a quad.
    assert!(mean.camera_rays >= 101 * 2 * 64, "{} rays", mean.camera_rays);
}

#[test]
fn emission_is_seen_from_the_front_unless_double_sided() {
    for (flags, z, expected) in [
        (MATERIAL_EMISSIVE, 3.0, 2.0),
        (MATERIAL_EMISSIVE, -3.0, 0.0),
        (MATERIAL_EMISSIVE | MATERIAL_DOUBLE_SIDED, -3.0, 2.0),
    ] {
        let panel = Material { flags, ..emitter(0.0, 2.0) };
        let scene = Builder::new().camera([0.0, 0.0, z], ORIGIN, 30.0);
        let mean = scene.quad(panel, [-5.0, -5.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]).build().mean(4);
        assert_eq!(mean.rgb[1], expected, "flags {flags}, camera at {z}");
    }
    // What it lights: a floor below a panel that faces up is dark, unless the panel is double-sided.
    for (flags, lit) in [(MATERIAL_EMISSIVE, false), (MATERIAL_EMISSIVE | MATERIAL_DOUBLE_SIDED, true)] {
        let panel = Material { flags, ..emitter(0.0, 2.0) };
        let scene = Builder::new()
            .bounces(0)
            .camera([0.0, 0.5, 3.0], ORIGIN, 1.0)
            .quad(lambert(1.0), [-5.0, 0.0, 5.0], [10.0, 0.0, 0.0], [0.0, 0.0, -10.0])
            .quad(panel, [-1.0, 1.0, 1.0], [2.0, 0.0, 0.0], [0.0, 0.0, -2.0]);
        assert_eq!(scene.build().mean(32).rgb[1] > 0.1, lit);
    }
}

#[test]
fn an_unlit_surface_is_its_colour_and_ends_paths() {
    let paint =
        Material { flags: MATERIAL_UNLIT, base_color: Vec4f::new(0.25, 0.5, 0.75, 1.0), ..lambert(1.0) };
    let scene = Builder::new().white_sky().camera([0.0, 0.0, -3.0], ORIGIN, 30.0);
    let mean = scene.quad(paint, [-5.0, -5.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]).build().mean(4);
    assert_eq!(mean.rgb, [0.25, 0.5, 0.75]);
    assert_eq!((mean.bounce_rays, mean.shadow_rays), (0, 0));
}

#[test]
fn no_scale_or_place_shows_acne_or_leaks() {
    // A closed room whose radiance is 1 everywhere: a ray that leaks or meets its own start shows as a darker or uneven pixel.
    for (scale, shift) in [(1.0, 0.0), (1e-3, 0.0), (1e3, 0.0), (1.0, 1e4), (1e-3, 3.0), (1e6, 1e3)] {
        let mut room = Builder { scale, shift: [shift, -shift, 0.5 * shift], ..Builder::new() }.bounces(24);
        room = room.camera([0.1, 0.2, 0.3], [0.9, -0.8, 0.2], 90.0);
        let mean = room.room(emitter(0.5, 0.5), 1.0).build().mean(32);
        near(&format!("scale {scale}, shift {shift}"), mean.rgb[1], 1.0, 5e-3);
        // Escaped bounce rays would end early: every path has all of its bounces. Far from the world's origin, points within
        // one rounding of a corner may lie beyond the other wall.
        let lost = 1.0 - mean.bounce_rays as f64 / f64::from(25 * 32 * 64);
        assert!(lost <= 8.0 * shift / scale / 16777216.0, "scale {scale}, shift {shift}: {lost}");
    }
}

#[test]
fn instances_stretch_mirror_and_turn() {
    // A white Lambert sphere stays invisible in a white sky whatever its matrix; front faces stay front faces.
    let (s, c) = (0.6f64, 0.8f64);
    let rotate_stretch = [[2.0 * c, -0.5 * s, 0.0, 0.1], [2.0 * s, 0.5 * c, 0.0, 0.2], [0.0, 0.0, 1.5, -0.3]];
    let inverse = |m: [[f64; 4]; 3]| {
        let rows = m.map(|r| [r[0], r[1], r[2]]);
        let d = dot(rows[0], cross(rows[1], rows[2]));
        let cofactors = [cross(rows[1], rows[2]), cross(rows[2], rows[0]), cross(rows[0], rows[1])];
        let move_by = [m[0][3], m[1][3], m[2][3]];
        [0, 1, 2].map(|i| {
            let row = cofactors.map(|column| column[i] / d);
            [row[0], row[1], row[2], -dot(row, move_by)]
        })
    };
    let mut mirrored = rotate_stretch;
    for row in &mut mirrored {
        row[0] = -row[0];
    }
    for matrix in [rotate_stretch, mirrored] {
        let ball = sphere(ORIGIN, 0.5, 12, true);
        let base = Builder::new().white_sky().camera([0.0, 0.0, 3.0], ORIGIN, 30.0);
        let white = base.clone().placed_mesh(lambert(1.0), &ball, matrix, inverse(matrix)).build();
        near("white", white.mean(64).rgb[1], 1.0, 5e-3);
        let glow = base.placed_mesh(emitter(0.0, 3.0), &ball, matrix, inverse(matrix)).build();
        let mean = glow.mean(16);
        assert!(mean.covered > 0.2 && mean.covered < 0.9, "{mean:?}");
        near("front faces glow", mean.rgb[1], 3.0 * mean.covered + (1.0 - mean.covered), 1e-6);
        let kernel = glow.kernel();
        let corners = glow.builder.triangles[100];
        let flat = kernel.world_triangle(0, corners).normal;
        let smooth = kernel.smooth_normal(0, corners, 0.33, 0.33, Vec3f::ZERO);
        assert!(dot(wide(flat), wide(smooth)) > 0.95, "{flat:?} {smooth:?}");
    }
}

#[test]
fn a_pixel_is_the_sum_of_its_samples_in_any_split() {
    let scene = Builder::new().white_sky().camera([0.0, 0.0, 3.0], ORIGIN, 60.0).sphere(
        metal(0.7, 0.4),
        ORIGIN,
        1.0,
        8,
        true,
    );
    let scene = scene.build();
    let kernel = scene.kernel();
    let whole = kernel.render_pixel(3, 4, 0, 16);
    let parts: Vec<_> = [(0, 5), (5, 1), (6, 10)]
        .iter()
        .map(|&(start, count)| kernel.render_pixel(3, 4, start, count))
        .collect();
    let sum = |f: &dyn Fn(&PixelRecord) -> u64| parts.iter().map(f).fold(0u64, u64::wrapping_add);
    let wide = |v: tessera_shaders::wgsl::Vec2u| u64::from(v.y) << 32 | u64::from(v.x);
    assert_eq!(wide(whole.red), sum(&|p| wide(p.red)));
    assert_eq!(u64::from(whole.bounce_rays), sum(&|p| u64::from(p.bounce_rays)));
    assert_eq!(u64::from(whole.covered), sum(&|p| u64::from(p.covered)));
    assert_eq!(kernel.render_pixel(8, 0, 0, 4), PixelRecord::ZERO);
}
