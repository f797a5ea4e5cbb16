//! Punctual lights and cameras from file to package: units, places, cones, how they are picked; and bad ones by name.

mod support;

use serde_json::{Value, json};
use support::{Folder, glb, triangle};
use tessera_scenes::{ImportLimits, Shot, ShotKeys, compile};
use tessera_shared::package::layout::*;
use tessera_shared::package::{Package, Projection, SectionKind};

/// The triangle without its glow, and one node a light.
fn document(lights: &[Value]) -> (Value, Vec<u8>) {
    let (mut document, binary) = triangle();
    document["materials"][0] = json!({});
    document["extensionsUsed"] = json!(["KHR_lights_punctual"]);
    document["extensions"] = json!({"KHR_lights_punctual": {"lights": lights}});
    let nodes = (0..lights.len()).map(|i| json!({"extensions": {"KHR_lights_punctual": {"light": i}}}));
    document["nodes"] = std::iter::once(json!({"mesh": 0})).chain(nodes).collect();
    document["scenes"][0]["nodes"] = (0..=lights.len()).collect();
    (document, binary)
}

fn compiled(
    document: &Value,
    binary: &[u8],
    flags: ShotKeys,
    limits: &ImportLimits,
) -> Result<Package, String> {
    let folder = Folder::new();
    let scene = folder.write("scene.glb", glb(document, binary));
    let prefix = format!("{}/", folder.path().display());
    let plain = |error: String| error.replace(&prefix, "");
    let shot = Shot::read(&scene, flags).map_err(|error| plain(error.to_string()))?;
    let compiled = compile(&shot, limits).map_err(|error| plain(error.to_string()))?;
    assert_eq!(compiled.notices, []);
    Ok(compiled.package)
}

fn with(lights: &[Value], flags: ShotKeys) -> Result<Package, String> {
    let (document, binary) = document(lights);
    compiled(&document, &binary, flags, &ImportLimits::default())
}

fn lights(package: &Package) -> Vec<PunctualLight> {
    bytemuck::pod_collect_to_vec(package.section(&package.manifest.scenes[0], SectionKind::PunctualLights))
}

fn header(package: &Package) -> SceneHeader {
    bytemuck::pod_read_unaligned(package.section(&package.manifest.scenes[0], SectionKind::Header))
}

fn near(found: f32, expected: f64) {
    assert!(
        (f64::from(found) - expected).abs() <= 1e-6 * expected.abs().max(1e-3),
        "{found} is not {expected}"
    );
}

#[test]
fn intensities_are_blenders_or_radiometric() {
    let lamp = json!({"type": "point", "intensity": 683, "color": [1, 0.5, 0], "range": 10});
    let [light] = lights(&with(&[lamp.clone()], ShotKeys::default()).unwrap())[..] else { panic!() };
    assert_eq!((light.intensity, light.radius, light.inverse_range2), ([1.0, 0.5, 0.0], 0.0, 0.0));
    assert_eq!((light.cone_scale, light.cone_offset, light.flags), (0.0, 1.0, 0));
    let flags = ShotKeys { light_units: Some("radiometric".into()), ..ShotKeys::default() };
    let [light] = lights(&with(&[lamp], flags).unwrap())[..] else { panic!() };
    assert_eq!(light.intensity, [683.0, 341.5, 0.0]);
    near(light.inverse_range2, 0.01);
}

