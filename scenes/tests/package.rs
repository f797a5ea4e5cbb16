//! What a package says about a scene: placement, winding, lights, textures, alpha and the environment.

mod support;

use image::{ExtendedColorType, ImageEncoder};
use serde_json::{Value, json};
use support::{Folder, glb, triangle};
use tessera_scenes::{Compiled, ImportLimits, Shot, ShotKeys, compile};
use tessera_shared::package::layout::*;
use tessera_shared::package::{Package, SectionKind};

fn records<T: bytemuck::Pod>(package: &Package, kind: SectionKind) -> Vec<T> {
    bytemuck::pod_collect_to_vec(package.section(&package.manifest.scenes[0], kind))
}

fn compiled(document: &Value, binary: &[u8]) -> Compiled {
    support::compiled(document, binary).unwrap()
}

/// A single triangle of the package, its corners in order.
fn corners(package: &Package, triangle: usize) -> [[f32; 3]; 3] {
    let positions: Vec<[f32; 4]> = records(package, SectionKind::Positions);
    let triangles: Vec<[u32; 4]> = records(package, SectionKind::Triangles);
    let [a, b, c, _] = triangles[triangle];
    [a, b, c].map(|i| [0, 1, 2].map(|k| positions[i as usize][k]))
}

fn normal_z([a, b, c]: [[f32; 3]; 3]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The triangle's mesh eight times over, so that it is worth instancing, shifted in z.
fn stack(document: &mut Value) {
    let primitive = document["meshes"][0]["primitives"][0].clone();
    document["meshes"][0]["primitives"] = vec![primitive; 8].into();
}

#[test]
fn equal_input_gives_equal_bytes() {
    let (document, binary) = triangle();
    assert_eq!(compiled(&document, &binary).package.id(), compiled(&document, &binary).package.id());
}

#[test]
fn a_mesh_placed_once_is_moved_to_the_world_and_keeps_its_front() {
    let (mut document, binary) = triangle();
    document["nodes"][0]["translation"] = json!([5, 0, 0]);
    document["nodes"][0]["scale"] = json!([-2, 1, 1]);
    let package = compiled(&document, &binary).package;
    let [instance] = records::<Instance>(&package, SectionKind::Instances)[..] else { panic!() };
    assert_eq!(instance.flags, INSTANCE_IDENTITY);
    let corners = corners(&package, 0);
    assert!(corners.iter().all(|corner| corner[0] <= 5.0 && corner[0] >= 3.0));
    // The triangle faced +z and a mirror in x leaves it facing +z (glTF 2.0 §3.7.4).
    assert!(normal_z(corners) > 0.0);
}

#[test]
fn a_mesh_placed_twice_keeps_its_instances() {
    let (mut document, binary) = triangle();
    stack(&mut document);
    document["nodes"] = json!([{"mesh": 0}, {"mesh": 0, "scale": [1, -3, 1], "translation": [0, 0, 7]}]);
    document["scenes"][0]["nodes"] = json!([0, 1]);
    let package = compiled(&document, &binary).package;
    let instances: Vec<Instance> = records(&package, SectionKind::Instances);
    let meshes: Vec<Mesh> = records(&package, SectionKind::Meshes);
    assert_eq!((instances.len(), meshes.len()), (2, 1));
    assert_eq!(instances.iter().map(|i| i.flags).collect::<Vec<_>>(), [INSTANCE_IDENTITY, INSTANCE_FLIPPED]);
    assert!(instances[1].box_min[1] < -3.0 && instances[1].box_max[1] > 0.0);
    assert!(instances[1].box_min[2] < 7.0 && instances[1].box_max[2] > 7.0);
    // Both instances' triangles are lights of their own.
    let lights: Vec<LightTriangle> = records(&package, SectionKind::LightTriangles);
    assert_eq!(lights.len(), 16);
    assert_eq!(instances.iter().map(|i| i.light_start).collect::<Vec<_>>(), [0, 8]);
}

#[test]
fn a_flat_placement_of_an_instanced_mesh_is_flattened_and_vanishes() {
    let (mut document, binary) = triangle();
    stack(&mut document);
    document["nodes"] = json!([{"mesh": 0}, {"mesh": 0, "scale": [1, 0, 1]}]);
    document["scenes"][0]["nodes"] = json!([0, 1]);
    let package = compiled(&document, &binary).package;
    assert_eq!(records::<Instance>(&package, SectionKind::Instances).len(), 1);
}

#[test]
fn lights_are_picked_by_power_and_their_densities_integrate_to_one() {
    let (mut document, binary) = triangle();
    document["nodes"] = json!([{"mesh": 0}, {"mesh": 0, "scale": [3, 1, 1], "translation": [0, 0, 1]}]);
    document["scenes"][0]["nodes"] = json!([0, 1]);
    let package = compiled(&document, &binary).package;
    let lights: Vec<LightTriangle> = records(&package, SectionKind::LightTriangles);
    let [first, second] = lights[..] else { panic!() };
    assert_eq!(second.cdf, u32::MAX);
    assert!((f64::from(first.cdf) / 2f64.powi(32) - 0.25).abs() < 1e-6);
    let areas = [0.5, 1.5];
    let total: f64 = lights.iter().zip(areas).map(|(light, area)| f64::from(light.pdf_area) * area).sum();
    assert!((total - 1.0).abs() < 1e-6);
    let [header] = records::<SceneHeader>(&package, SectionKind::Header)[..] else { panic!() };
    assert_eq!((header.environment_pick, header.triangle_probability), (0, 1.0));
}

fn png(width: u32, height: u32, color: ExtendedColorType, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::png::PngEncoder::new(&mut out).write_image(bytes, width, height, color).unwrap();
    out
}

/// Compiles the triangle with these materials' JSON and images a, b, …, all of which are textures of the same index.
fn textured(material: Value, images: &[Vec<u8>]) -> Package {
    let (mut document, binary) = triangle();
    let folder = Folder::new();
    for (i, bytes) in images.iter().enumerate() {
        folder.write(&format!("{i}.png"), bytes);
    }
    document["images"] =
        (0..images.len()).map(|i| json!({"uri": format!("{i}.png")})).collect::<Vec<_>>().into();
    document["textures"] = (0..images.len()).map(|i| json!({"source": i})).collect::<Vec<_>>().into();
    document["materials"][0] = material;
    folder.compile(&glb(&document, &binary), &ImportLimits::default()).unwrap().package
}

#[test]
fn a_lamp_painted_on_a_dark_texture_is_picked_and_the_dark_seldom() {
    let (mut document, binary) = triangle();
    let folder = Folder::new();
    folder.write("0.png", png(4, 1, ExtendedColorType::L8, &[0, 255, 0, 0]));
    document["images"] = json!([{"uri": "0.png"}]);
    document["textures"] = json!([{"source": 0}]);
    let at = |offset: f64| {
        let place = json!({"KHR_texture_transform": {"offset": [offset, 0], "scale": [0.01, 1]}});
        json!({"emissiveFactor": [1, 1, 1], "emissiveTexture": {"index": 0, "extensions": place}})
    };
    document["materials"] = json!([at(0.375), at(0.875)]);
    let mut dark = document["meshes"][0].clone();
    dark["primitives"][0]["material"] = json!(1);
    document["meshes"].as_array_mut().unwrap().push(dark);
    document["nodes"] = json!([{"mesh": 0}, {"mesh": 1}]);
    document["scenes"][0]["nodes"] = json!([0, 1]);
    let package = folder.compile(&glb(&document, &binary), &ImportLimits::default()).unwrap().package;
    let lights: Vec<LightTriangle> = records(&package, SectionKind::LightTriangles);
    // The texture's mean is a quarter, of which the dark counts for a sixteenth.
    let [bright, _] = lights[..] else { panic!() };
    assert!((f64::from(bright.cdf) / 2f64.powi(32) - 64.0 / 65.0).abs() < 1e-6, "{lights:?}");
}

#[test]
fn images_are_stored_once_by_content_and_reduced_to_eight_bits() {
    let eight = png(2, 1, ExtendedColorType::Rgb8, &[255, 0, 128, 1, 2, 3]);
    let deep: Vec<u8> =
        [0xFFFFu16, 0, 0x8080, 0x0101, 0x0202, 0x0303].iter().flat_map(|x| x.to_ne_bytes()).collect();
    let sixteen = png(2, 1, ExtendedColorType::Rgb16, &deep);
    let package = textured(
        json!({"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicRoughnessTexture": {"index": 1}},
               "emissiveTexture": {"index": 1}, "emissiveFactor": [1, 1, 1]}),
        &[eight, sixteen],
    );
    let texels: Vec<u32> = records(&package, SectionKind::Texels);
    assert_eq!(texels, [0xFF80_00FF, 0xFF03_0201]);
    let images: Vec<Image> = records(&package, SectionKind::Images);
    assert_eq!(
        images.iter().map(|i| (i.texel_start, i.format)).collect::<Vec<_>>(),
        [(0, IMAGE_SRGB8), (0, IMAGE_LINEAR8)]
    );
    let [material, _] = records::<Material>(&package, SectionKind::Materials)[..] else { panic!() };
    // By role: base colour, emission, metallic-roughness.
    let slots: Vec<TextureSlot> = records(&package, SectionKind::TextureSlots);
    let own = &slots[material.slot_start as usize..][..material.slot_count as usize];
    assert_eq!(
        own.iter().map(|slot| (slot.flags >> 8, slot.image)).collect::<Vec<_>>(),
        [(0, 0), (1, 0), (2, 1)]
    );
}

