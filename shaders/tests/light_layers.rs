//! Coats, glass, sheets, sheen and brushed metal: furnaces, sampling against densities over the whole sphere, energy, Snell and
//! Beer's laws.

mod light_scene;

use light_scene::*;
use tessera_shaders::cpu::*;
use tessera_shaders::wgsl::Vec3f;

const ORIGIN: V = [0.0; 3];
const UP: V = [0.0, 0.0, 1.0];
const TAU: f64 = std::f64::consts::TAU;

/// 1 within 0.005, beyond what chance may add.
fn white(what: &str, mean: Mean) {
    println!("furnace: {what}: {:.4} ± {:.4}", mean.rgb[1], mean.error);
    near(what, mean.rgb[1], 1.0, 5e-3f64.max(3.0 * mean.error));
    assert!(mean.error < 5e-3, "{what}: ± {}", mean.error);
}

fn near(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{what}: {value} is not {expected} ± {tolerance}");
}

/// A sphere of the material that fills the picture, under a white sky, with long paths and no roulette.
fn furnace(material: Material) -> Mean {
    let scene = Builder::new().white_sky().bounces(200).camera([0.0, 0.0, 3.0], ORIGIN, 24.0);
    scene.sphere(material, ORIGIN, 1.0, 24, false).build().mean(1024)
}

const ROUGHNESSES: [f32; 6] = [0.0, 0.15, 0.3, 0.5, 0.75, 1.0];

#[test]
fn clear_glass_vanishes_in_a_white_sky_at_any_roughness() {
    for roughness in ROUGHNESSES {
        white(&format!("glass of roughness {roughness}"), furnace(glass(roughness)));
    }
}

#[test]
fn white_metal_and_white_plastic_vanish_in_a_white_sky_at_any_roughness() {
    for roughness in ROUGHNESSES {
        white(&format!("metal of roughness {roughness}"), furnace(metal(1.0, roughness)));
        white(&format!("plastic of roughness {roughness}"), furnace(dielectric(1.0, roughness)));
    }
}

#[test]
fn a_clear_sheet_vanishes_in_a_white_sky_at_any_roughness() {
    let sheet =
        |roughness| Material { transmission: 1.0, flags: MATERIAL_LAYERED, ..dielectric(1.0, roughness) };
    for roughness in ROUGHNESSES {
        white(&format!("sheet of roughness {roughness}"), furnace(sheet(roughness)));
    }
}

#[test]
fn a_coat_over_white_keeps_all_light() {
    for roughness in ROUGHNESSES {
        for (name, under) in
            [("lambert", lambert(1.0)), ("metal", metal(1.0, 0.3)), ("plastic", dielectric(1.0, 0.4))]
        {
            white(
                &format!("coat of roughness {roughness} on {name}"),
                furnace(coated(1.0, roughness, under)),
            );
        }
    }
}

#[test]
fn dispersive_glass_is_white_in_a_white_sky() {
    let mean = furnace(Material { dispersion: 0.05, ..glass(0.0) });
    for channel in mean.rgb {
        near("dispersive glass", channel, 1.0, 0.03);
    }
}

#[test]
fn diffuse_sheets_pass_and_reflect_all_light() {
    let sheet = Material {
        diffuse_transmission: 0.4,
        diffuse_transmission_color: Vec3f::splat(1.0),
        flags: MATERIAL_LAYERED,
        ..lambert(1.0)
    };
    white("sheet", furnace(sheet));
    // A wall of it between a lamp and the viewer lets through its share and colour.
    let leaf = Material { diffuse_transmission_color: Vec3f::new(0.5, 1.0, 0.25), ..sheet };
    let scene = Builder::new()
        .bounces(0)
        .camera([0.0, 0.0, 3.0], ORIGIN, 1.0)
        .quad(leaf, [-50.0, -50.0, 0.0], [100.0, 0.0, 0.0], [0.0, 100.0, 0.0])
        .quad(emitter(0.0, 1.0), [-500.0, -500.0, -1.0], [1000.0, 0.0, 0.0], [0.0, 1000.0, 0.0]);
    let mean = scene.build().mean(512);
    for (found, color) in mean.rgb.into_iter().zip([0.5, 1.0, 0.25]) {
        near("light through a leaf", found, 0.4 * color, 0.02);
    }
}