#[test]
fn lamps_stand_and_shine_where_their_nodes_say() {
    let spot = json!({"innerConeAngle": 0.5, "outerConeAngle": 1.0});
    let (mut document, binary) = document(&[
        json!({"type": "spot", "intensity": 1, "spot": spot}),
        json!({"type": "directional", "intensity": 1}),
    ]);
    // A quarter turn about x takes −Z to +Y; scales do not count.
    let (s, c) = (0.5f64.sqrt(), 0.5f64.sqrt());
    document["nodes"][1]["rotation"] = json!([s, 0, 0, c]);
    document["nodes"][1]["translation"] = json!([1, 2, 3]);
    document["nodes"][1]["scale"] = json!([5, 6, 7]);
    document["nodes"][2]["rotation"] = json!([s, 0, 0, c]);
    let package = compiled(&document, &binary, ShotKeys::default(), &ImportLimits::default()).unwrap();
    let [spot, sun] = lights(&package)[..] else { panic!() };
    assert_eq!(spot.position, [1.0, 2.0, 3.0]);
    near(spot.axis[1], 1.0);
    let slope = 1.0 / (0.5f64.cos() - 1f64.cos());
    near(spot.cone_scale, slope);
    near(spot.cone_offset, -(1f64.cos()) * slope);
    near(sun.position[1], -1.0);
    assert_eq!((sun.flags, sun.axis), (PUNCTUAL_DIRECTIONAL, [0.0; 3]));
}

#[test]
fn sizes_are_the_lights_own_or_the_shots() {
    let lamps = [
        json!({"type": "point"}),
        json!({"type": "spot", "spot": {}, "extras": {"light_radius": 0.5}}),
        json!({"type": "directional"}),
        json!({"type": "directional", "extras": {"sun_angle_degrees": 60}}),
        json!({"type": "point", "extras": "anything"}),
    ];
    let flags = ShotKeys { light_radius: Some(0.25), sun_angle_degrees: Some(180.0), ..ShotKeys::default() };
    let radii: Vec<f32> = lights(&with(&lamps, flags).unwrap()).iter().map(|light| light.radius).collect();
    assert_eq!(radii, [0.25, 0.5, 1.0, 0.5, 0.25]);
}

#[test]
fn lamps_are_picked_by_power() {
    let lamps = [json!({"type": "point", "intensity": 1}), json!({"type": "point", "intensity": 3})];
    let package = with(&lamps, ShotKeys::default()).unwrap();
    let [first, second] = lights(&package)[..] else { panic!() };
    near(first.probability, 0.25);
    near(second.probability, 0.75);
    assert_eq!(second.cdf, u32::MAX);
    let header = header(&package);
    assert_eq!((header.punctual_count, header.punctual_probability), (2, 1.0));
    assert_eq!((header.environment_pick, header.punctual_pick), (0, u32::MAX));
    // Dark lamps are none.
    let package = with(&[json!({"type": "point", "intensity": 0}), lamps[0].clone()], ShotKeys::default());
    assert_eq!(lights(&package.unwrap()).len(), 1);
}

#[test]
fn three_kinds_of_light_share_the_picks() {
    let (mut document, binary) = document(&[json!({"type": "point", "intensity": 1e-3})]);
    document["materials"][0] = json!({"emissiveFactor": [1, 1, 1]});
    let folder = Folder::new();
    let mut sky = Vec::new();
    image::codecs::hdr::HdrEncoder::new(&mut sky).encode(&[image::Rgb([1.0f32; 3]); 8], 4, 2).unwrap();
    let flags = ShotKeys { environment: Some(folder.write("sky.hdr", sky)), ..ShotKeys::default() };
    let package = compiled(&document, &binary, flags, &ImportLimits::default()).unwrap();
    let header = header(&package);
    let shares = [header.environment_probability, header.punctual_probability, header.triangle_probability];
    assert!(shares.iter().all(|share| *share > 0.09) && shares.iter().sum::<f32>() == 1.0, "{shares:?}");
    assert!(header.environment_pick < header.punctual_pick && header.punctual_pick < u32::MAX);
}

