//! Compressed geometry: files of Blender's exporter (Draco) and of gltfpack (meshopt under both names) against the plain
//! export of the same shape, and what is said about streams that are broken. `fixtures/ring_*.glb` are of our own making.

mod support;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use support::ring::{Steps, corners, distance, same_ring};
use support::{Folder, compiled, glb, triangle};
use tessera_scenes::ImportLimits;
use tessera_shared::package::Package;

fn package(name: &str) -> Package {
    let bytes = std::fs::read(support::fixture(name)).unwrap();
    let compiled = Folder::new().compile(&bytes, &ImportLimits::default()).unwrap();
    let notices: Vec<_> = compiled.notices.iter().map(|notice| notice.feature.as_str()).collect();
    assert_eq!(notices, ["light"], "{name}");
    compiled.package
}

#[test]
fn a_draco_export_is_the_plain_export_within_its_quantisation() {
    // Blender asked for 14 bits of position over 2.7 m, 10 of normals and of colour.
    let steps = Steps { position: 2.7 / 16384.0 * 1.8, normal: 0.01, color: 0.002 };
    same_ring(&package("ring_draco.glb"), steps);
}

#[test]
fn gltfpack_under_both_names_is_the_plain_export_within_its_quantisation() {
    for name in ["ring_meshopt.glb", "ring_khr.glb"] {
        let steps = Steps { position: 2.7 / 16384.0 * 1.8, normal: 0.02, color: 0.02 };
        same_ring(&package(name), steps);
    }
}

/// A compressed fixture after a change to its JSON.
fn bent(name: &str, change: impl FnOnce(&mut Value), expected: Expect) {
    let bytes = std::fs::read(support::fixture(name)).unwrap();
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let mut document: Value = serde_json::from_slice(&bytes[20..20 + length]).unwrap();
    change(&mut document);
    let result = compiled(&document, &bytes[28 + length..]);
    expected.assert_eq(&result.map_or_else(|error| error, |_| "compiles".into()));
}

