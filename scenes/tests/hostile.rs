//! Hostile scenes: each is refused by an error that names the thing and the limit, without a panic, in little time.

mod support;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Folder, compiled, glb, triangle};
use tessera_scenes::ImportLimits;
use tessera_shared::package::validate;

/// The one-triangle scene after a change to its JSON.
fn check(change: impl FnOnce(&mut Value), expected: Expect) {
    let (mut document, binary) = triangle();
    change(&mut document);
    expected.assert_eq(&outcome(compiled(&document, &binary)));
}

fn outcome(result: Result<tessera_scenes::Compiled, String>) -> String {
    result.map_or_else(|error| error, |_| "compiles".into())
}

#[test]
fn the_scene_itself_compiles() {
    check(|_| {}, expect!["compiles"]);
}

#[test]
fn accessors_that_read_what_is_not_there() {
    check(
        |d| d["accessors"][0]["count"] = 4.into(),
        expect!["scene.glb: accessor 0: reads beyond its buffer view: 4 elements of 12 bytes from 0 of 36"],
    );
    check(
        |d| d["accessors"][0]["count"] = 0xffff_ffff_ffff_u64.into(),
        expect!["scene.glb: the scene: 281474976710655 vertices; at most 67108864 are read"],
    );
    check(
        |d| d["accessors"][0]["count"] = u64::MAX.into(),
        expect!["scene.glb: the scene: 18446744073709551615 vertices; at most 67108864 are read"],
    );
    check(
        |d| d["accessors"][0]["byteOffset"] = u64::MAX.into(),
        expect![
            "scene.glb: accessor 0: reads beyond its buffer view: 3 elements of 12 bytes from 18446744073709551615 of 36"
        ],
    );
    check(
        |d| d["accessors"][0]["type"] = "VEC2".into(),
        expect!["scene.glb: accessor 0: has 2 components where 3 are needed"],
    );
    check(
        |d| d["accessors"][0]["type"] = "VEC9".into(),
        expect!["scene.glb: accessor 0: has an unknown `type`"],
    );
    check(
        |d| d["accessors"][0]["componentType"] = 77.into(),
        expect!["scene.glb: accessor 0: has an unknown `componentType`"],
    );
    check(
        |d| d["accessors"][0]["bufferView"] = 9.into(),
        expect!["scene.glb: accessor 0: refers to buffer view 9, which does not exist"],
    );
    check(
        |d| d["accessors"][1]["count"] = 2.into(),
        expect![[
            r#"scene.glb: primitive 0 of mesh 0 "panel": has 2 elements of TEXCOORD_0 for 3 of POSITION"#
        ]],
    );
}

