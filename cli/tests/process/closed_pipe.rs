//! Commands whose output nobody reads: they do their work and end as they would, without a panic.

use crate::sandbox::Sandbox;

const SHOT: &str = "scenes/mosaic.toml --width 16 --height 16 --spp 1 --backend cpu";

#[test]
fn a_closed_standard_output_is_no_panic() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&format!("render {SHOT} -o @out/a.exr"));
    sandbox.succeed(&format!("render {SHOT} --seed 9 -o @out/b.exr"));
    for (command, code) in [
        ("devices".to_owned(), 0),
        ("--help".to_owned(), 0),
        ("--version".to_owned(), 0),
        (format!("render {SHOT} -o @out/c.exr"), 0),
        (format!("render {SHOT} --json -o @out/d.exr"), 0),
        ("diff @out/a.exr @out/a.exr".to_owned(), 0),
        ("diff @out/a.exr @out/b.exr --json".to_owned(), 1),
        ("jobs --to nonsense".to_owned(), 2),
    ] {
        for both in [false, true] {
            let ended = sandbox.unread(&command, both);
            assert_eq!(ended.code, Some(code), "{command}\n{}", ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{command}\n{}", ended.stderr);
        }
    }
    assert!(sandbox.path("out/c.exr").is_file() && sandbox.path("out/d.exr").is_file());
}