#[test]
fn bad_lamps_are_named() {
    let spot = |inner: f64, outer: f64| json!({"type": "spot", "spot": {"innerConeAngle": inner, "outerConeAngle": outer}});
    for (lamp, problem) in [
        (json!({"type": "area"}), "its `type` is none of"),
        (json!({"type": "point", "intensity": -1}), "its `intensity` is -1; it must be 0 to"),
        (json!({"type": "point", "intensity": 1e39}), "its `intensity` is inf"),
        (json!({"type": "point", "intensity": 1e20}), "its `intensity` is 1000"),
        (json!({"type": "point", "color": [1, -1, 1]}), "its `color` is -1"),
        (json!({"type": "point", "range": 0}), "its `range` is 0"),
        (json!({"type": "point", "extras": {"light_radius": -1}}), "its `light_radius` is -1"),
        (
            json!({"type": "directional", "extras": {"sun_angle_degrees": 181}}),
            "its `sun_angle_degrees` is 181",
        ),
        (spot(0.5, 0.25), "its cone angles are 0.5 and 0.25 radians"),
        (spot(-0.5, 0.25), "its cone angles are -0.5 and 0.25 radians"),
        (spot(0.0, 0.0), "its cone angles are 0 and 0 radians"),
        (spot(0.0, 2.0), "its cone angles are 0 and 2 radians"),
    ] {
        let error = with(&[lamp], ShotKeys::default()).unwrap_err();
        assert!(error.starts_with(&format!("scene.glb: light 0: {problem}")), "{error}");
    }
    let (mut document, binary) = document(&[json!({"type": "point"}), json!({"type": "point"})]);
    let limits = ImportLimits { lamps_max: 1, ..ImportLimits::default() };
    let error = compiled(&document, &binary, ShotKeys::default(), &limits).unwrap_err();
    assert_eq!(error, "scene.glb: the scene: 2 lights; at most 1 are read");
    document["nodes"][1]["extensions"]["KHR_lights_punctual"]["light"] = 2.into();
    let error = compiled(&document, &binary, ShotKeys::default(), &ImportLimits::default()).unwrap_err();
    assert_eq!(error, "scene.glb: node 1: has the light 2; the file has 2");
    document["nodes"][1] =
        json!({"translation": [0, 1e13, 0], "extensions": {"KHR_lights_punctual": {"light": 0}}});
    let error = compiled(&document, &binary, ShotKeys::default(), &ImportLimits::default()).unwrap_err();
    assert!(error.starts_with("the lamp of node 1 is more than"), "{error}");
}

#[test]
fn orthographic_cameras_show_their_height() {
    let (mut document, binary) = document(&[json!({"type": "point"})]);
    document["cameras"] = json!([{"type": "orthographic", "name": "flat",
        "orthographic": {"xmag": 9, "ymag": 2.5, "znear": 0.1, "zfar": 9}}]);
    document["nodes"][1]["camera"] = 0.into();
    let shown = |document: &Value, flags: ShotKeys| {
        let flags = ShotKeys { width: Some(100), height: Some(50), ..flags };
        compiled(document, &binary, flags, &ImportLimits::default()).map(|p| p.manifest.frames[0].camera)
    };
    let camera = shown(&document, ShotKeys::default()).unwrap();
    assert_eq!(camera.projection, Projection::Orthographic);
    assert_eq!((camera.eye, camera.step_y), ([-5.0, 2.5, 0.0], [0.0, -0.1, 0.0]));
    let camera = shown(&document, ShotKeys { ortho_height: Some(1.0), ..ShotKeys::default() }).unwrap();
    assert_eq!(camera.eye, [-1.0, 0.5, 0.0]);
    let camera = shown(&document, ShotKeys { vfov_degrees: Some(90.0), ..ShotKeys::default() }).unwrap();
    assert_eq!((camera.projection, camera.eye), (Projection::Perspective, [0.0; 3]));
    document["cameras"][0]["orthographic"]["ymag"] = 0.into();
    let error = shown(&document, ShotKeys::default()).unwrap_err();
    assert!(error.starts_with("scene.glb: camera 0 \"flat\": its `ymag` is 0 m"), "{error}");
    document["cameras"][0] = json!({"type": "orthographic"});
    let error = shown(&document, ShotKeys::default()).unwrap_err();
    assert!(error.starts_with("scene.glb: camera 0: its `type` is neither"), "{error}");
}
