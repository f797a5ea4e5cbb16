//! Points of triangles and texels: wrap modes, filters, transforms, normals, colours; all against values worked out by hand.

mod light_scene;

use light_scene::*;
use proptest::prelude::*;
use tessera_shaders::cpu::*;
use tessera_shaders::wgsl::{Vec3f, Vec4f};

const GREY: [u32; 4] = [0, 51, 102, 255];

/// A row of four grey texels, read along u at v = 0.5.
fn read(flags: u32, u: f32) -> f32 {
    let texels = GREY.map(|g| 0xff00_0000 | g << 16 | g << 8 | g);
    let (scene, image) = Builder::new().image(4, 1, IMAGE_LINEAR8, &texels);
    let slot = TextureSlot { image, flags, row_u: [1.0, 0.0, 0.0], row_v: [0.0, 1.0, 0.0] };
    let (scene, slot) = scene.slot(slot);
    let scene = scene.build();
    scene.kernel().sample_slot(slot, Vec4f::new(u, 0.5, 0.0, 0.0)).y
}

fn grey(texel: usize) -> f32 {
    GREY[texel] as f32 / 255.0
}

#[test]
fn texels_repeat_clamp_and_mirror() {
    const REPEAT: u32 = 0;
    let both = |mode: u32| mode | mode << 2;
    for nearest in [0, SLOT_NEAREST] {
        for (mode, u, texel) in [
            (REPEAT, 0.125, 0),
            (REPEAT, 0.875, 3),
            (REPEAT, 1.125, 0),
            (REPEAT, -0.125, 3),
            (REPEAT, 1000.375, 1),
            (WRAP_CLAMP, -0.3, 0),
            (WRAP_CLAMP, 7.0, 3),
            (WRAP_MIRROR, 1.125, 3),
            (WRAP_MIRROR, -0.125, 0),
            (WRAP_MIRROR, -1.125, 3),
            (WRAP_MIRROR, 2.375, 1),
        ] {
            let value = read(both(mode) | nearest, u);
            assert!((value - grey(texel)).abs() < 1e-6, "mode {mode}, u {u}: {value} is not texel {texel}");
        }
    }
}

#[test]
fn bilinear_filtering_weighs_neighbours_across_the_seam() {
    assert!((read(0, 0.25) - 0.5 * (grey(0) + grey(1))).abs() < 1e-6);
    assert!((read(0, 0.0) - 0.5 * (grey(3) + grey(0))).abs() < 1e-6);
    assert!((read(0, 1.0) - 0.5 * (grey(3) + grey(0))).abs() < 1e-6);
    assert!((read(5, 0.0) - grey(0)).abs() < 1e-6);
    assert!((read(10, 1.0) - grey(3)).abs() < 1e-6);
    assert!((read(0, 0.125 + 0.25 * 0.25) - (0.75 * grey(0) + 0.25 * grey(1))).abs() < 1e-6);
}

proptest! {
    #[test]
    fn no_coordinate_reads_beyond_the_image(bits in any::<u32>(), flags in 0u32..32) {
        let mode = |m: u32| if m == 3 { 0 } else { m };
        let flags = mode(flags & 3) | mode(flags >> 2 & 3) << 2 | flags & SLOT_NEAREST;
        let value = read(flags, f32::from_bits(bits));
        prop_assert!((0.0..=1.0).contains(&value), "{value}");
    }
}

#[test]
fn colour_is_linear_by_the_table_and_alpha_is_not() {
    let (scene, image) = Builder::new().image(1, 1, IMAGE_SRGB8, &[0x80_00_bc_ff]);
    let slot = TextureSlot { image, flags: SLOT_UV1, row_u: [1.0, 0.0, 0.0], row_v: [0.0, 1.0, 0.0] };
    let (scene, slot) = scene.slot(slot);
    let scene = scene.build();
    let value = scene.kernel().sample_slot(slot, Vec4f::ZERO);
    assert_eq!((value.x, value.z), (1.0, 0.0));
    assert!((value.y - 0.502886).abs() < 1e-5, "{value:?}");
    assert!((value.w - 128.0 / 255.0).abs() < 1e-6);
}