/// Parameters of every kind of layer, each with something to tell from the others.
fn cases() -> Vec<(&'static str, BsdfParameters)> {
    let base = BsdfParameters {
        base_color: Vec3f::new(0.8, 0.5, 0.3),
        roughness: 0.5,
        dielectric_f0: Vec3f::splat(0.04),
        dielectric_f90: 1.0,
        film_table: NONE,
        glass_table: NONE,
        ..BsdfParameters::ZERO
    };
    let clear = BsdfParameters { transmission: 1.0, transmission_color: base.base_color, ..base };
    let glass = BsdfParameters { eta: 1.5, glass_table: GLASS, ..clear };
    vec![
        ("coat", BsdfParameters { coat: 0.9, coat_roughness: 0.4, ..base }),
        ("sheen", BsdfParameters { sheen_color: Vec3f::new(0.9, 0.6, 0.2), sheen_roughness: 0.6, ..base }),
        ("brushed metal", BsdfParameters { metallic: 1.0, anisotropy: 0.8, roughness: 0.6, ..base }),
        ("thin sheet", clear),
        ("glass from outside", glass),
        ("glass from inside", BsdfParameters { eta: 1.0 / 1.5, glass_table: GLASS + 2048, ..glass }),
        (
            "frosted glass under a coat",
            BsdfParameters { coat: 1.0, coat_roughness: 0.3, transmission: 0.6, ..glass },
        ),
        (
            "leaf",
            BsdfParameters {
                diffuse_transmission: 0.5,
                diffuse_transmission_color: Vec3f::new(0.4, 0.9, 0.1),
                ..base
            },
        ),
        (
            "all at once",
            BsdfParameters {
                coat: 0.5,
                coat_roughness: 0.5,
                sheen_color: Vec3f::splat(0.5),
                sheen_roughness: 0.8,
                metallic: 0.3,
                transmission: 0.5,
                diffuse_transmission: 0.5,
                diffuse_transmission_color: Vec3f::splat(0.7),
                anisotropy: 0.5,
                ..glass
            },
        ),
    ]
}

fn tilted(degrees: f64, turn: f64) -> V {
    let (s, c) = f64::to_radians(degrees).sin_cos();
    [s * turn.cos(), s * turn.sin(), c]
}

fn prepared(p: BsdfParameters, wo: V) -> Bsdf {
    let frame = ShadingFrame {
        normal: vec3(UP),
        tangent: vec3(unit([1.0, 0.3, 0.0])),
        coat_normal: vec3(unit([0.1, -0.05, 1.0])),
    };
    Builder::new().build().kernel().bsdf_prepare(p, frame, vec3(wo))
}

/// Midpoints of a grid over the sphere in (z, φ), with their cell among `rings` × `sectors`.
fn sphere_grid(rings: usize, sectors: usize, inner: usize) -> impl Iterator<Item = (usize, V)> {
    (0..rings * inner * sectors * inner).map(move |i| {
        let (row, column) = (i / (sectors * inner), i % (sectors * inner));
        let z = 1.0 - 2.0 * (row as f64 + 0.5) / (rings * inner) as f64;
        let (s, c) = (TAU * (column as f64 + 0.5) / (sectors * inner) as f64).sin_cos();
        let r = (1.0 - z * z).sqrt();
        (row / inner * sectors + column / inner, [r * c, r * s, z])
    })
}

#[test]
fn sampling_follows_its_density_on_both_sides() {
    let (rings, sectors, inner, samples) = (16, 16, 20, 200_000u32);
    for (index, (name, p)) in cases().into_iter().enumerate() {
        for degrees in [15.0, 65.0] {
            let mut bsdf = prepared(p, tilted(degrees, 0.7));
            let mut random = Uniform(index as u64 + 1);
            let mut counts = vec![0.0; rings * sectors];
            for _ in 0..samples {
                let wi = wide(bsdf_sample(&mut bsdf, random.unit(), random.pair()));
                if dot(wi, wi) < 0.5 {
                    continue;
                }
                near(&format!("{name}: length of {wi:?}"), dot(wi, wi), 1.0, 1e-5);
                let phi = wi[1].atan2(wi[0]).rem_euclid(TAU) / TAU;
                let ring = (((1.0 - wi[2]) * 0.5 * rings as f64) as usize).min(rings - 1);
                counts[ring * sectors + ((phi * sectors as f64) as usize).min(sectors - 1)] += 1.0;
            }
            let mut expected = vec![0.0; rings * sectors];
            let share = 2.0 * TAU / (rings * sectors * inner * inner) as f64 * f64::from(samples);
            for (cell, wi) in sphere_grid(rings, sectors, inner) {
                expected[cell] += f64::from(bsdf_evaluate(&mut bsdf, vec3(wi)).pdf) * share;
            }
            // χ² by Wilson and Hilferty's cube root, cells of less than 10 together.
            let (mut statistic, mut cells, mut rest) = (0.0, 0.0, (0.0, 0.0));
            for (count, expect) in counts.iter().zip(&expected) {
                if *expect >= 10.0 {
                    statistic += (count - expect) * (count - expect) / expect;
                    cells += 1.0;
                } else {
                    rest = (rest.0 + count, rest.1 + expect);
                }
            }
            assert!((rest.0 - rest.1).abs() < 6.0 * rest.1.sqrt() + 10.0, "{name} at {degrees}°: {rest:?}");
            let c = 2.0 / (9.0 * cells);
            let limit: f64 = cells * (1.0f64 - c + 4.753 * c.sqrt()).powi(3);
            assert!(
                statistic < limit,
                "{name} at {degrees}°: χ² is {statistic} over {cells} cells, limit {limit}"
            );
        }
    }
}

