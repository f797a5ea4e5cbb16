//! What a package shows at which time: interpolations, skins, morph targets, pointers, and what frames share.

mod support;

use serde_json::json;
use support::animated::*;
use tessera_scenes::ShotKeys;
use tessera_shared::package::layout::TextureSlot;
use tessera_shared::package::{Manifest, Package, SectionKind, validate};

fn digests(manifest: &Manifest, frame: usize) -> Vec<(SectionKind, tessera_shared::digest::Digest)> {
    let scene = &manifest.scenes[manifest.frames[frame].scene as usize];
    scene.sections.iter().map(|section| (section.kind, section.blob)).collect()
}

/// Kinds of the sections that two frames do not share.
fn differing(package: &Package, a: usize, b: usize) -> Vec<SectionKind> {
    let (a, b) = (digests(&package.manifest, a), digests(&package.manifest, b));
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).filter(|(a, b)| a != b).map(|(a, _)| a.0).collect()
}

fn x_at(package: &Package, frame: usize) -> f32 {
    placed(package, frame)[0][3]
}

#[test]
fn frames_show_their_second_and_ends_hold() {
    let mut scene = Scene::new();
    let values = [10.0, 0.0, 0.0, 30.0, 0.0, 0.0];
    scene.channel(node(0, "translation"), "LINEAR", &[1.0, 5.0], ("VEC3", &values));
    let package = scene.frames("0-7");
    let x: Vec<f32> = (0..8).map(|frame| x_at(&package, frame)).collect();
    assert_eq!(x, [10.0, 10.0, 15.0, 20.0, 25.0, 30.0, 30.0, 30.0]);
    assert_eq!(package.manifest.scenes.len(), 5);
    assert_eq!(x_at(&scene.still(2.2), 0), 16.0);
    let keys = ShotKeys { fps: Some(24.0), frames: Some("60".parse().unwrap()), ..ShotKeys::default() };
    assert_eq!(x_at(&scene.compile(keys).unwrap().package, 0), 17.5);
}

#[test]
fn a_frame_meets_the_key_that_was_baked_for_it() {
    // Exporters write f32 seconds, which may lie above the frame's exact time.
    let seconds: Vec<f32> = (0..50).map(|frame| frame as f32 / 24.0).collect();
    let values: Vec<f32> = (0..50).flat_map(|frame| [frame as f32, 0.0, 0.0]).collect();
    let mut scene = Scene::new();
    scene.channel(node(0, "translation"), "STEP", &seconds, ("VEC3", &values));
    let keys = ShotKeys { fps: Some(24.0), frames: Some("0-49".parse().unwrap()), ..ShotKeys::default() };
    let package = scene.compile(keys).unwrap().package;
    for frame in 0..50 {
        assert_eq!(x_at(&package, frame), frame as f32);
    }
}