#[test]
fn a_slot_transforms_its_set_of_coordinates() {
    // Four texels in a square; a quarter turn and a shift bring (u, v) = (0.25, 0.25) of the second set to the lower right.
    let grey = |g: u32| 0xff00_0000 | g << 16 | g << 8 | g;
    let (scene, image) = Builder::new().image(2, 2, IMAGE_LINEAR8, &[grey(10), grey(20), grey(30), grey(40)]);
    let slot = TextureSlot {
        image,
        flags: SLOT_UV1 | SLOT_NEAREST,
        row_u: [0.0, 1.0, 0.5],
        row_v: [-1.0, 0.0, 1.0],
    };
    let (scene, slot) = scene.slot(slot);
    let scene = scene.build();
    let value = scene.kernel().sample_slot(slot, Vec4f::new(0.9, 0.9, 0.25, 0.25)).x;
    assert!((value - 40.0 / 255.0).abs() < 1e-6, "{value}");
}

/// One triangle with a tangent along +x and a normal along +z.
fn bumped(flipped_bitangent: bool, mirrored: bool) -> Scene {
    let corner = |p: V, uv: [f32; 2]| (p, [0.0, 0.0, 1.0], uv);
    let triangle = [[
        corner([0.0; 3], [0.0, 0.0]),
        corner([1.0, 0.0, 0.0], [1.0, 0.0]),
        corner([0.0, 1.0, 0.0], [0.0, 1.0]),
    ]];
    let x = if mirrored { -2.0 } else { 2.0 };
    let matrix = [[x, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]];
    let inverse = [[1.0 / x, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]];
    let mut scene = Builder::new().placed_mesh(lambert(1.0), &triangle, matrix, inverse);
    for vertex in &mut scene.attributes {
        vertex.tangent = Vec3f::new(1.0, 0.0, 0.0);
        vertex.color_ba |= u32::from(flipped_bitangent) << 31;
    }
    scene.build()
}