#[test]
fn no_material_makes_light() {
    for (name, p) in cases() {
        let white = BsdfParameters {
            base_color: Vec3f::splat(1.0),
            transmission_color: Vec3f::splat(1.0),
            diffuse_transmission_color: Vec3f::splat(1.0),
            sheen_color: Vec3f::splat(p.sheen_color.x),
            ..p
        };
        for degrees in [0.0, 40.0, 75.0, 87.0] {
            let mut bsdf = prepared(white, tilted(degrees, 0.3));
            let mut random = Uniform(3);
            let (mut sum, samples) = (0.0, 60_000);
            for _ in 0..samples {
                let wi = bsdf_sample(&mut bsdf, random.unit(), random.pair());
                let found = bsdf_evaluate(&mut bsdf, wi);
                if found.pdf > 0.0 {
                    sum += f64::from(found.value.y) / f64::from(found.pdf);
                }
            }
            let albedo = sum / f64::from(samples);
            // A stretched lobe borrows the table of a round one, which is off where the view grazes along the brushing.
            let most = if p.anisotropy > 0.0 { 1.05 } else { 1.01 };
            assert!(albedo < most && albedo > 0.3, "{name} at {degrees}°: albedo {albedo}");
        }
    }
}

#[test]
fn transmission_through_a_sheet_and_light_through_a_leaf_are_reciprocal() {
    // At equal cosines, so that what depends on one of them cancels.
    for (name, p) in cases().into_iter().filter(|(name, _)| ["thin sheet", "leaf", "sheen"].contains(name)) {
        for side in [1.0, -1.0] {
            let (wo, mut wi) = (tilted(50.0, 0.4), tilted(50.0, 1.3));
            wi[2] *= side;
            let there = bsdf_evaluate(&mut prepared(p, wo), vec3(wi)).value.y;
            // Seen from the other side, the same surface with both directions turned over.
            let turned = |v: V| [v[0], v[1], v[2] * side];
            let back = bsdf_evaluate(&mut prepared(p, turned(wi)), vec3(turned(wo))).value.y;
            assert!((there - back).abs() <= 1e-3 * there.max(1e-6), "{name}: {there} and {back}");
        }
    }
}

#[test]
fn smooth_glass_bends_light_by_snells_law_and_reflects_it_totally() {
    let smooth = |eta, table| BsdfParameters {
        transmission: 1.0,
        transmission_color: Vec3f::splat(1.0),
        dielectric_f0: Vec3f::splat(0.04),
        dielectric_f90: 1.0,
        eta,
        glass_table: table,
        film_table: NONE,
        ..BsdfParameters::ZERO
    };
    for (eta, table, degrees) in [(1.5, GLASS, 30.0), (1.5, GLASS, 70.0), (1.0 / 1.5, GLASS + 2048, 25.0)] {
        let mut bsdf = prepared(smooth(eta, table), tilted(degrees, 0.0));
        let (mut below, mut random) = (0, Uniform(2));
        for _ in 0..500 {
            let wi = wide(bsdf_sample(&mut bsdf, random.unit(), random.pair()));
            if wi[2] < 0.0 {
                below += 1;
                let sine = (wi[0] * wi[0] + wi[1] * wi[1]).sqrt();
                // The lobe has a least roughness of 2^-10, with long tails.
                if (sine * f64::from(eta) - f64::to_radians(degrees).sin()).abs() > 0.02 {
                    below -= 1;
                }
            }
        }
        assert!(below > 350, "{below} of 500 rays bend as Snell says at {degrees}° from {eta}");
    }
    let mut bsdf = prepared(smooth(1.0 / 1.5, GLASS + 2048), tilted(60.0, 0.0));
    let mut random = Uniform(2);
    let through = (0..500).filter(|_| bsdf_sample(&mut bsdf, random.unit(), random.pair()).z < 0.0).count();
    assert!(through < 5, "{through} of 500 rays leave beyond the critical angle");
}

