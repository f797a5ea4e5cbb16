//! `tessera render`: the same digest however a frame is cut and whatever renders it, and the files and lines that come out.

use serde_json::Value;

use crate::sandbox::{Sandbox, only_film, software_gpu};

const SMALL: &str = "scenes/mosaic.toml --width 64 --height 48 --spp 2";

#[test]
fn a_frame_is_two_files_and_one_line() {
    let sandbox = Sandbox::new();
    let arguments = format!("render {SMALL} --backend cpu -o @out/a.exr -o @out/a.png");
    let digest = only_film(&sandbox.succeed(&arguments));
    let image = exr::prelude::read_first_rgba_layer_from_file(
        sandbox.path("out/a.exr"),
        |size, _| (size, 0.0_f32),
        |(_, sum), _, (r, g, b, _): (f32, f32, f32, f32)| *sum += r + g + b,
    );
    let image = image.unwrap();
    let (size, sum) = image.layer_data.channel_data.pixels;
    assert_eq!((size.width(), size.height()), (64, 48));
    assert!(sum > 0.0, "the picture is black");
    let film = image.layer_data.attributes.other.iter().find(|(name, _)| name.to_string() == "tessera.film");
    assert!(format!("{film:?}").contains(&digest), "{film:?}");
    let png = std::fs::File::open(sandbox.path("out/a.png")).unwrap();
    let reader = png::Decoder::new(std::io::BufReader::new(png)).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (64, 48));
}

#[test]
fn the_digest_depends_on_no_tile_pass_or_worker() {
    let sandbox = Sandbox::new();
    let shot = "scenes/mosaic.toml --width 160 --height 100 --spp 3 --backend cpu";
    let whole = sandbox.film(shot);
    for cut in ["--tile 32", "--tile 96", "--pass-spp 1", "--pass-spp 2 --workers 3", "--exposure 1"] {
        assert_eq!(sandbox.film(&format!("{shot} {cut}")), whole, "{cut}");
    }
    for other in ["--seed 1", "--max-bounces 0", "--vfov-degrees 30"] {
        assert_ne!(sandbox.film(&format!("{shot} {other}")), whole, "{other}");
    }
}

#[test]
fn a_gpu_makes_the_bits_of_the_cpu() {
    let sandbox = Sandbox::new();
    let Some(gpu) = software_gpu(&sandbox, "the digest of a Vulkan device against the CPU's") else { return };
    let cpu = sandbox.film(&format!("{SMALL} --backend cpu"));
    assert_eq!(sandbox.film(&format!("{SMALL} --gpu {gpu}")), cpu);
}

#[test]
fn a_fast_picture_has_a_line_of_its_own() {
    let sandbox = Sandbox::new();
    let Some(gpu) = software_gpu(&sandbox, "mode fast on a Vulkan device") else { return };
    let line =
        |mode: &str| sandbox.succeed(&format!("render {SMALL} --gpu {gpu} --mode {mode} -o @out/f.exr"));
    let exact = only_film(&line("exact"));
    let fast = line("fast");
    let digest = fast.strip_prefix("film (fast, not comparable) blake3:").expect(&fast);
    assert_ne!(exact.strip_prefix("blake3:"), Some(digest.trim_end()));
    let json = sandbox.succeed(&format!("render {SMALL} --gpu {gpu} --mode fast --json -o @out/f.exr"));
    assert!(json.contains("\"comparable\":false"), "{json}");
}

#[test]
fn frames_have_numbers_in_their_names_and_in_json() {
    let sandbox = Sandbox::new();
    let arguments = format!("render {SMALL} --backend cpu --frames 1-2 -o @out/b.exr -o @out/b.png --json");
    let lines: Vec<Value> = sandbox
        .succeed(&arguments)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    let mut files: Vec<_> = std::fs::read_dir(sandbox.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["b.0001.exr", "b.0001.png", "b.0002.exr", "b.0002.png"]);
    let frames: Vec<&Value> = lines.iter().filter(|line| line["event"] == "frame").collect();
    let mut numbers: Vec<_> = frames.iter().map(|frame| frame["frame"].as_u64().unwrap()).collect();
    numbers.sort();
    assert_eq!(numbers, [1, 2]);
    for frame in frames {
        only_film(&format!("film {}\n", frame["film"].as_str().unwrap()));
        assert_eq!(frame["files"].as_array().unwrap().len(), 2);
    }
    let last = lines.iter().rfind(|line| line["event"] != "frame").unwrap();
    assert_eq!(last["frames_done"], 2, "{last}");
    assert_eq!(last["samples_done"], 2 * 64 * 48 * 2, "{last}");
}

#[test]
fn without_o_the_files_lie_beside_you_under_the_shots_name() {
    let sandbox = Sandbox::new();
    let scene = crate::sandbox::root().join("scenes/pebbles.toml");
    let arguments = format!(
        "render {} --width 32 --height 24 --spp 1 --backend cpu --outputs png,exr-half",
        scene.display()
    );
    let ended = sandbox.command(&arguments).current_dir(sandbox.path("out")).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(sandbox.path("out/pebbles.png").is_file() && sandbox.path("out/pebbles.exr").is_file());
}