#[test]
fn meshopt_views_that_do_not_fit_are_named() {
    fn view(document: &mut Value, index: usize) -> &mut Value {
        &mut document["bufferViews"][index]["extensions"]["EXT_meshopt_compression"]
    }
    let check = |change: &dyn Fn(&mut Value), expected: Expect| bent("ring_meshopt.glb", change, expected);
    check(&|_| {}, expect!["compiles"]);
    check(&|d| d["buffers"][1] = json!({"byteLength": 2688}), expect!["compiles"]);
    check(
        &|d| view(d, 0)["count"] = 97.into(),
        expect![
            "scene.glb: EXT_meshopt_compression of buffer view 0: holds 97 elements of 8 bytes for a view of 768 bytes"
        ],
    );
    check(
        &|d| {
            view(d, 0)["count"] = (1u64 << 40).into();
            d["bufferViews"][0]["byteLength"] = (1u64 << 43).into();
        },
        expect!["scene.glb: all buffers, decompressed: 8796093023556 bytes; at most 4294967296 are read"],
    );
    check(
        &|d| view(d, 0)["buffer"] = 7.into(),
        expect![
            "scene.glb: EXT_meshopt_compression of buffer view 0: refers to buffer 7, which does not exist"
        ],
    );
    check(
        &|d| view(d, 0)["byteLength"] = 549.into(),
        expect!["scene.glb: EXT_meshopt_compression of buffer view 0: its stream ends early"],
    );
    check(
        &|d| view(d, 0)["byteOffset"] = u64::MAX.into(),
        expect![
            "scene.glb: EXT_meshopt_compression of buffer view 0: ends beyond its buffer: 550 bytes from 18446744073709551615 of 1348"
        ],
    );
    check(
        &|d| view(d, 0)["mode"] = "STRIPS".into(),
        expect![[r#"scene.glb: EXT_meshopt_compression of buffer view 0: has the unknown mode "STRIPS""#]],
    );
    check(
        &|d| view(d, 1)["filter"] = "BLUR".into(),
        expect![[r#"scene.glb: EXT_meshopt_compression of buffer view 1: has the unknown filter "BLUR""#]],
    );
    check(
        &|d| view(d, 3)["filter"] = "OCTAHEDRAL".into(),
        expect!["scene.glb: EXT_meshopt_compression of buffer view 3: filters indices, which have no filter"],
    );
    check(
        &|d| view(d, 3)["mode"] = "ATTRIBUTES".into(),
        expect![
            "scene.glb: EXT_meshopt_compression of buffer view 3: a stride of 2 bytes, which its mode or filter does not have"
        ],
    );
    check(
        &|d| view(d, 0)["count"] = (-1).into(),
        expect![
            "scene.glb: EXT_meshopt_compression of buffer view 0: invalid value: integer `-1`, expected u64"
        ],
    );
    check(
        &|d| d["bufferViews"][0]["extensions"] = json!({}),
        expect!["scene.glb: accessor 0: buffer view 0 ends beyond its buffer: 768 bytes from 0 of 0"],
    );
}

#[test]
fn draco_primitives_that_do_not_fit_are_named() {
    fn primitive(document: &mut Value) -> &mut Value {
        &mut document["meshes"][0]["primitives"][0]
    }
    fn extension(document: &mut Value) -> &mut Value {
        &mut primitive(document)["extensions"]["KHR_draco_mesh_compression"]
    }
    let check = |change: &dyn Fn(&mut Value), expected: Expect| bent("ring_draco.glb", change, expected);
    check(&|_| {}, expect!["compiles"]);
    check(&|d| primitive(d)["indices"] = Value::Null, expect!["compiles"]);
    check(
        &|d| extension(d)["bufferView"] = 3.into(),
        expect![[
            r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": refers to buffer view 3, which does not exist"#
        ]],
    );
    check(
        &|d| extension(d)["attributes"]["NORMAL"] = 9.into(),
        expect![[
            r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": "NORMAL": the stream has no attribute with the id 9"#
        ]],
    );
    check(
        &|d| extension(d)["attributes"]["TANGENT"] = 1.into(),
        expect![[
            r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": has "TANGENT", which the primitive lacks"#
        ]],
    );
    check(
        &|d| extension(d)["attributes"]["NORMAL"] = 2.into(),
        expect![[
            r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": "NORMAL": the stream has 2 components and the accessor 3"#
        ]],
    );
    check(
        &|d| extension(d)["attributes"] = json!(7),
        expect![[
            r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": invalid type: integer `7`, expected a map"#
        ]],
    );
    check(
        &|d| d["bufferViews"][0]["byteLength"] = 1000.into(),
        expect![[
            r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": its Draco stream does not decode: Buffer decode error: Failed to decode the entropy-coded symbols: Value bit stream ran out reading 10 bits in chunk 114 of 117"#
        ]],
    );
    check(
        &|d| d["bufferViews"][0]["byteOffset"] = 1.into(),
        expect![[
            r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": its Draco stream does not decode: General error: Invalid magic"#
        ]],
    );
}

#[test]
fn limits_hold_for_what_streams_decode_to() {
    let with = |name: &str, limits: ImportLimits| {
        let bytes = std::fs::read(support::fixture(name)).unwrap();
        Folder::new().compile(&bytes, &limits).map_or_else(|error| error, |_| "compiles".into())
    };
    let limits = ImportLimits::default;
    expect![[r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring" and those before it: 117 vertices; at most 100 are read"#]].assert_eq(&with("ring_draco.glb", ImportLimits { vertices_max: 100, ..limits() }));
    expect![[r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": its Draco stream does not decode: Decode limit exceeded: stream decodes 192 faces, over the caller's ceiling of 100"#]].assert_eq(&with("ring_draco.glb", ImportLimits { triangles_max: 100, ..limits() }));
    expect![[r#"scene.glb: KHR_draco_mesh_compression of primitive 0 of mesh 0 "ring": its Draco stream does not decode: Decode limit exceeded: stream decodes 1404 decoded attribute bytes, over the caller's ceiling of 1068"#]].assert_eq(&with("ring_draco.glb", ImportLimits { buffer_bytes_max: 3000, ..limits() }));
    expect!["scene.glb: all buffers, decompressed: 3984 bytes; at most 3000 are read"]
        .assert_eq(&with("ring_khr.glb", ImportLimits { buffer_bytes_max: 3000, ..limits() }));
}

#[test]
fn a_broken_draco_stream_is_an_error_wherever_it_is_cut() {
    let bytes = std::fs::read(support::fixture("ring_draco.glb")).unwrap();
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let document: Value = serde_json::from_slice(&bytes[20..20 + length]).unwrap();
    for cut in (0..1931).step_by(97) {
        let mut document = document.clone();
        document["bufferViews"][0]["byteLength"] = cut.into();
        let error = compiled(&document, &bytes[28 + length..]).unwrap_err();
        assert!(error.contains("KHR_draco_mesh_compression of primitive 0"), "{cut}: {error}");
    }
}

#[test]
fn quantised_and_sparse_accessors_read_as_the_plain_ones() {
    // KHR_mesh_quantization: positions as 16-bit integers, a sparse replacement that moves the third.
    let (mut document, mut binary) = triangle();
    let start = binary.len();
    for x in [0i16, 0, 0, 0, 100, 0, 0, 0, 0, 7, 0, 0] {
        binary.extend(x.to_le_bytes());
    }
    binary.extend([2, 0, 0, 0]);
    for x in [0i16, 100, 0, 0] {
        binary.extend(x.to_le_bytes());
    }
    document["buffers"][0]["byteLength"] = binary.len().into();
    let views = document["bufferViews"].as_array_mut().unwrap();
    views.push(json!({"buffer": 0, "byteOffset": start, "byteLength": 24, "byteStride": 8}));
    views.push(json!({"buffer": 0, "byteOffset": start + 24, "byteLength": 4}));
    views.push(json!({"buffer": 0, "byteOffset": start + 28, "byteLength": 8}));
    document["extensionsRequired"] = json!(["KHR_mesh_quantization"]);
    document["accessors"][0] = json!({
        "bufferView": 3, "componentType": 5122, "count": 3, "type": "VEC3",
        "sparse": {"count": 1, "indices": {"bufferView": 4, "componentType": 5121}, "values": {"bufferView": 5}},
    });
    document["nodes"][0]["scale"] = json!([0.01, 0.01, 0.01]);
    let package = Folder::new().compile(&glb(&document, &binary), &ImportLimits::default()).unwrap().package;
    let corners = corners(&package);
    for (corner, expected) in corners.iter().zip([[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]) {
        assert!(distance(corner[0], expected) < 1e-6, "{corner:?}");
    }
}