#[test]
fn a_medium_takes_its_share_of_light() {
    // A slab of 2 m whose boundary bends nothing: 2^-(2 a) by channel, before a white sky.
    let slab = Material {
        attenuation: Vec3f::new(0.25, 0.5, 2.0),
        flags: MATERIAL_LAYERED | MATERIAL_VOLUME | MATERIAL_UNBENT,
        specular: 0.0,
        ..glass(0.0)
    };
    let mut scene = Builder::new().white_sky().camera([0.0, 0.0, 9.0], ORIGIN, 0.1);
    for (z, u) in [(1.0, 1.0), (-1.0, -1.0)] {
        scene = scene.quad(slab, [-4.0 * u, -4.0, z], [8.0 * u, 0.0, 0.0], [0.0, 8.0, 0.0]);
    }
    let materials = &mut scene.materials;
    for material in materials.iter_mut() {
        (material.glass_table, material.ior) = (NONE, 1.0);
    }
    // Both faces bound one medium.
    for triangle in &mut scene.triangles {
        triangle.w = 0;
    }
    let mean = scene.build().mean(64);
    for (found, halvings) in mean.rgb.into_iter().zip([0.5f64, 1.0, 4.0]) {
        near("light through a slab", found, (-halvings).exp2(), 2e-3);
    }
}

#[test]
fn a_film_is_looked_up_between_its_entries_and_turned_into_f0() {
    // A table that is linear in everything: what lies between its entries is known.
    let share = |i: u32, count: u32| f64::from(i) / f64::from(count - 1);
    let reflectance = |thickness: f64, cosine: f64, channel: u32, base: f64| {
        0.05 + 0.2 * thickness + 0.1 * cosine + 0.05 * f64::from(channel) + 0.4 * base
    };
    let mut floats = Vec::new();
    for t in 0..FILM_THICKNESSES {
        for c in 0..FILM_COSINES {
            for channel in 0..3 {
                for b in 0..FILM_BASES {
                    let at = (share(t, FILM_THICKNESSES), share(c, FILM_COSINES), share(b, FILM_BASES));
                    floats.push(reflectance(at.0, at.1, channel, at.2) as f32);
                }
            }
        }
    }
    let (scene, start) = Builder::new().build().with_table(&floats);
    for (thickness, cosine, base) in
        [(0.0, 1.0, 0.0), (0.37, 0.62, 0.04), (1.0, 0.3, 1.0), (0.501, 0.95, 0.77)]
    {
        let f0 = scene.kernel().film_f0(start, cosine as f32, thickness as f32, Vec3f::splat(base as f32));
        for (channel, found) in (0..).zip(f0.to_array()) {
            // Schlick's term with this F0 gives the film's reflectance at this angle.
            let schlick = (1.0f64 - cosine).powi(5);
            let shown = f64::from(found) + (1.0 - f64::from(found)) * schlick;
            near("film", shown, reflectance(thickness, cosine, channel, base), 1e-4);
        }
    }
}

#[test]
fn media_are_entered_and_left_in_any_order() {
    let thin = Material { transmission: 1.0, flags: MATERIAL_LAYERED, ..dielectric(1.0, 0.0) };
    let mut scene = Builder::new();
    scene.materials = vec![glass(0.0), glass(0.0), thin];
    let scene = scene.build();
    let kernel = scene.kernel();
    let media = |inner, outer| Media { inner, outer };
    let empty = media(NONE, NONE);
    for (before, material, entering, after) in [
        (empty, 0, true, media(0, NONE)),
        (media(0, NONE), 1, true, media(1, 0)),
        (media(1, 0), 1, false, media(0, NONE)),
        // The outer one ends first: overlapping objects.
        (media(1, 0), 0, false, media(1, NONE)),
        (media(0, NONE), 0, false, empty),
        // Left without having been entered: the viewer was inside.
        (empty, 0, false, empty),
        (media(0, NONE), 2, true, media(0, NONE)),
    ] {
        assert_eq!(
            kernel.media_beyond(before, material, entering),
            after,
            "{before:?} {material} {entering}"
        );
    }
    // Without attenuation a medium takes nothing; empty space never does.
    assert_eq!(kernel.transmittance(0, 5.0), Vec3f::splat(1.0));
    assert_eq!(kernel.transmittance(NONE, 5.0), Vec3f::splat(1.0));
}