#[test]
fn buffer_views_that_reach_too_far() {
    check(
        |d| d["bufferViews"][0]["buffer"] = 4.into(),
        expect!["scene.glb: accessor 0: refers to buffer 4, which does not exist"],
    );
    check(
        |d| d["bufferViews"][0]["byteOffset"] = 60.into(),
        expect!["scene.glb: accessor 0: buffer view 0 ends beyond its buffer: 36 bytes from 60 of 68"],
    );
    check(
        |d| d["bufferViews"][0]["byteLength"] = u64::MAX.into(),
        expect![
            "scene.glb: accessor 0: buffer view 0 ends beyond its buffer: 18446744073709551615 bytes from 0 of 68"
        ],
    );
    check(
        |d| d["bufferViews"][0]["byteStride"] = 4.into(),
        expect!["scene.glb: accessor 0: has a stride of 4 bytes for elements of 12"],
    );
    check(
        |d| d["buffers"][0]["byteLength"] = 1_000_000.into(),
        expect!["scene.glb: buffer 0: has 68 bytes where 1000000 are promised"],
    );
    check(
        |d| d["accessors"][2]["componentType"] = 5126.into(),
        expect!["scene.glb: accessor 2: reads beyond its buffer view: 3 elements of 4 bytes from 0 of 6"],
    );
    // 60 bytes of positions from offset 36 on are UVs and indices: the index 65 is read nowhere.
    check(
        |d| d["bufferViews"][2]["byteOffset"] = 40.into(),
        expect![[r#"scene.glb: primitive 0 of mesh 0 "panel": has the index 16256; it has 3 vertices"#]],
    );
}

#[test]
fn sparse_accessors_out_of_range() {
    let sparse = |count: u64, offset: u64| {
        json!({"count": count, "indices": {"bufferView": 2, "componentType": 5123},
               "values": {"bufferView": 0, "byteOffset": offset}})
    };
    check(|d| d["accessors"][0]["sparse"] = sparse(3, 0), expect!["compiles"]);
    check(
        |d| d["accessors"][0]["sparse"] = sparse(4, 0),
        expect!["scene.glb: accessor 0: replaces 4 of 3 elements"],
    );
    check(
        |d| d["accessors"][0]["sparse"] = sparse(3, 12),
        expect!["scene.glb: accessor 0: reads beyond its buffer view: 3 elements of 12 bytes from 12 of 36"],
    );
    check(
        |d| {
            d["accessors"][1]["sparse"] = json!({"count": 1, "indices": {"bufferView": 0, "byteOffset": 12, "componentType": 5125},
                "values": {"bufferView": 0}});
        },
        expect!["scene.glb: accessor 1: replaces element 1065353216 of 3"],
    );
}

#[test]
fn indices_of_things_that_do_not_exist() {
    check(|d| d["scene"] = 3.into(), expect!["scene.glb: scene 3: does not exist; the file has 1"]);
    check(
        |d| d["scenes"][0]["nodes"] = json!([7]),
        expect!["scene.glb: scene 0: has the node 7; the file has 1"],
    );
    check(|d| d["nodes"][0]["mesh"] = 5.into(), expect!["scene.glb: mesh 5: does not exist; the file has 1"]);
    check(|d| d["nodes"][0]["skin"] = 5.into(), expect!["scene.glb: skin 5: does not exist; the file has 0"]);
    check(
        |d| d["nodes"][0]["camera"] = 5.into(),
        expect![[r#"scene.glb: node 0 "lamp": has the camera 5; the file has 0"#]],
    );
    check(
        |d| d["nodes"][0]["children"] = json!([4_000_000_000_u32]),
        expect![[r#"scene.glb: node 0 "lamp": has the child 4000000000; the file has 1 nodes"#]],
    );
    check(
        |d| d["meshes"][0]["primitives"][0]["material"] = 1.into(),
        expect![[r#"scene.glb: primitive 0 of mesh 0 "panel": has the material 1, which does not exist"#]],
    );
    check(
        |d| d["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = 40.into(),
        expect!["scene.glb: accessor 40: does not exist; the file has 3"],
    );
    check(
        |d| d["meshes"][0]["primitives"][0]["mode"] = 12.into(),
        expect![[r#"scene.glb: primitive 0 of mesh 0 "panel": has an unknown `mode`"#]],
    );
    check(
        |d| d["meshes"][0]["primitives"][0]["attributes"] = json!({}),
        expect![[r#"scene.glb: primitive 0 of mesh 0 "panel": has no POSITION"#]],
    );
    check(
        |d| d["materials"][0]["normalTexture"] = json!({"index": 0}),
        expect![[r#"scene.glb: material 0 "glow": has the texture 0, which does not exist"#]],
    );
    check(
        |d| {
            d["textures"] = json!([{"source": 8}]);
            d["materials"][0]["normalTexture"] = json!({"index": 0});
        },
        expect![[r#"scene.glb: material 0 "glow": texture 0 has the image 8, which does not exist"#]],
    );
}

#[test]
fn nodes_in_circles() {
    check(
        |d| d["nodes"][0]["children"] = json!([0]),
        expect![[r#"scene.glb: node 0 "lamp": is its own ancestor: the nodes form a cycle"#]],
    );
    check(
        |d| d["nodes"] = json!([{"children": [1]}, {"children": [2]}, {"children": [1]}]),
        expect!["scene.glb: node 1: has two parents, nodes 0 and 2"],
    );
    check(
        |d| d["nodes"] = json!([{}, {"name": "a", "children": [2]}, {"name": "b", "children": [1]}]),
        expect![[r#"scene.glb: node 1 "a": is its own ancestor: the nodes form a cycle"#]],
    );
    check(
        |d| d["scenes"][0]["nodes"] = json!([0, 0]),
        expect![[r#"scene.glb: node 0 "lamp": is in the scene twice"#]],
    );
    let chain = |length: usize| -> Vec<Value> {
        (0..length)
            .map(|i| if i + 1 < length { json!({"children": [i + 1]}) } else { json!({"mesh": 0}) })
            .collect()
    };
    check(|d| d["nodes"] = chain(4000).into(), expect!["compiles"]);
    check(
        |d| d["nodes"] = chain(100_000).into(),
        expect!["scene.glb: node 4096: 4097 levels deep; at most 4096 are read"],
    );
    check(
        |d| {
            let mut nodes = chain(1000);
            nodes.iter_mut().for_each(|node| node["scale"] = json!([1e30, 1e30, 1e30]));
            d["nodes"] = nodes.into();
        },
        expect!["scene.glb: node 10: its place in the world is not finite"],
    );
}

#[test]
fn numbers_that_are_none() {
    check(
        |d| d["nodes"][0]["translation"] = json!([1e39, 0, 0]),
        expect![[r#"scene.glb: node 0 "lamp": its translation, rotation or scale is not finite"#]],
    );
    check(
        |d| d["nodes"][0]["translation"] = json!([1e30, 0, 0]),
        expect![[
            r#"a vertex of mesh 0 "panel", placed by node 0 "lamp", is more than 2⁴⁰ m from the origin; scale the scene down"#
        ]],
    );
    check(
        |d| d["nodes"][0]["rotation"] = json!([0, 0, 0, 0]),
        expect![[r#"scene.glb: node 0 "lamp": its rotation is a quaternion of length zero"#]],
    );
    check(
        |d| d["nodes"][0]["matrix"] = json!([1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
        expect![[r#"scene.glb: node 0 "lamp": its matrix is not affine: the last row must be 0 0 0 1"#]],
    );
    check(|d| d["nodes"][0]["scale"] = json!([0, 0, 0]), expect!["compiles"]);
    check(|d| d["nodes"][0]["scale"] = json!([1e-38, 1e-38, 1e-38]), expect!["compiles"]);
    check(
        |d| d["materials"][0]["emissiveFactor"] = json!([1e39, 0, 0]),
        expect![[r#"scene.glb: material 0 "glow": its `emissiveFactor` is not finite"#]],
    );
    check(
        |d| d["materials"][0]["alphaMode"] = "HOLE".into(),
        expect![[r#"scene.glb: material 0 "glow": has an unknown `alphaMode`"#]],
    );
    check(
        |d| d["asset"]["version"] = "1.0".into(),
        expect![[r#"scene.glb: this is not a glTF file: its version is "1.0"; glTF 2.0 is read"#]],
    );
    let (document, mut binary) = triangle();
    binary[12..16].copy_from_slice(&f32::NAN.to_le_bytes());
    expect!["scene.glb: accessor 0: element 1 is not finite: [NaN, 0.0, 0.0]"]
        .assert_eq(&outcome(compiled(&document, &binary)));
    binary[12..16].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    expect!["scene.glb: accessor 0: element 1 is not finite: [-inf, 0.0, 0.0]"]
        .assert_eq(&outcome(compiled(&document, &binary)));
}

#[test]
fn uris_that_leave_the_folder() {
    let with = |uri: &str| {
        let (mut document, _) = triangle();
        document["buffers"][0]["uri"] = uri.into();
        let folder = Folder::new();
        let bytes = document.to_string();
        let path = folder.write("scene.gltf", bytes);
        outcome(folder.compile_file(&path, &ImportLimits::default()))
    };
    expect!["scene.gltf: buffer 0: `../secret.bin` leaves the scene's folder; copy the file into it"]
        .assert_eq(&with("../secret.bin"));
    expect!["scene.gltf: buffer 0: `/etc/passwd` is absolute; copy the file into the scene's folder"]
        .assert_eq(&with("/etc/passwd"));
    expect!["scene.gltf: buffer 0: `%2e%2e/secret.bin` leaves the scene's folder; copy the file into it"]
        .assert_eq(&with("%2e%2e/secret.bin"));
    expect!["scene.gltf: buffer 0: `https://example.org/a.bin` has a scheme; only files in the scene's folder and data URIs are read"].assert_eq(&with("https://example.org/a.bin"));
    expect!["scene.gltf: buffer 0: `file:///etc/passwd` has a scheme; only files in the scene's folder and data URIs are read"].assert_eq(&with("file:///etc/passwd"));
    expect![
        "scene.gltf: buffer 0: `data:application/octet-stream;base64,!!` is a data URI whose base64 is broken"
    ]
    .assert_eq(&with("data:application/octet-stream;base64,!!"));
    expect!["scene.gltf: buffer 0: `data:text/plain,abc` is a data URI that is not base64"]
        .assert_eq(&with("data:text/plain,abc"));
    expect!["scene.gltf: buffer 0: has 3 bytes where 68 are promised"].assert_eq(&with("data:;base64,QUJD"));
    assert!(with("missing.bin").contains("missing.bin: No such file"), "{}", with("missing.bin"));
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder() {
    let (mut document, _) = triangle();
    document["buffers"][0]["uri"] = "link.bin".into();
    let folder = Folder::new();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link.bin")).unwrap();
    let path = folder.write("scene.gltf", document.to_string());
    expect![
        "scene.gltf: buffer 0: `link.bin` is a link that leaves the scene's folder; copy the file into it"
    ]
    .assert_eq(&outcome(folder.compile_file(&path, &ImportLimits::default())));
}

#[test]
fn containers_cut_short() {
    let (document, binary) = triangle();
    let bytes = glb(&document, &binary);
    let folder = Folder::new();
    for length in 0..bytes.len() {
        let error = folder.compile(&bytes[..length], &ImportLimits::default()).err();
        assert!(error.is_some(), "{length} bytes compile");
    }
    let cut = |length: usize| outcome(folder.compile(&bytes[..length], &ImportLimits::default()));
    expect!["scene.glb: glTF's JSON does not parse: expected value at line 1 column 1"].assert_eq(&cut(3));
    expect!["scene.glb: this is not a glTF file: it is truncated: 780 bytes expected, 17 found"]
        .assert_eq(&cut(17));
    expect!["scene.glb: this is not a glTF file: it is truncated: 780 bytes expected, 779 found"]
        .assert_eq(&cut(bytes.len() - 1));
    let mut huge = bytes.clone();
    huge[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    expect!["scene.glb: this is not a glTF file: it is truncated: 4294967315 bytes expected, 780 found"]
        .assert_eq(&outcome(folder.compile(&huge, &ImportLimits::default())));
    expect!["scene.glb: glTF's JSON does not parse: recursion limit exceeded at line 1 column 128"]
        .assert_eq(&outcome(folder.compile(&[b'['; 100_000], &ImportLimits::default())));
}

/// A PNG header that promises a large picture.
fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0]);
    let mut crc = u32::MAX;
    for byte in &bytes[12..] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    bytes.extend((!crc).to_be_bytes());
    bytes.extend([0, 0, 0, 0, b'I', b'D', b'A', b'T', 0x35, 0xAF, 0x06, 0x1E]);
    bytes
}

#[test]
fn images_that_are_bombs_or_none() {
    let with = |image: &[u8], limits: &ImportLimits| {
        let (mut document, _) = triangle();
        document["images"] = json!([{"name": "skin", "uri": "skin.png"}]);
        document["textures"] = json!([{"source": 0}]);
        document["materials"][0]["pbrMetallicRoughness"] = json!({"baseColorTexture": {"index": 0}});
        let (_, binary) = triangle();
        let folder = Folder::new();
        folder.write("skin.png", image);
        outcome(folder.compile(&glb(&document, &binary), limits))
    };
    let limits = ImportLimits::default();
    expect![[r#"scene.glb: image 0 "skin": 3600000000 pixels; at most 67108864 are read"#]]
        .assert_eq(&with(&png_bomb(60_000, 60_000), &limits));
    expect![[r#"scene.glb: image 0 "skin" and those before it: 1000000 pixels; at most 999999 are read"#]]
        .assert_eq(&with(&png_bomb(1000, 1000), &ImportLimits { texels_max: 999_999, ..limits.clone() }));
    expect![[r#"scene.glb: image 0 "skin": the image does not decode: it is neither PNG, JPEG, WebP nor KTX 2.0; convert it"#]]
    .assert_eq(&with(b"GIF89a", &limits));
    let truncated = with(&png_bomb(100, 100), &limits);
    assert!(truncated.contains("image 0 \"skin\": the image does not decode"), "{truncated}");
}

#[test]
fn counts_beyond_the_limits() {
    let (document, binary) = triangle();
    let with = |document: &Value, limits: ImportLimits| {
        outcome(Folder::new().compile(&glb(document, &binary), &limits))
    };
    let limits = ImportLimits::default;
    expect!["scene.glb: scene.glb: 780 bytes; at most 100 are read"]
        .assert_eq(&with(&document, ImportLimits { file_bytes_max: 100, ..limits() }));
    expect!["scene.glb: glTF's JSON: 684 bytes; at most 100 are read"]
        .assert_eq(&with(&document, ImportLimits { json_bytes_max: 100, ..limits() }));
    expect!["scene.glb: glTF's JSON does not parse: it has too many objects at line 1 column 273"]
        .assert_eq(&with(&document, ImportLimits { json_objects_max: 5, ..limits() }));
    expect!["scene.glb: glTF's JSON does not parse: it has too many values at line 1 column 508"]
        .assert_eq(&with(&document, ImportLimits { json_values_max: 50, ..limits() }));
    expect!["scene.glb: the scene: 1 nodes; at most 0 are read"]
        .assert_eq(&with(&document, ImportLimits { nodes_max: 0, ..limits() }));
    expect!["scene.glb: the scene: 3 vertices; at most 2 are read"]
        .assert_eq(&with(&document, ImportLimits { vertices_max: 2, ..limits() }));
    expect!["scene.glb: the scene: 1 triangles; at most 0 are read"]
        .assert_eq(&with(&document, ImportLimits { triangles_max: 0, ..limits() }));
    expect!["the compiled scene: 1 triangles; at most 0 are read"]
        .assert_eq(&with(&document, ImportLimits { package_triangles_max: 0, ..limits() }));
    expect!["scene.glb: the scene: 1 placed meshes; at most 0 are read"]
        .assert_eq(&with(&document, ImportLimits { placements_max: 0, ..limits() }));
    expect!["the scene's emissive surfaces: 1 triangles; at most 0 are read"]
        .assert_eq(&with(&document, ImportLimits { light_triangles_max: 0, ..limits() }));
    // A thousand primitives over the same three vertices are a thousand triangles.
    let mut many = document.clone();
    let primitive = many["meshes"][0]["primitives"][0].clone();
    many["meshes"][0]["primitives"] = vec![primitive; 1000].into();
    expect!["scene.glb: the scene: 2001 vertices; at most 2000 are read"]
        .assert_eq(&with(&many, ImportLimits { vertices_max: 2000, ..limits() }));
}

#[test]
fn instancing_that_does_not_fit() {
    let with = |attributes: Value| {
        move |d: &mut Value| {
            d["nodes"][0]["extensions"] = json!({"EXT_mesh_gpu_instancing": {"attributes": attributes}})
        }
    };
    check(with(json!({"TRANSLATION": 0})), expect!["compiles"]);
    check(
        with(json!({"TRANSLATION": 77})),
        expect!["scene.glb: accessor 77: does not exist; the file has 3"],
    );
    check(
        with(json!({"ROTATION": 0})),
        expect!["scene.glb: accessor 0: has 3 components where 4 are needed"],
    );
    check(
        with(json!("no")),
        expect![[
            r#"scene.glb: EXT_mesh_gpu_instancing of node 0 "lamp": invalid type: string "no", expected a map"#
        ]],
    );
}

#[test]
fn counts_that_cost_a_file_nothing() {
    let empty = |count: u64, kind: &str| json!({"componentType": 5126, "count": count, "type": kind});
    check(|d| d["accessors"][1] = empty(3, "VEC2"), expect!["compiles"]);
    check(
        |d| d["accessors"][1] = empty(30_000_000, "VEC2"),
        expect![
            "scene.glb: accessor 1 without bytes of its own: 60000000 numbers; at most 16777216 are read"
        ],
    );
    check(
        |d| {
            d["accessors"].as_array_mut().unwrap().push(empty(3_000_000, "VEC3"));
            let attributes = json!({"attributes": {"TRANSLATION": 3}});
            d["nodes"][0]["extensions"] = json!({"EXT_mesh_gpu_instancing": attributes});
        },
        expect![[
            r#"scene.glb: EXT_mesh_gpu_instancing of node 0 "lamp": 3000000 instances; at most 2097152 are read"#
        ]],
    );
    check(
        |d| {
            d["accessors"].as_array_mut().unwrap().push(empty(200_000_000, "MAT4"));
            d["skins"] = json!([{"joints": [0], "inverseBindMatrices": 3}]);
            d["nodes"][0]["skin"] = 0.into();
        },
        expect![
            "scene.glb: accessor 3 without bytes of its own: 3200000000 numbers; at most 16777216 are read"
        ],
    );
}

#[test]
fn required_extensions_fail_by_name() {
    check(
        |d| d["extensionsRequired"] = json!(["KHR_texture_transform", "ACME_smoke"]),
        expect![
            "scene.glb: the scene requires the extension ACME_smoke, which is not rendered yet; export it without that extension, or mark it as optional"
        ],
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// Whatever bytes change, the importer answers, and what it accepts the validator accepts.
    #[test]
    fn changed_bytes_never_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let (mut document, binary) = triangle();
        document["materials"][0]["normalTexture"] = json!({"index": 0});
        document["textures"] = json!([{"source": 0}]);
        document["images"] = json!([{"uri": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}]);
        let mut bytes = glb(&document, &binary);
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = ImportLimits { vertices_max: 1 << 16, ..ImportLimits::default() };
        if let Ok(compiled) = Folder::new().compile(&bytes, &limits) {
            prop_assert_eq!(validate::validate(&compiled.package), Ok(()));
        }
    }
}
