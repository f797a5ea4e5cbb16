//! Job files: keys, defaults, what overrides what, and what is said about mistakes.

mod support;

use std::path::PathBuf;

use expect_test::{Expect, expect};
use support::Folder;
use tessera_scenes::shot::{CameraKeys, Name, Output, Verify, ViewKeys};
use tessera_scenes::{Shot, ShotKeys};
use tessera_shared::messages::Mode;

fn read(name: &str, text: &str, flags: ShotKeys) -> Result<Shot, String> {
    let folder = Folder::new();
    let path = folder.write(name, text);
    let prefix = format!("{}/", folder.path().display());
    let mut shot = Shot::read(&path, flags).map_err(|error| error.to_string().replace(&prefix, ""))?;
    shot.scene = shot.scene.strip_prefix(folder.path()).map(PathBuf::from).unwrap_or(shot.scene);
    Ok(shot)
}

fn fails(text: &str, expected: Expect) {
    expected.assert_eq(&read("job.json", text, ShotKeys::default()).unwrap_err());
}

#[test]
fn the_same_job_in_json_and_toml() {
    let json = r#"{"scene": "../a.glb", "environment": null, "eye": [1, 2.5, 3], "target": [0, 0, 0], "width": 256,
        "height": 128, "frames": "1-24", "outputs": ["png", "exr-half"], "verify": "blocks=4", "spp": 100, "priority": -2}"#;
    let toml = "scene = '../a.glb'\neye = [1, 2.5, 3]\ntarget = [0, 0, 0]\nwidth = 256\nheight = 128\nframes = '1-24'\n\
        outputs = ['png', 'exr-half']\nverify = 'blocks=4'\nspp = 100\npriority = -2\n";
    let shot = read("job.json", json, ShotKeys::default()).unwrap();
    assert_eq!(Ok(&shot), read("job.toml", toml, ShotKeys::default()).as_ref());
    assert_eq!(shot.scene, PathBuf::from("../a.glb"));
    assert_eq!((shot.name.as_str(), shot.frames.len(), shot.pass_spp, shot.max_bounces), ("job", 24, 64, 8));
    assert_eq!((shot.verify, shot.priority), (Verify::Blocks(4), -2));
    assert_eq!(shot.outputs, [Output::ExrHalf, Output::Png]);
}