#[test]
fn every_interpolation() {
    let placed_at = |path: &str, interpolation: &str, (kind, values): (&str, &[f32]), seconds: f64| {
        let mut scene = Scene::new();
        scene.channel(node(0, path), interpolation, &[0.0, 2.0], (kind, values));
        placed(&scene.still(seconds), 0)
    };
    let scales: (&str, &[f32]) = ("VEC3", &[1.0, 1.0, 1.0, 3.0, 1.0, 1.0]);
    assert_eq!(placed_at("scale", "STEP", scales, 1.5)[0][0], 1.0);
    assert_eq!(placed_at("scale", "LINEAR", scales, 1.5)[0][0], 2.5);
    // Hermite in the middle: half of both values and an eighth of the difference of tangents, times 2 s.
    let cubic = [0.0f32, 0.0, 0.0, 1.0, 1.0, 1.0, 4.0, 0.0, 0.0, 8.0, 0.0, 0.0, 3.0, 1.0, 1.0, 0.0, 0.0, 0.0];
    assert_eq!(placed_at("scale", "CUBICSPLINE", ("VEC3", &cubic), 1.0)[0][0], 2.0 + 2.0 * (4.0 - 8.0) / 8.0);
    let (sin, cos) = std::f32::consts::FRAC_PI_4.sin_cos();
    let turn = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, sin, cos];
    // A quarter about z: a third of the way is 30°, where straight mixing of quaternions would give 28.7°.
    let third = placed_at("rotation", "LINEAR", ("VEC4", &turn), 2.0 / 3.0);
    let half = 3f32.sqrt() / 2.0;
    assert_close(third, [[half, -0.5, 0.0, 0.0], [0.5, half, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let still = placed_at("rotation", "STEP", ("VEC4", &turn), 1.9);
    assert_close(still, [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    // Splines of quaternions are normalised: without tangents the middle is the mean of both.
    let zero = [0.0; 4];
    let spline = [zero, [0.0, 0.0, 0.0, 1.0], zero, zero, [0.0, 0.0, sin, cos], zero].concat();
    let middle = placed_at("rotation", "CUBICSPLINE", ("VEC4", &spline), 1.0);
    assert_close(middle, [[cos, -sin, 0.0, 0.0], [sin, cos, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
}

#[test]
fn the_first_animation_plays_unless_another_is_named() {
    let mut scene = Scene::new();
    for (name, x) in [("walk", 3.0), ("run", 7.0)] {
        scene.animation(name).channel(node(0, "translation"), "STEP", &[0.0], ("VEC3", &[x, 0.0, 0.0]));
    }
    scene.animation("grow").channel(node(0, "scale"), "STEP", &[0.0], ("VEC3", &[2.0, 2.0, 2.0]));
    let shown = |keys| {
        let rows = placed(&scene.compile(keys).unwrap().package, 0);
        (rows[0][3], rows[0][0])
    };
    assert_eq!(shown(by_second("1")), (3.0, 1.0));
    assert_eq!(shown(animation("run")), (7.0, 1.0));
    assert_eq!(shown(animation("2")), (0.0, 2.0));
    assert_eq!(shown(animation("all")), (7.0, 2.0));
    assert_eq!(shown(animation("none")), (0.0, 1.0));
    let said = scene.compile(by_second("1")).unwrap().notices;
    let said: Vec<String> = said.iter().map(ToString::to_string).collect();
    let expected = "animations: the file has 3; the first, \"walk\", is played; name another, or `all`, with `animation`";
    assert_eq!(said, [expected]);
    let error = scene.compile(animation("fly")).map(|_| ()).unwrap_err();
    assert_eq!(error, "scene.glb: the file has no animation \"fly\"; it has \"walk\", \"run\", \"grow\"");
}

#[test]
fn a_scene_that_stands_still_is_one_scene() {
    let package = Scene::new().frames("1-100");
    assert_eq!((package.manifest.frames.len(), package.manifest.scenes.len()), (100, 1));
}

#[test]
fn what_moves_as_a_whole_shares_its_vertices_and_everything_else() {
    let mut scene = Scene::new();
    scene.node(json!({"mesh": 0, "translation": [0, 0, -4]}));
    let values = [0.0, 0.0, 0.0, 9.0, 0.0, 0.0];
    scene.channel(node(0, "translation"), "LINEAR", &[0.0, 9.0], ("VEC3", &values));
    let package = scene.frames("1-9");
    assert_eq!(package.manifest.scenes.len(), 9);
    assert_eq!(differing(&package, 0, 8), [SectionKind::Instances]);
    assert_eq!(package.blobs.len(), digests(&package.manifest, 0).len() + 8);
}

#[test]
fn a_frame_is_the_same_alone_and_in_a_range() {
    let mut scene = Scene::new();
    let target = scene.floats("VEC3", &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    scene.document["meshes"][0]["primitives"][0]["targets"] = json!([{"POSITION": target}]);
    scene.node(json!({"mesh": 0, "translation": [0, 0, -4]}));
    scene
        .channel(node(0, "translation"), "LINEAR", &[0.0, 9.0], ("VEC3", &[0.0, 0.0, 0.0, 9.0, 0.0, 0.0]))
        .channel(node(1, "weights"), "LINEAR", &[0.0, 9.0], ("SCALAR", &[0.0, 1.0]))
        .pointer(
            "/materials/0/emissiveFactor",
            "LINEAR",
            &[0.0, 9.0],
            ("VEC3", &[1.0, 1.0, 1.0, 0.0, 1.0, 0.5]),
        );
    let range = scene.frames("0-9");
    for frame in 0..10 {
        let alone = scene.frames(&frame.to_string());
        assert_eq!(digests(&alone.manifest, 0), digests(&range.manifest, frame), "frame {frame}");
        assert_eq!(alone.manifest.frames[0].camera, range.manifest.frames[frame].camera, "frame {frame}");
    }
    assert_eq!(range.manifest.scenes.len(), 10);
}

#[test]
fn an_automatic_camera_stands_still_and_an_animated_one_moves() {
    let mut scene = Scene::new();
    scene.channel(node(0, "translation"), "LINEAR", &[0.0, 9.0], ("VEC3", &[0.0, 0.0, 0.0, 9.0, 0.0, 0.0]));
    let cameras = |package: &Package| {
        package
            .manifest
            .frames
            .iter()
            .map(|frame| (frame.camera.eye, frame.camera.corner))
            .collect::<Vec<_>>()
    };
    let framed = cameras(&scene.frames("0-3"));
    assert!(framed.iter().all(|camera| *camera == framed[0]));
    scene.document["cameras"] = json!([{"type": "perspective", "perspective": {"yfov": 1.0, "znear": 0.1}}]);
    let eye = scene.node(json!({"camera": 0, "extensions": {"KHR_node_visibility": {"visible": false}}}));
    scene
        .channel(node(eye, "translation"), "LINEAR", &[0.0, 3.0], ("VEC3", &[0.0, 0.0, 6.0, 0.0, 0.0, 9.0]))
        .pointer("/cameras/0/perspective/yfov", "STEP", &[0.0, 3.0], ("SCALAR", &[1.0, 2.0]));
    let seen = cameras(&scene.frames("0-3"));
    assert_eq!(seen.iter().map(|(eye, _)| eye[2]).collect::<Vec<_>>(), [6.0, 7.0, 8.0, 9.0]);
    let edge = |(_, corner): &([f32; 3], [f32; 3])| corner[1];
    assert!((edge(&seen[2]) - 0.5f32.tan()).abs() < 1e-6 && (edge(&seen[3]) - 1f32.tan()).abs() < 1e-6);
}

/// Node 0 wears a skin of two joints: the first two corners hang on the one that stands, the third on the other.
fn skinned() -> Scene {
    let mut scene = Scene::new();
    let joints = scene.bytes("VEC4", 3, &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    let weights = scene.floats("VEC4", &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    let attributes = &mut scene.document["meshes"][0]["primitives"][0]["attributes"];
    (attributes["JOINTS_0"], attributes["WEIGHTS_0"]) = (json!(joints), json!(weights));
    // The second joint is bound at (0, 1, 0), where the third corner is.
    let (stand, turn) = (scene.node(json!({})), scene.node(json!({"translation": [0, 1, 0]})));
    let mut binds = [[0.0f32; 16]; 2];
    for (bind, y) in binds.iter_mut().zip([0.0, -1.0]) {
        (bind[0], bind[5], bind[10], bind[15], bind[13]) = (1.0, 1.0, 1.0, 1.0, y);
    }
    let binds = scene.floats("MAT4", binds.as_flattened());
    scene.document["skins"] = json!([{"joints": [stand, turn], "inverseBindMatrices": binds}]);
    scene.document["nodes"][0]["skin"] = json!(0);
    // A skinned node's own place does not count.
    scene.document["nodes"][0]["translation"] = json!([100, 0, 0]);
    scene
}

#[test]
fn a_skin_follows_its_joints() {
    let mut scene = skinned();
    let values = [0.0, 1.0, 0.0, 4.0, 1.0, 6.0];
    scene.channel(node(2, "translation"), "LINEAR", &[0.0, 2.0], ("VEC3", &values));
    let package = scene.frames("0-1");
    assert_close(corners(&package, 0), [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
    assert_close(corners(&package, 1), [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 1.0, 3.0]]);
    let kinds = differing(&package, 0, 1);
    assert!(!kinds.contains(&SectionKind::Triangles) && !kinds.contains(&SectionKind::Materials));
}

#[test]
fn morph_targets_add_by_weight_before_the_skin() {
    let mut scene = skinned();
    let dense = scene.floats("VEC3", &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
    let sparse = scene.sparse("VEC3", 3, 1, &[0.0, 10.0, 0.0]);
    scene.document["meshes"][0]["primitives"][0]["targets"] =
        json!([{"POSITION": dense}, {"POSITION": sparse}]);
    scene.document["meshes"][0]["weights"] = json!([0.5, 0.0]);
    let still = scene.still(0.0);
    assert_close(corners(&still, 0), [[0.5, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]);
    scene.document["nodes"][0]["weights"] = json!([0.0, 0.5]);
    let still = scene.still(0.0);
    assert_close(corners(&still, 0), [[0.0, 0.0, 0.0], [1.0, 5.0, 0.0], [0.0, 1.0, 0.0]]);
    let weights = ("SCALAR", &[0.0, 0.0, 1.0, 0.25][..]);
    scene.channel(node(0, "weights"), "LINEAR", &[0.0, 2.0], weights);
    scene.channel(node(2, "translation"), "STEP", &[0.0], ("VEC3", &[0.0, 1.0, 7.0]));
    let package = scene.frames("1-2");
    assert_close(corners(&package, 0), [[0.5, 0.0, 0.0], [1.0, 1.25, 0.0], [0.0, 1.0, 8.0]]);
    assert_close(corners(&package, 1), [[1.0, 0.0, 0.0], [1.0, 2.5, 0.0], [0.0, 1.0, 9.0]]);
}

#[test]
fn morphed_normals_and_tangents() {
    let mut scene = Scene::new();
    let normals = scene.floats("VEC3", &[[0.0, 0.0, 1.0]; 3].concat());
    let tangents = scene.floats("VEC4", &[[1.0, 0.0, 0.0, -1.0]; 3].concat());
    let bent = scene.floats("VEC3", &[[1.0, 0.0, 0.0]; 3].concat());
    let turned = scene.floats("VEC3", &[[-1.0, 1.0, 0.0]; 3].concat());
    let primitive = &mut scene.document["meshes"][0]["primitives"][0];
    (primitive["attributes"]["NORMAL"], primitive["attributes"]["TANGENT"]) =
        (json!(normals), json!(tangents));
    primitive["targets"] = json!([{"NORMAL": bent, "TANGENT": turned}]);
    scene.document["nodes"][0]["weights"] = json!([1.0]);
    let vertices: Vec<tessera_shared::package::layout::VertexAttributes> =
        records(&scene.still(0.0), 0, SectionKind::Attributes);
    let half = 0.5f32.sqrt();
    for vertex in vertices {
        assert_close([vertex.normal, vertex.tangent], [[half, 0.0, half], [0.0, 1.0, 0.0]]);
        assert_eq!(vertex.color_ba >> 31, 1);
    }
}

#[test]
fn single_weights_and_those_of_a_mesh_are_animated_by_pointers() {
    let mut scene = Scene::new();
    let up = scene.floats("VEC3", &[[0.0, 0.0, 1.0]; 3].concat());
    let right = scene.floats("VEC3", &[[1.0, 0.0, 0.0]; 3].concat());
    scene.document["meshes"][0]["primitives"][0]["targets"] = json!([{"POSITION": up}, {"POSITION": right}]);
    scene.document["meshes"][0]["weights"] = json!([2.0, 0.0]);
    scene.pointer("/nodes/0/weights/1", "STEP", &[0.0], ("SCALAR", &[3.0]));
    assert_eq!(corners(&scene.still(0.0), 0)[0], [3.0, 0.0, 2.0]);
    scene.document["animations"] = json!(null);
    scene.pointer("/meshes/0/weights", "STEP", &[0.0], ("SCALAR", &[5.0, 6.0]));
    assert_eq!(corners(&scene.still(0.0), 0)[0], [6.0, 0.0, 5.0]);
}

#[test]
fn a_pointer_animates_a_material_that_did_not_name_the_factor() {
    let mut scene = Scene::new();
    let pointer = "/materials/0/pbrMetallicRoughness/baseColorFactor";
    let values = [0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0, 1.0];
    scene.pointer(pointer, "LINEAR", &[0.0, 4.0], ("VEC4", &values));
    scene.pointer(
        "/materials/0/extensions/KHR_materials_ior/ior",
        "STEP",
        &[0.0, 4.0],
        ("SCALAR", &[1.0, 3.0]),
    );
    let package = scene.frames("1-4");
    assert_eq!(materials(&package, 0)[0].base_color, [0.25, 0.5, 0.75, 1.0]);
    assert_eq!(
        (materials(&package, 0)[0].dielectric_f0, materials(&package, 3)[0].dielectric_f0),
        (0.0, 0.25)
    );
    assert_eq!(materials(&package, 0)[0].emission, [1.0, 0.5, 0.25]);
    assert_eq!(differing(&package, 0, 1), [SectionKind::Materials]);
}

#[test]
fn a_pointer_animates_a_texture_transform() {
    let mut scene = Scene::new();
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    image::ImageEncoder::write_image(encoder, &[9, 9, 9], 1, 1, image::ExtendedColorType::Rgb8).unwrap();
    let uri = format!("data:image/png;base64,{}", data_encoding::BASE64.encode(&png));
    scene.document["images"] = json!([{"uri": uri}]);
    scene.document["textures"] = json!([{"source": 0}]);
    scene.document["materials"][0]["pbrMetallicRoughness"] = json!({"baseColorTexture": {"index": 0}});
    let pointer =
        "/materials/0/pbrMetallicRoughness/baseColorTexture/extensions/KHR_texture_transform/offset";
    scene.pointer(pointer, "LINEAR", &[0.0, 4.0], ("VEC2", &[0.0, 0.0, 1.0, -1.0]));
    let package = scene.frames("0-4");
    for frame in 0..5 {
        let [slot] = records::<TextureSlot>(&package, frame, SectionKind::TextureSlots)[..] else { panic!() };
        let offset = frame as f32 / 4.0;
        assert_eq!((slot.row_u, slot.row_v), ([1.0, 0.0, offset], [0.0, 1.0, -offset]));
    }
    assert_eq!(differing(&package, 0, 1), [SectionKind::TextureSlots]);
}

#[test]
fn visibility_hides_what_is_below_and_is_animated() {
    let mut scene = Scene::new();
    let child = scene.document["nodes"].as_array().unwrap().len();
    scene.document["nodes"].as_array_mut().unwrap().push(json!({"mesh": 0}));
    scene.document["nodes"][0]["children"] = json!([child]);
    let triangles =
        |package: &Package, frame| records::<[u32; 4]>(package, frame, SectionKind::Triangles).len();
    assert_eq!(triangles(&scene.still(0.0), 0), 2);
    scene.document["nodes"][0]["extensions"] = json!({"KHR_node_visibility": {"visible": false}});
    assert_eq!(triangles(&scene.still(0.0), 0), 0);
    let (input, output) = (scene.floats("SCALAR", &[0.0, 1.0, 2.0]), scene.bytes("SCALAR", 3, &[1, 0, 1]));
    let pointer = |node: usize| {
        let pointer = format!("/nodes/{node}/extensions/KHR_node_visibility/visible");
        json!({"path": "pointer", "extensions": {"KHR_animation_pointer": {"pointer": pointer}}})
    };
    let sampler = json!({"input": input, "output": output, "interpolation": "STEP"});
    scene.sampled(pointer(0), sampler.clone());
    let package = scene.frames("0-2");
    assert_eq!([0, 1, 2].map(|frame| triangles(&package, frame)), [2, 0, 2]);
    assert_eq!(package.manifest.scenes.len(), 2);
    scene.document["animations"] = json!(null);
    scene.document["nodes"][0]["extensions"] = json!(null);
    scene.sampled(pointer(child), sampler);
    let package = scene.frames("0-2");
    assert_eq!([0, 1, 2].map(|frame| triangles(&package, frame)), [2, 1, 2]);
}

#[test]
fn pointers_that_lead_nowhere_are_named() {
    let mut scene = Scene::new();
    scene.pointer("/materials/9/alphaCutoff", "STEP", &[0.0], ("SCALAR", &[0.0]));
    scene.pointer("/nodes/0/extras/shine", "STEP", &[0.0], ("SCALAR", &[0.0]));
    let said: Vec<String> =
        scene.compile(by_second("1")).unwrap().notices.iter().map(ToString::to_string).collect();
    let expected =
        "animated properties: /materials/9/alphaCutoff and 1 more stand still: unknown, or not in the file";
    assert_eq!(said, [expected]);
}

#[test]
fn a_fault_of_one_scene_is_found_and_scenes_are_judged_alone() {
    let mut scene = Scene::new();
    scene.channel(node(0, "translation"), "LINEAR", &[0.0, 9.0], ("VEC3", &[0.0, 0.0, 0.0, 9.0, 0.0, 0.0]));
    let mut package = scene.frames("0-2");
    assert_eq!(validate::validate(&package), Ok(()));
    let section = package.manifest.scenes[1].sections.iter_mut().find(|s| s.kind == SectionKind::Positions);
    let section = section.unwrap();
    let mut positions = package.blobs[&section.blob].to_vec();
    positions[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    section.blob = tessera_shared::digest::Digest::of(&positions);
    let blob = section.blob;
    package.blobs.insert(blob, positions.into());
    assert!(validate::validate(&package).unwrap_err().to_string().starts_with("scene 1, vertex 0"));
    package.blobs.remove(&blob);
    assert_eq!([0, 2].map(|index| validate::validate_scene(&package, index)), [Ok(()), Ok(())]);
    let missing = validate::validate_scene(&package, 1).unwrap_err().to_string();
    assert_eq!(missing, "scene 1, Positions: its blob is missing");
    package.manifest.scenes[1].sections[0].bytes = 2_000_000_000;
    package.manifest.scenes = vec![package.manifest.scenes[1].clone(); 3000];
    let error = validate::validate_manifest(&package.manifest).unwrap_err().to_string();
    assert!(error.ends_with("split the job by frames"), "{error}");
}
