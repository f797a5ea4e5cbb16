//! Animations, skins and morph targets that are broken or absurd: each is refused by name.

mod support;

use expect_test::{Expect, expect};
use serde_json::json;
use support::animated::{Scene, by_second, node};
use tessera_scenes::{ImportLimits, ShotKeys};

fn fails(scene: &Scene, expected: Expect) {
    expected.assert_eq(&scene.compile(by_second("1")).map(|_| ()).unwrap_err());
}

/// A scene whose only channel has these keys.
fn moving(interpolation: &str, seconds: &[f32], values: (&str, &[f32])) -> Scene {
    let mut scene = Scene::new();
    scene.channel(node(0, "translation"), interpolation, seconds, values);
    scene
}

#[test]
fn keys() {
    let place = [0.0f32; 3];
    fails(
        &moving("LINEAR", &[0.0, 1.0], ("VEC3", &place)),
        expect![[r#"scene.glb: channel 0 of animation 0 "moves": has 3 numbers for 2 keys of 3"#]],
    );
    fails(
        &moving("CUBICSPLINE", &[0.0], ("VEC3", &place)),
        expect![[r#"scene.glb: channel 0 of animation 0 "moves": has 3 numbers for 1 keys of 9"#]],
    );
    fails(
        &moving("LINEAR", &[0.0, 1.0], ("VEC2", &[0.0; 4])),
        expect!["scene.glb: accessor 4: has 2 components where 3 are needed"],
    );
    fails(
        &moving("LINEAR", &[0.0, 2.0, 1.0], ("VEC3", &[0.0; 9])),
        expect![[
            r#"scene.glb: channel 0 of animation 0 "moves": has the key 2 at 1 s, before the one in front of it; keys must come in order"#
        ]],
    );
    fails(
        &moving("LINEAR", &[0.0, f32::NAN], ("VEC3", &[0.0; 6])),
        expect!["scene.glb: accessor 3: element 1 is not finite: [NaN]"],
    );
    fails(
        &moving("LINEAR", &[0.0], ("VEC3", &[0.0, f32::INFINITY, 0.0])),
        expect!["scene.glb: accessor 4: element 0 is not finite: [0.0, inf, 0.0]"],
    );
    fails(
        &moving("LINEAR", &[], ("VEC3", &[])),
        expect![[r#"scene.glb: channel 0 of animation 0 "moves": has no keys"#]],
    );
    fails(
        &moving("BOUNCE", &[0.0], ("VEC3", &place)),
        expect![[
            r#"scene.glb: channel 0 of animation 0 "moves": has the interpolation "BOUNCE"; STEP, LINEAR and CUBICSPLINE are known"#
        ]],
    );
    let steep = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3e38, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let steep = moving("CUBICSPLINE", &[0.0, 40.0], ("VEC3", &steep)).compile(by_second("10"));
    expect!["scene.glb: animated channel 0: its curve reaches inf at 10 s"]
        .assert_eq(&steep.map(|_| ()).unwrap_err());
}

#[test]
fn references() {
    let mut scene = Scene::new();
    scene.channel(node(7, "translation"), "STEP", &[0.0], ("VEC3", &[0.0; 3]));
    // Exporters write such channels; nothing moves by them.
    let said: Vec<String> =
        scene.compile(by_second("1")).unwrap().notices.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|notice| notice.contains("node 7 of 1 stand still")), "{said:?}");
    let mut scene = moving("STEP", &[0.0], ("VEC3", &[0.0; 3]));
    scene.document["animations"][0]["channels"][0]["sampler"] = json!(3);
    fails(
        &scene,
        expect![[r#"scene.glb: channel 0 of animation 0 "moves": has the sampler 3; there are 1"#]],
    );
    let mut scene = moving("STEP", &[0.0], ("VEC3", &[0.0; 3]));
    scene.document["animations"][0]["samplers"][0]["input"] = json!(99);
    fails(&scene, expect!["scene.glb: accessor 99: does not exist; the file has 5"]);
    let mut scene = moving("STEP", &[0.0], ("VEC3", &[0.0; 3]));
    scene.document["nodes"][0]["matrix"] = json!([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    fails(
        &scene,
        expect![[
            r#"scene.glb: node 0 "panel": is animated and has a `matrix`; export its translation, rotation and scale"#
        ]],
    );
    let mut scene = Scene::new();
    scene.document["animations"] = json!([{"channels": 4}]);
    fails(
        &scene,
        expect![
            "scene.glb: glTF's JSON does not parse: animations: invalid type: integer `4`, expected a sequence at line 1 column 14"
        ],
    );
    let mut scene = Scene::new();
    scene.channel(node(0, "rotation"), "STEP", &[0.0], ("VEC4", &[0.0; 4]));
    fails(&scene, expect![[r#"scene.glb: node 0 "panel": its rotation is a quaternion of length zero"#]]);
}

#[test]
fn weights_and_targets() {
    let mut scene = Scene::new();
    let target = scene.floats("VEC3", &[1.0; 9]);
    let short = scene.floats("VEC3", &[1.0; 6]);
    let primitive = |targets| json!({"attributes": {"POSITION": 0}, "targets": targets});
    let (one, two) = (json!([{"POSITION": target}]), json!([{"POSITION": target}, {}]));
    scene.document["meshes"][0]["primitives"] = json!([primitive(one.clone()), primitive(two)]);
    fails(
        &scene,
        expect![[r#"scene.glb: primitive 1 of mesh 0 "panel": has 2 morph targets; those before it have 1"#]],
    );
    scene.document["meshes"][0]["primitives"] = json!([primitive(json!([{"POSITION": short}]))]);
    fails(
        &scene,
        expect![[
            r#"scene.glb: primitive 0 of mesh 0 "panel": has 2 elements of POSITION in morph target 0 for 3 of POSITION"#
        ]],
    );
    scene.document["meshes"][0]["primitives"] = json!([primitive(one)]);
    scene.document["nodes"][0]["weights"] = json!([1, 2]);
    fails(&scene, expect![[r#"scene.glb: node 0 "panel": has 2 weights for 1 morph targets"#]]);
    scene.document["nodes"][0]["weights"] = json!([1e39]);
    fails(&scene, expect![[r#"scene.glb: node 0 "panel": has the weight inf"#]]);
    scene.document["nodes"][0]["weights"] = json!(null);
    scene.channel(node(0, "weights"), "LINEAR", &[0.0, 1.0], ("SCALAR", &[0.0; 3]));
    fails(&scene, expect![[r#"scene.glb: channel 0 of animation 0 "moves": has 3 numbers for 2 keys of 1"#]]);
}

#[test]
fn skeletons() {
    let mut scene = Scene::new();
    let (a, b) = (scene.node(json!({"children": [2]})), scene.node(json!({"children": [1]})));
    scene.document["scenes"][0]["nodes"] = json!([0]);
    scene.document["skins"] = json!([{"joints": [a, b]}]);
    scene.document["nodes"][0]["skin"] = json!(0);
    fails(&scene, expect!["scene.glb: node 1: is its own ancestor: the nodes form a cycle"]);
    scene.document["nodes"][2]["children"] = json!(null);
    scene.document["skins"] = json!([{"joints": [a, 40]}]);
    fails(&scene, expect!["scene.glb: skin 0: has the joint 40, which does not exist"]);
}

#[test]
fn visibility_is_a_boolean() {
    let mut scene = Scene::new();
    scene.document["nodes"][0]["extensions"] = json!({"KHR_node_visibility": {"visible": 1}});
    fails(
        &scene,
        expect![[
            r#"scene.glb: node 0 "panel": `visible` of its KHR_node_visibility is neither true nor false"#
        ]],
    );
}

#[test]
fn limits() {
    let within = |scene: &Scene, keys: ShotKeys, limits: ImportLimits, expected: Expect| {
        expected.assert_eq(&scene.compile_within(keys, &limits).map(|_| ()).unwrap_err());
    };
    let mut scene = moving("LINEAR", &[0.0, 9.0], ("VEC3", &[0.0, 0.0, 0.0, 9.0, 9.0, 9.0]));
    within(
        &scene,
        by_second("1"),
        ImportLimits { animation_numbers_max: 7, ..ImportLimits::default() },
        expect![[
            r#"scene.glb: channel 0 of animation 0 "moves" and those before it: 8 animated numbers; at most 7 are read"#
        ]],
    );
    within(
        &scene,
        by_second("1-9"),
        ImportLimits { scenes_max: 4, ..ImportLimits::default() },
        expect!["more than 4 frames differ from each other; render fewer frames at a time"],
    );
    let found: u64 = scene.frames("1-9").blobs.values().map(|blob| blob.len() as u64).sum();
    let limits = ImportLimits { package_bytes_max: found - 1, ..ImportLimits::default() };
    let error = scene.compile_within(by_second("1-9"), &limits).map(|_| ()).unwrap_err();
    let most = found - 1;
    let expected = format!(
        "the frames' scenes have {found} bytes together; at most {most} are compiled at once: render fewer frames at a time"
    );
    assert_eq!(error, expected);
    let target = scene.floats("VEC3", &[1.0; 9]);
    scene.document["meshes"][0]["primitives"][0]["targets"] = json!([{"POSITION": target}]);
    within(
        &scene,
        by_second("1"),
        ImportLimits { morphed_vertices_max: 2, ..ImportLimits::default() },
        expect!["scene.glb: the scene: 3 morphed vertices; at most 2 are read"],
    );
    // A mesh that is deformed anew for each of many nodes.
    scene.document["nodes"][0]["weights"] = json!([0.5]);
    for i in 0..9 {
        scene.node(json!({"mesh": 0, "weights": [i + 1]}));
    }
    within(
        &scene,
        by_second("1"),
        ImportLimits { vertices_max: 20, ..ImportLimits::default() },
        expect!["scene.glb: the scene's deformed meshes: 21 vertices; at most 20 are read"],
    );
}