#[test]
fn a_fast_job_is_not_verified() {
    let shot = |rest: &str| read("job.json", &format!(r#"{{"scene": "a.glb"{rest}}}"#), ShotKeys::default());
    let of = |rest: &str| shot(rest).map(|shot| (shot.mode, shot.verify)).unwrap();
    assert_eq!(of(""), (Mode::Exact, Verify::Spot));
    assert_eq!(of(r#", "mode": "exact", "verify": "double""#), (Mode::Exact, Verify::Double));
    assert_eq!(of(r#", "mode": "fast""#), (Mode::Fast, Verify::None));
    assert_eq!(of(r#", "mode": "fast", "verify": "none""#), (Mode::Fast, Verify::None));
    fails(
        r#"{"scene": "a.glb", "mode": "fast", "verify": "spot"}"#,
        expect![
            "nobody can check a job of mode `fast`, as every device gives it other bits: leave `verify` out, or render it `exact`"
        ],
    );
    fails(r#"{"scene": "a.glb", "mode": "loose"}"#, expect!["`mode`: `loose` is not one of `exact`, `fast`"]);
}

#[test]
fn flags_override_and_a_camera_replaces_a_camera() {
    let json = r#"{"scene": "a.glb", "environment": "sky.hdr", "camera": "left", "spp": 9}"#;
    let flags = ShotKeys {
        eye: Some([0.0; 3]),
        target: Some([1.0; 3]),
        environment: Some("none".into()),
        spp: Some(3),
        ..ShotKeys::default()
    };
    let shot = read("job.json", json, flags).unwrap();
    assert!(matches!(
        shot.camera,
        CameraKeys::Placed { view: ViewKeys::Perspective { vfov_degrees: 40.0 }, .. }
    ));
    assert_eq!((shot.environment, shot.spp), (None, 3));
    let placed = r#"{"scene": "a.glb", "eye": [0, 0, 1], "target": [0, 0, 0]}"#;
    let named = ShotKeys { camera: Some("left".into()), ..ShotKeys::default() };
    assert_eq!(read("job.json", placed, named).unwrap().camera, CameraKeys::Named("left".into()));
    let flat = ShotKeys { ortho_height: Some(2.0), ..ShotKeys::default() };
    let wide = r#"{"scene": "a.glb", "vfov_degrees": 50, "fstop": 2}"#;
    let shot = read("job.json", wide, flat).unwrap();
    assert_eq!(shot.camera, CameraKeys::Automatic { view: Some(ViewKeys::Orthographic { height: 2.0 }) });
    let pinhole = ShotKeys { aperture_radius: Some(0.0), ..ShotKeys::default() };
    assert_eq!(read("job.json", wide, pinhole).unwrap().lens, None);
}

#[test]
fn a_file_is_chosen_from_by_name_or_number() {
    let json = r#"{"scene": "a.glb", "scene_name": 1, "variant": "red", "animation": "walk"}"#;
    let flags = ShotKeys { variant: Some(Name("blue".into())), ..ShotKeys::default() };
    let shot = read("job.json", json, flags).unwrap();
    let chosen = [shot.selection.scene_name, shot.selection.variant, shot.selection.animation];
    assert_eq!(chosen, ["1", "blue", "walk"].map(|name| Some(name.to_owned())));
    fails(
        r#"{"scene": "a.glb", "animation": [1]}"#,
        expect!["job.json: `animation`: give a name, or an index from 0"],
    );
}

#[test]
fn frames_and_a_time_replace_each_other() {
    let time = |json: &str, flags: ShotKeys| {
        let shot = read("job.json", json, flags).unwrap();
        shot.frames.iter().map(|frame| shot.seconds(*frame)).collect::<Vec<_>>()
    };
    let still = r#"{"scene": "a.glb", "frame_seconds": 0.25}"#;
    let range = r#"{"scene": "a.glb", "frames": "2-4", "fps": 2}"#;
    assert_eq!(time(still, ShotKeys::default()), [0.25]);
    assert_eq!(time(range, ShotKeys::default()), [1.0, 1.5, 2.0]);
    let frames = ShotKeys { frames: Some("12".parse().unwrap()), ..ShotKeys::default() };
    assert_eq!(time(still, frames), [0.5]);
    assert_eq!(time(range, ShotKeys { frame_seconds: Some(7.0), ..ShotKeys::default() }), [7.0]);
}

#[test]
fn mistakes_are_named() {
    fails("{", expect!["job.json: EOF while parsing an object at line 1 column 1"]);
    fails("[1]", expect!["job.json: invalid type: sequence, expected a map at line 1 column 0"]);
    fails(
        "{}",
        expect!["job.json: the key `scene` is missing; it names the scene file, relative to the job file"],
    );
    fails(
        r#"{"scene": "a.glb", "sample": 4}"#,
        expect!["job.json: the key `sample` is unknown; the nearest known key is `scene`"],
    );
    fails(
        r#"{"scene": "a.glb", "max_bounce": 4}"#,
        expect!["job.json: the key `max_bounce` is unknown; the nearest known key is `max_bounces`"],
    );
    fails(r#"{"scene": 4}"#, expect!["job.json: `scene`: invalid type: integer `4`, expected path string"]);
    fails(
        r#"{"scene": "a.glb", "width": -1}"#,
        expect!["job.json: `width`: invalid value: integer `-1`, expected u32"],
    );
    fails(
        r#"{"scene": "a.glb", "width": 1.5}"#,
        expect!["job.json: `width`: invalid type: floating point `1.5`, expected u32"],
    );
    fails(
        r#"{"scene": "a.glb", "width": 0}"#,
        expect!["a frame of 0×540 pixels; width and height must be 1 to 32768"],
    );
    fails(
        r#"{"scene": "a.glb", "tile": 12}"#,
        expect!["a tile of 12 pixels; it must be a multiple of 8 from 8 to 512"],
    );
    fails(
        r#"{"scene": "a.glb", "eye": [1, 2]}"#,
        expect!["job.json: `eye`: invalid length 2, expected an array of length 3"],
    );
    fails(
        r#"{"scene": "a.glb", "eye": [1, 2, 3]}"#,
        expect![
            "`eye` and `target` go together, and exclude `camera`: give either the two or a camera's name"
        ],
    );
}

#[test]
fn lamps_views_and_lenses_out_of_range_are_named() {
    fails(
        r#"{"scene": "a.glb", "light_radius": -1}"#,
        expect!["`light_radius` is -1.0; it must be 0 to 1000000"],
    );
    fails(
        r#"{"scene": "a.glb", "sun_angle_degrees": 200}"#,
        expect!["`sun_angle_degrees` is 200.0; it must be 0 to 180"],
    );
    fails(
        r#"{"scene": "a.glb", "ortho_height": 0}"#,
        expect!["`ortho_height` is 0.0; it must be 0.000001 to 1000000000"],
    );
    fails(r#"{"scene": "a.glb", "fstop": 0}"#, expect!["`fstop` is 0.0; it must be 0.001 to 1000000"]);
    fails(
        r#"{"scene": "a.glb", "fstop": 2, "focus_distance": -3}"#,
        expect!["`focus_distance` is -3.0; it must be 0.000001 to 1000000000"],
    );
    fails(
        r#"{"scene": "a.glb", "fstop": 2, "aperture_radius": 1}"#,
        expect!["`fstop` and `aperture_radius` both say how wide the lens is: give one"],
    );
    fails(
        r#"{"scene": "a.glb", "focus_distance": 2}"#,
        expect!["`focus_distance` says nothing without `fstop` or `aperture_radius`: give one of them"],
    );
    fails(
        r#"{"scene": "a.glb", "vfov_degrees": 40, "ortho_height": 2}"#,
        expect![
            "`vfov_degrees` is of a perspective camera and `ortho_height` of an orthographic one: give one"
        ],
    );
}

#[test]
fn values_out_of_range_are_named() {
    fails(r#"{"scene": "a.glb", "spp": 0}"#, expect!["`spp` is 0; it must be 1 to 1048576"]);
    fails(r#"{"scene": "a.glb", "max_bounces": 65}"#, expect!["`max_bounces` is 65; it must be 0 to 64"]);
    fails(
        r#"{"scene": "a.glb", "vfov_degrees": 180}"#,
        expect!["`vfov_degrees` is 180.0; it must be 0.01 to 179"],
    );
    fails(
        r#"{"scene": "a.glb", "environment_strength": 1e300}"#,
        expect!["`environment_strength` is 1e300; it must be 0 to 1000000000"],
    );
    fails(
        r#"{"scene": "a.glb", "filter": "gauss"}"#,
        expect!["`filter`: `gauss` is not one of `box`; other filters are not rendered yet"],
    );
    fails(
        r#"{"scene": "a.glb", "outputs": ["tiff"]}"#,
        expect!["`outputs`: `tiff` is not one of `exr`, `exr-half`, `png`"],
    );
    fails(
        r#"{"scene": "a.glb", "outputs": []}"#,
        expect!["`outputs` is empty; it must be a list of at least one of exr, exr-half, png"],
    );
    fails(
        r#"{"scene": "a.glb", "verify": "confidence=1"}"#,
        expect![
            "`verify`: `confidence=1` is not one of `none`, `spot`, `blocks=N` with N from 1, `double`, `confidence=P` with P between 0 and 1"
        ],
    );
    fails(
        r#"{"scene": "a.glb", "light_units": "watts"}"#,
        expect!["`light_units`: `watts` is not one of `blender`, `radiometric`"],
    );
    fails(
        r#"{"scene": "a.glb", "frames": "10-1"}"#,
        expect!["job.json: `frames`: the range `10-1` runs backwards; write the lower frame first"],
    );
    expect![[r#"
        job.toml: TOML parse error at line 1, column 9
          |
        1 | scene = 
          |         ^
        string values must be quoted, expected literal string
    "#]]
    .assert_eq(&read("job.toml", "scene = ", ShotKeys::default()).unwrap_err());
    expect!["job.yaml: a shot is a .json or .toml job file, or a .glb, .gltf, .obj or .ply scene"]
        .assert_eq(&read("job.yaml", "scene: a", ShotKeys::default()).unwrap_err());
}
