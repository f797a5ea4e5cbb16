//! What people read when what they gave is wrong: the place, the limit or the choices, and an exit code that scripts can tell.

use expect_test::{Expect, expect};

use crate::sandbox::{Sandbox, root};

/// A sandbox with some broken files in it.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let glb = std::fs::read(root().join("scenes/pebbles.glb")).unwrap();
    let mut lying = glb.clone();
    lying[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    let scene = root().join("scenes/pebbles.glb");
    let job = |more: &str| format!("scene = {scene:?}\n{more}\n").into_bytes();
    let files = [
        ("cut.glb", glb[..glb.len() / 2].to_vec()),
        ("lying.glb", lying),
        ("text.glb", b"a picture of pebbles".to_vec()),
        ("empty.glb", Vec::new()),
        ("cyclic.gltf", br#"{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"children":[1]},{"children":[0]}]}"#.to_vec()),
        ("escape.gltf", br#"{"asset":{"version":"2.0"},"buffers":[{"uri":"../secret.bin","byteLength":4}]}"#.to_vec()),
        ("required.gltf", br#"{"asset":{"version":"2.0"},"extensionsUsed":["EXT_unheard"],"extensionsRequired":["EXT_unheard"]}"#.to_vec()),
        ("broken.toml", b"scene = \"a.glb\nspp = 4\n".to_vec()),
        ("broken.json", b"{\"scene\": \"a.glb\", ".to_vec()),
        ("binary.toml", vec![0xff; 64]),
        ("typo.toml", job("widht = 4")),
        ("kind.toml", job("spp = \"many\"")),
        ("lost.toml", b"scene = \"lost.glb\"\n".to_vec()),
        ("none.toml", b"spp = 4\n".to_vec()),
        ("sky.toml", job("environment = \"typo.toml\"")),
    ];
    for (name, bytes) in files {
        std::fs::write(sandbox.path(name), bytes).unwrap();
    }
    sandbox
}

/// Runs each command, which has to fail and to print nothing; what it says and its exit code, with the sandbox as `TMP`.
fn said(sandbox: &Sandbox, commands: &[&str]) -> String {
    let mut all = String::new();
    for arguments in commands {
        let ended = sandbox.run(arguments);
        let code = ended.code.map_or_else(|| "signal".into(), |code| code.to_string());
        assert!(ended.code != Some(0) && ended.stdout.is_empty(), "tessera {arguments}\n{}", ended.stdout);
        let text = ended.stderr.replace(sandbox.path("").to_str().unwrap(), "TMP/");
        let text = text.replace(root().to_str().unwrap(), "ROOT");
        all.push_str(&format!("$ {arguments}\n{code} {text}"));
    }
    all
}

fn check(commands: &[&str], expected: Expect) {
    expected.assert_eq(&said(&sandbox(), commands));
}

#[test]
fn scenes_that_cannot_be_read() {
    check(
        &[
            "render @lost.glb",
            "render @cut.glb",
            "render @lying.glb",
            "render @text.glb",
            "render @empty.glb",
            "render @cyclic.gltf",
            "render @escape.gltf",
            "render @required.gltf",
            "render @out",
            "render README.md",
        ],
        expect![[r#"
            $ render @lost.glb
            3 tessera: TMP/lost.glb: cannot read TMP/lost.glb: No such file or directory (os error 2)
            $ render @cut.glb
            3 tessera: TMP/cut.glb: this is not a glTF file: it is truncated: 238448 bytes expected, 119224 found
            $ render @lying.glb
            3 tessera: TMP/lying.glb: this is not a glTF file: it is truncated: 4294967315 bytes expected, 238448 found
            $ render @text.glb
            3 tessera: TMP/text.glb: glTF's JSON does not parse: expected value at line 1 column 1
            $ render @empty.glb
            3 tessera: TMP/empty.glb: glTF's JSON does not parse: EOF while parsing a value at line 1 column 0
            $ render @cyclic.gltf
            3 tessera: TMP/cyclic.gltf: node 0: is its own ancestor: the nodes form a cycle
            $ render @escape.gltf
            3 tessera: TMP/escape.gltf: buffer 0: `../secret.bin` leaves the scene's folder; copy the file into it
            $ render @required.gltf
            3 tessera: TMP/required.gltf: the scene requires the extension EXT_unheard, which is not rendered yet; export it without that extension, or mark it as optional
            $ render @out
            3 tessera: TMP/out: a shot is a .json or .toml job file, or a .glb, .gltf, .obj or .ply scene
            $ render README.md
            3 tessera: README.md: a shot is a .json or .toml job file, or a .glb, .gltf, .obj or .ply scene
        "#]],
    );
}

#[test]
fn job_files_that_cannot_be_read() {
    check(
        &[
            "render @broken.toml",
            "render @broken.json",
            "render @binary.toml",
            "render @typo.toml",
            "render @kind.toml",
            "render @lost.toml",
            "render @none.toml",
            "render @sky.toml",
        ],
        expect![[r#"
            $ render @broken.toml
            3 tessera: TMP/broken.toml: TOML parse error at line 1, column 15
              |
            1 | scene = "a.glb
              |               ^
            invalid basic string, expected `"`

            $ render @broken.json
            3 tessera: TMP/broken.json: EOF while parsing a value at line 1 column 19
            $ render @binary.toml
            3 tessera: TMP/binary.toml: it is not UTF-8 text
            $ render @typo.toml
            3 tessera: TMP/typo.toml: the key `widht` is unknown; the nearest known key is `width`
            $ render @kind.toml
            3 tessera: TMP/kind.toml: `spp`: invalid type: string "many", expected u32
            $ render @lost.toml
            3 tessera: TMP/lost.glb: cannot read TMP/lost.glb: No such file or directory (os error 2)
            $ render @none.toml
            3 tessera: TMP/none.toml: the key `scene` is missing; it names the scene file, relative to the job file
            $ render @sky.toml
            3 tessera: environment: TMP/typo.toml: it is neither a Radiance HDR nor an OpenEXR file; convert it
        "#]],
    );
}

#[test]
fn values_out_of_their_range() {
    check(
        &[
            "render scenes/mosaic.toml --spp 0",
            "render scenes/mosaic.toml --spp 4294967295",
            "render scenes/mosaic.toml --width 0",
            "render scenes/mosaic.toml --width 100000 --height 100000",
            "render scenes/mosaic.toml --tile 7",
            "render scenes/mosaic.toml --max-bounces 1000000",
            "render scenes/mosaic.toml --exposure nan",
            "render scenes/mosaic.toml --camera none",
            "render scenes/pebbles.glb --camera nobody",
            "render scenes/mosaic.toml --outputs jpg",
            "render scenes/mosaic.toml --verify twice",
            "render scenes/mosaic.toml --frames 9-1",
            "render scenes/mosaic.toml --eye 1,2",
        ],
        expect![[r#"
            $ render scenes/mosaic.toml --spp 0
            3 tessera: `spp` is 0; it must be 1 to 1048576
            $ render scenes/mosaic.toml --spp 4294967295
            3 tessera: `spp` is 4294967295; it must be 1 to 1048576
            $ render scenes/mosaic.toml --width 0
            3 tessera: a frame of 0×540 pixels; width and height must be 1 to 32768
            $ render scenes/mosaic.toml --width 100000 --height 100000
            3 tessera: a frame of 100000×100000 pixels; width and height must be 1 to 32768
            $ render scenes/mosaic.toml --tile 7
            3 tessera: a tile of 7 pixels; it must be a multiple of 8 from 8 to 512
            $ render scenes/mosaic.toml --max-bounces 1000000
            3 tessera: `max_bounces` is 1000000; it must be 0 to 64
            $ render scenes/mosaic.toml --exposure nan
            3 tessera: `exposure` is NaN; it must be -100 to 100
            $ render scenes/mosaic.toml --camera none
            3 tessera: the scene has no camera "none"; it has none with a name
            $ render scenes/pebbles.glb --camera nobody
            3 tessera: the scene has no camera "nobody"; it has none with a name
            $ render scenes/mosaic.toml --outputs jpg
            3 tessera: `outputs`: `jpg` is not one of `exr`, `exr-half`, `png`
            $ render scenes/mosaic.toml --verify twice
            3 tessera: `verify`: `twice` is not one of `none`, `spot`, `blocks=N` with N from 1, `double`, `confidence=P` with P between 0 and 1
            $ render scenes/mosaic.toml --frames 9-1
            2 error: invalid value '9-1' for '--frames <FRAMES>': the range `9-1` runs backwards; write the lower frame first

            For more information, try '--help'.
            $ render scenes/mosaic.toml --eye 1,2
            2 error: invalid value '1,2' for '--eye <X,Y,Z>': give three numbers, such as 0,1.5,4

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn outputs_that_cannot_be_written() {
    check(
        &[
            "render scenes/mosaic.toml -o @out/a.jpg",
            "render scenes/mosaic.toml -o @nowhere/a.exr",
            "render scenes/mosaic.toml -o @out",
            "diff @lost.exr @lost.exr",
            "diff @typo.toml @typo.toml",
        ],
        expect![[r#"
            $ render scenes/mosaic.toml -o @out/a.jpg
            2 tessera: TMP/out/a.jpg: the name must end in .exr or .png
            $ render scenes/mosaic.toml -o @nowhere/a.exr
            6 tessera: TMP/nowhere: there is no such folder; create it first
            $ render scenes/mosaic.toml -o @out
            2 tessera: TMP/out: the name must end in .exr or .png
            $ diff @lost.exr @lost.exr
            6 tessera: TMP/lost.exr: No such file or directory (os error 2)
            $ diff @typo.toml @typo.toml
            6 tessera: TMP/typo.toml: it is no OpenEXR image: invalid: file identifier missing
        "#]],
    );
}

#[test]
fn devices_that_are_not_there() {
    let sandbox = sandbox();
    let commands = [
        "render scenes/mosaic.toml --gpu unobtainium",
        "render scenes/mosaic.toml --gpu any --backend cpu",
        "render scenes/mosaic.toml --backend cpu --threads 0",
        "render scenes/mosaic.toml --backend cpu --workers 0",
    ];
    // Which devices there are is not for this test to say.
    let shown = |line: &str| match line.split_once("Vulkan shows ") {
        Some((before, _)) => format!("{before}Vulkan shows DEVICES"),
        None => line.to_owned(),
    };
    let text: Vec<String> = said(&sandbox, &commands).lines().map(shown).collect();
    expect![[r#"
        $ render scenes/mosaic.toml --gpu unobtainium
        5 tessera: no GPU named `unobtainium`; Vulkan shows DEVICES
        $ render scenes/mosaic.toml --gpu any --backend cpu
        2 tessera: --gpu names a GPU, and --backend cpu asks for none; leave one of them out
        $ render scenes/mosaic.toml --backend cpu --threads 0
        2 error: invalid value '0' for '--threads <N>': 0 is not in 1..=1024

        For more information, try '--help'.
        $ render scenes/mosaic.toml --backend cpu --workers 0
        2 error: invalid value '0' for '--workers <N>': 0 is not in 1..=1024

        For more information, try '--help'."#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn farms_that_are_not_named_or_not_there() {
    check(
        &[
            "jobs",
            "submit scenes/mosaic.toml --width 8 --height 8 --spp 1",
            "jobs --to farm.example",
            "jobs --to tessera://",
            "jobs --to tessera://host/artist/x/y",
            "jobs --to tessera://host:7878/painter/x/y",
            "worker --join nonsense --backend cpu",
            "watch garbage",
            "cancel j-1",
            "fetch j1 -o @out",
        ],
        expect![[r#"
            $ jobs
            2 tessera: no farm is named; give the farm's artist link with --to, in TESSERA_FARM, or as `farm = "tessera://…"` in TMP/home/config.toml
            $ submit scenes/mosaic.toml --width 8 --height 8 --spp 1
            2 tessera: no farm is named; give the farm's artist link with --to, in TESSERA_FARM, or as `farm = "tessera://…"` in TMP/home/config.toml
            $ jobs --to farm.example
            2 tessera: the farm's link: a link starts with tessera://; copy it whole from the lines that `tessera scheduler` prints
            $ jobs --to tessera://
            2 tessera: the farm's link: a link has the form tessera://HOST:PORT/ROLE/FINGERPRINT/TOKEN; copy it whole from the lines that `tessera scheduler` prints
            $ jobs --to tessera://host/artist/x/y
            2 tessera: the farm's link: the link's address `host` is not HOST:PORT (write IPv6 addresses in brackets)
            $ jobs --to tessera://host:7878/painter/x/y
            2 tessera: the farm's link: the link's role `painter` is none of `artist`, `worker` and `wrangler`
            $ worker --join nonsense --backend cpu
            2 tessera: the farm's link: a link starts with tessera://; copy it whole from the lines that `tessera scheduler` prints
            $ watch garbage
            2 error: invalid value 'garbage' for '[JOB]': `garbage` is not a job id; `tessera submit` prints one such as j7, and `tessera jobs` lists them

            For more information, try '--help'.
            $ cancel j-1
            2 error: invalid value 'j-1' for '<JOB>': `j-1` is not a job id; `tessera submit` prints one such as j7, and `tessera jobs` lists them

            For more information, try '--help'.
            $ fetch j1 -o @out
            2 tessera: no farm is named; give the farm's artist link with --to, in TESSERA_FARM, or as `farm = "tessera://…"` in TMP/home/config.toml
        "#]],
    );
}