#[test]
fn a_black_emissive_texture_is_no_light() {
    let black = png(1, 1, ExtendedColorType::Rgb8, &[0, 0, 0]);
    let package = textured(json!({"emissiveTexture": {"index": 0}, "emissiveFactor": [1, 1, 1]}), &[black]);
    assert!(records::<LightTriangle>(&package, SectionKind::LightTriangles).is_empty());
}

#[test]
fn alpha_counts_only_where_it_can_make_a_hole() {
    let flags = |mode: &str, alpha: u8| {
        let image = png(1, 1, ExtendedColorType::Rgba8, &[9, 9, 9, alpha]);
        let material = json!({"alphaMode": mode, "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}});
        records::<Material>(&textured(material, &[image]), SectionKind::Materials)[0].flags
    };
    assert_eq!(flags("MASK", 0), MATERIAL_MASK);
    assert_eq!(flags("MASK", 255), 0);
    assert_eq!(flags("BLEND", 254), MATERIAL_BLEND);
    assert_eq!(flags("BLEND", 255), 0);
    assert_eq!(flags("OPAQUE", 0), 0);
}

#[test]
fn texture_transforms_turn_counter_clockwise_in_the_picture() {
    let image = png(1, 1, ExtendedColorType::Rgb8, &[9, 9, 9]);
    let quarter = std::f64::consts::FRAC_PI_2;
    let transform =
        json!({"KHR_texture_transform": {"offset": [0.25, 0.5], "rotation": quarter, "scale": [2, 3]}});
    let use_ = json!({"index": 0, "extensions": transform});
    let package = textured(
        json!({"normalTexture": use_, "pbrMetallicRoughness": {"baseColorTexture": use_}}),
        &[image],
    );
    for slot in records::<TextureSlot>(&package, SectionKind::TextureSlots) {
        // Blender's importer places u = offset + 3 v, v = offset − 2 u for this transform.
        let close =
            |row: [f32; 3], expected: [f32; 3]| row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(slot.row_u, [0.0, 3.0, 0.25]) && close(slot.row_v, [-2.0, 0.0, 0.5]), "{slot:?}");
    }
}

#[test]
fn normal_maps_without_tangents_get_them() {
    let image = png(1, 1, ExtendedColorType::Rgb8, &[128, 128, 255]);
    let package = textured(json!({"normalTexture": {"index": 0}}), &[image]);
    // u runs along x and v, which points down in the picture, against y: the frame is right-handed.
    for vertex in records::<VertexAttributes>(&package, SectionKind::Attributes) {
        assert_eq!((vertex.tangent, vertex.color_ba >> 31), ([1.0, 0.0, 0.0], 0), "{vertex:?}");
    }
}

/// Compiles the triangle under an environment of these bytes.
fn lit(name: &str, bytes: &[u8], strength: f64) -> Result<Package, String> {
    let (document, binary) = triangle();
    let folder = Folder::new();
    let scene = folder.write("scene.glb", glb(&document, &binary));
    let environment = folder.write(name, bytes);
    let flags = ShotKeys {
        environment: Some(environment),
        environment_strength: Some(strength),
        environment_rotation_degrees: Some(90.0),
        ..ShotKeys::default()
    };
    let shot = Shot::read(&scene, flags).map_err(|error| error.to_string())?;
    let prefix = format!("{}/", folder.path().display());
    compile(&shot, &ImportLimits::default())
        .map(|c| c.package)
        .map_err(|e| e.to_string().replace(&prefix, ""))
}

fn exr(width: usize, height: usize, pixel: impl Fn(usize, usize) -> (f32, f32, f32) + Sync) -> Vec<u8> {
    use exr::prelude::*;
    let image =
        Image::from_channels((width, height), SpecificChannels::rgb(|at: Vec2<usize>| pixel(at.0, at.1)));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write().to_buffered(&mut bytes).unwrap();
    bytes.into_inner()
}

#[test]
fn environments_are_scaled_and_made_finite() {
    let bytes = exr(4, 2, |x, y| match (x, y) {
        (0, 0) => (f32::NAN, f32::INFINITY, -3.0),
        (1, 0) => (1e-30, 0.5, 60000.0),
        _ => (1.0, 1.0, 1.0),
    });
    let package = lit("sky.exr", &bytes, 2.0).unwrap();
    let texels: Vec<[f32; 4]> = records(&package, SectionKind::EnvironmentTexels);
    assert_eq!(texels[0], [0.0, 2f32.powi(40), 0.0, 0.0]);
    assert_eq!(texels[1], [0.0, 1.0, 120000.0, 0.0]);
    assert_eq!(texels[7], [2.0, 2.0, 2.0, 0.0]);
    let [header] = records::<SceneHeader>(&package, SectionKind::Header)[..] else { panic!() };
    assert_eq!((header.environment_width, header.environment_height), (4, 2));
    assert_eq!((header.environment_cos, header.environment_sin), (0.0 + 6.123_234e-17, 1.0));
    // Both kinds of light exist: each keeps a share.
    assert_eq!(header.environment_probability + header.triangle_probability, 1.0);
    assert!(header.triangle_probability >= 0.0999);
    assert_eq!(f64::from(header.environment_pick), f64::from(header.environment_probability) * 2f64.powi(32));
}

#[test]
fn a_radiance_file_reads_and_a_broken_one_is_refused() {
    let mut bytes = Vec::new();
    let pixels = vec![image::Rgb([0.5f32, 1.0, 2.0]); 8 * 4];
    image::codecs::hdr::HdrEncoder::new(&mut bytes).encode(&pixels, 8, 4).unwrap();
    let package = lit("sky.hdr", &bytes, 1.0).unwrap();
    assert_eq!(records::<[f32; 4]>(&package, SectionKind::EnvironmentTexels), vec![[0.5, 1.0, 2.0, 0.0]; 32]);
    for length in 0..bytes.len() {
        assert!(lit("sky.hdr", &bytes[..length], 1.0).is_err(), "{length} of {} bytes", bytes.len());
    }
    let huge = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 100000 +X 100000\n";
    assert_eq!(
        lit("sky.hdr", huge, 1.0).unwrap_err(),
        "environment: sky.hdr: 10000000000 pixels; at most 33554432 are read"
    );
    let high = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 9000 +X 2\n";
    assert_eq!(
        lit("sky.hdr", high, 1.0).unwrap_err(),
        "environment: sky.hdr: it is 9000 pixels high; at most 8192 are read"
    );
    let error = lit("sky.png", b"\x89PNG", 1.0).unwrap_err();
    assert_eq!(error, "environment: sky.png: it is neither a Radiance HDR nor an OpenEXR file; convert it");
    let exr = exr(16, 8, |x, _| (x as f32, 1.0, 2.0));
    for length in (0..exr.len()).step_by(7) {
        assert!(lit("sky.exr", &exr[..length], 1.0).is_err(), "{length} of {} bytes", exr.len());
    }
}

#[test]
fn no_light_is_said_and_a_black_environment_is_none() {
    let (mut document, binary) = triangle();
    document["materials"][0] = json!({});
    let notices = compiled(&document, &binary).notices;
    assert_eq!(notices.iter().map(|n| n.feature.as_str()).collect::<Vec<_>>(), ["light"]);
    let package = lit("sky.exr", &exr(4, 2, |_, _| (0.0, -1.0, 0.0)), 1.0).unwrap();
    assert!(records::<u32>(&package, SectionKind::EnvironmentTable).is_empty());
}