#[test]
fn normal_textures_turn_normals_in_the_frame_of_gltf() {
    let close = |a: Vec3f, b: V| dot(sub(wide(a), b), sub(wide(a), b)) < 1e-12;
    for (flipped, mirrored, tangent, bitangent) in [
        (false, false, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        (true, false, [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]),
        // The mirror turns the tangent; the bitangent of the mesh stays along +y.
        (false, true, [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        (true, true, [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]),
    ] {
        let scene = bumped(flipped, mirrored);
        let kernel = scene.kernel();
        let corners = scene.builder.triangles[0];
        let normal = kernel.smooth_normal(0, corners, 0.2, 0.3, Vec3f::ZERO);
        assert!(close(normal, [0.0, 0.0, 1.0]), "{normal:?}");
        assert!(close(kernel.world_triangle(0, corners).normal, [0.0, 0.0, 1.0]));
        let frame = kernel.tangent_frame(0, corners, 0.2, 0.3, normal);
        let mapped = |x, y, z| mapped_normal(frame, normal, Vec3f::new(x, y, z));
        assert!(close(mapped(0.0, 0.0, 1.0), [0.0, 0.0, 1.0]));
        assert!(close(mapped(1.0, 0.0, 0.0), tangent));
        assert!(close(mapped(0.0, 1.0, 0.0), bitangent), "flipped {flipped}, mirrored {mirrored}");
    }
}

proptest! {
    #[test]
    fn a_valid_normal_mirrors_the_viewer_above_the_surface(
        a in prop::array::uniform3(-1.0f64..1.0), b in prop::array::uniform3(-1.0f64..1.0), c in prop::array::uniform3(-1.0f64..1.0)
    ) {
        prop_assume!([a, b, c].iter().all(|v| dot(*v, *v) > 0.01));
        let flat = unit(a);
        let wo = unit(if dot(b, flat) < 0.0 { scale(b, -1.0) } else { b });
        let normal = unit(if dot(c, flat) < 0.0 { scale(c, -1.0) } else { c });
        prop_assume!(dot(wo, flat) > 1e-3);
        let found = wide(valid_normal(vec3(normal), vec3(flat), vec3(wo)));
        let mirror = |n: V| dot(sub(scale(n, 2.0 * dot(n, wo)), wo), flat);
        let least = (0.9 * dot(wo, flat)).min(0.01);
        prop_assert!((dot(found, found) - 1.0).abs() < 1e-5);
        prop_assert!(mirror(found) > least - 1e-3, "mirror at {}", mirror(found));
        if mirror(normal) > least + 1e-5 {
            prop_assert!(dot(sub(found, normal), sub(found, normal)) < 1e-10, "a good normal was moved");
        }
        // It stays in the plane of both normals.
        prop_assert!(dot(found, cross(normal, flat)).abs() < 1e-4);
        let facing = wide(facing_normal(vec3(normal), vec3(wo)));
        prop_assert!(dot(facing, wo) > 1e-3);
    }
}

#[test]
fn vertex_colours_and_alpha_interpolate() {
    let scene = Builder::new().quad(lambert(1.0), [0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
    let mut scene = scene;
    // Red, green and a clear blue.
    for (vertex, (rg, ba)) in
        [(0xffff, 0x7fff_0000), (0xffff_0000, 0x7fff_0000), (0, 0xffff)].into_iter().enumerate()
    {
        scene.attributes[vertex].color_rg = rg;
        scene.attributes[vertex].color_ba = ba;
    }
    let scene = scene.build();
    let color = scene.kernel().vertex_color(scene.builder.triangles[0], 0.25, 0.25).to_array();
    for (found, expected) in color.into_iter().zip([0.5, 0.25, 0.25, 0.75]) {
        assert!((found - expected).abs() < 1e-6, "{color:?}");
    }
    assert_eq!(
        scene.kernel().vertex_color(scene.builder.triangles[1], 0.25, 0.25),
        Vec4f::new(1.0, 1.0, 1.0, 1.0)
    );
}

#[test]
fn textures_reach_every_parameter_of_a_material() {
    // One image for all roles: r = 0, g = 128, b = 255, a = 64.
    let (mut scene, image) = Builder::new().image(1, 1, IMAGE_LINEAR8, &[0x40ff_8000]);
    for role in 0..ROLES {
        let flags = role << SLOT_ROLE_SHIFT;
        scene = scene.slot(TextureSlot { image, flags, row_u: [1.0, 0.0, 0.0], row_v: [0.0, 1.0, 0.0] }).0;
    }
    let material = Material {
        base_color: Vec4f::new(0.5, 0.5, 0.5, 0.5),
        metallic: 0.5,
        roughness: 0.5,
        emission: Vec3f::splat(4.0),
        normal_scale: 2.0,
        specular: 0.5,
        specular_color: Vec3f::splat(0.5),
        coat: 0.5,
        coat_roughness: 0.5,
        coat_normal_scale: 0.5,
        transmission: 0.5,
        sheen_color: Vec3f::splat(0.5),
        sheen_roughness: 0.5,
        iridescence: 0.5,
        film_thickness: 1.0,
        anisotropy: 0.5,
        diffuse_transmission: 0.5,
        diffuse_transmission_color: Vec3f::splat(0.5),
        flags: MATERIAL_LAYERED,
        slot_start: 0,
        slot_count: ROLES,
        ..lambert(0.5)
    };
    let scene = scene.quad(material, [0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).build();
    let p = scene.kernel().point_material(scene.builder.triangles[0], 0.2, 0.2, WANT_ALL, 0);
    let half = 128.0 / 255.0;
    let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} is not {b}: {p:?}");
    close(p.base_color.x, 0.0);
    close(p.base_color.y, 0.5 * half);
    close(p.base_color.w, 0.5 * 64.0 / 255.0);
    close(p.roughness, 0.5 * half);
    close(p.metallic, 0.5);
    close(p.bump.x, -2.0);
    close(p.bump.y, 2.0 * (2.0 * half - 1.0));
    close(p.bump.z, 1.0);
    close(p.emission.z, 4.0);
    close(p.specular, 0.5 * 64.0 / 255.0);
    close(p.specular_color.z, 0.5);
    close(p.coat, 0.0);
    close(p.coat_roughness, 0.5 * half);
    close(p.coat_bump.x, -0.5);
    close(p.transmission, 0.0);
    close(p.sheen_color.z, 0.5);
    close(p.sheen_roughness, 0.5 * 64.0 / 255.0);
    close(p.iridescence, 0.0);
    close(p.film_thickness, half);
    close(p.brushing.x, -1.0);
    close(p.anisotropy, 0.5);
    close(p.diffuse_transmission, 0.5 * 64.0 / 255.0);
    close(p.diffuse_transmission_color.y, 0.5 * half);
    // Who wants alpha alone gets no more.
    let alpha = scene.kernel().point_material(scene.builder.triangles[0], 0.2, 0.2, WANT_ALPHA, 0);
    close(alpha.base_color.w, 0.5 * 64.0 / 255.0);
    close(alpha.emission.x, 4.0);
}
