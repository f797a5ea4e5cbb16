//! What a job chooses of a file: scenes and material variants.

mod support;

use serde_json::json;
use support::animated::{Scene, materials, placed, records};
use tessera_scenes::ShotKeys;
use tessera_scenes::shot::Name;
use tessera_shared::package::SectionKind;

fn scene_name(name: &str) -> ShotKeys {
    ShotKeys { scene_name: Some(Name(name.into())), ..ShotKeys::default() }
}

fn variant(name: &str) -> ShotKeys {
    ShotKeys { variant: Some(Name(name.into())), ..ShotKeys::default() }
}

#[test]
fn a_scene_is_chosen_by_name_or_index() {
    let mut scene = Scene::new();
    scene.document["nodes"] = json!([{"mesh": 0}, {"mesh": 0, "scale": [2, 2, 2]}, {"mesh": 0}]);
    scene.document["scenes"] = json!([{"name": "day", "nodes": [0]}, {"nodes": [1, 2]}]);
    let triangles = |keys| {
        let package = scene.compile(keys).unwrap().package;
        assert_eq!(placed(&package, 0)[0][3], 0.0);
        records::<[u32; 4]>(&package, 0, SectionKind::Triangles).len()
    };
    assert_eq!(triangles(ShotKeys::default()), 1);
    assert_eq!(triangles(scene_name("day")), 1);
    assert_eq!(triangles(scene_name("1")), 2);
    let error = scene.compile(scene_name("night")).map(|_| ()).unwrap_err();
    assert_eq!(error, "scene.glb: the file has no scene \"night\"; it has \"day\", 1");
}

#[test]
fn a_variant_replaces_the_materials_that_it_maps() {
    let mut scene = Scene::new();
    scene.document["materials"] = json!([{}, {}, {}]);
    scene.document["extensions"] =
        json!({"KHR_materials_variants": {"variants": [{"name": "red"}, {"name": "blue"}]}});
    scene.document["meshes"][0]["primitives"][0]["extensions"] = json!({"KHR_materials_variants": {"mappings": [
        {"material": 2, "variants": [1]}, {"material": 1, "variants": [0]},
    ]}});
    let material = |keys| {
        let package = scene.compile(keys).unwrap().package;
        assert_eq!(materials(&package, 0).len(), 4);
        records::<[u32; 4]>(&package, 0, SectionKind::Triangles)[0][3]
    };
    assert_eq!(material(ShotKeys::default()), 0);
    assert_eq!(material(variant("red")), 1);
    assert_eq!(material(variant("blue")), 2);
    let error = scene.compile(variant("green")).map(|_| ()).unwrap_err();
    assert_eq!(error, "scene.glb: the file has no variant \"green\"; it has \"red\", \"blue\"");
    scene.document["meshes"][0]["primitives"][0]["extensions"]["KHR_materials_variants"]["mappings"][1]["material"] =
        json!(7);
    let error = scene.compile(variant("red")).map(|_| ()).unwrap_err();
    assert_eq!(error, "scene.glb: primitive 0 of mesh 0 \"panel\": has the material 7, which does not exist");
}
