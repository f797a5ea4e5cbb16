//! Outputs as they come: commands that follow a job to its end on a farm of processes.

use std::os::unix::fs::PermissionsExt;

use crate::farm::{Farm, parsed};
use crate::sandbox::Ended;

const SHOT: &str = "scenes/mosaic.toml --width 64 --height 48 --spp 2 --frames 1-3";

#[test]
fn fetch_writes_frames_as_they_finish_and_ends_with_the_job() {
    let farm = Farm::new();
    let job = farm.submit(&format!("{SHOT} --package @package"));
    let mut follow = farm.sandbox.start(&format!("fetch {job} --follow --bell --json -o @fetched"));
    follow.line(|line| parsed(line).filter(|status| status["state"] == "queued"));
    let _worker = farm.worker("one", "--backend cpu --threads 1");
    let (code, lines) = follow.end();
    assert_eq!(code, Some(0), "{lines:?}");
    let said: Vec<_> = lines.iter().filter_map(|line| parsed(line)).collect();
    let mut films: Vec<_> = said.iter().filter(|line| line["event"] == "frame").collect();
    films.sort_by_key(|film| film["frame"].as_u64());
    let rendered = farm.sandbox.succeed(&format!("render {SHOT} --backend cpu -o @out/frame.png"));
    let fetched = films.iter().map(|film| format!("film {}\n", film["film"].as_str().unwrap()));
    assert_eq!(fetched.collect::<String>(), rendered);
    // The last word on the job comes before its last frame is written: nothing was fetched after the fact.
    assert!(said.iter().any(|line| line["state"] == "completed"), "{said:?}");
    for name in ["mosaic.0001.exr", "mosaic.0003.png", "mosaic.receipt.json", "mosaic.receipt.blocks"] {
        assert!(farm.sandbox.path("fetched").join(name).is_file(), "{name}");
    }
    assert!(!lines.iter().any(|line| line.contains('\u{7}')), "a bell where no terminal is");
    std::fs::copy(farm.sandbox.path("package"), farm.sandbox.path("fetched/mosaic.receipt.package")).unwrap();
    let verified =
        farm.sandbox.run("verify @fetched/mosaic.receipt.json @fetched/mosaic.0002.exr --blocks 4");
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
}

#[test]
fn a_follower_gets_the_frames_that_are_done_while_others_are_not() {
    let farm = Farm::new();
    let job = farm.submit("scenes/pebbles.toml --width 320 --height 192 --spp 24 --frames 1-6");
    let mut follow = farm.sandbox.start(&format!("fetch {job} --follow --outputs png --json -o @fetched"));
    let worker = farm.worker("one", "--backend cpu --threads 1");
    follow.line(|line| parsed(line).filter(|line| line["event"] == "frame"));
    let status = farm.list("jobs").remove(0);
    assert_eq!(status["state"], "running", "the job was over before its first frame was written: {status}");
    farm.sandbox.succeed(&format!("cancel {job}"));
    let (code, lines) = follow.end();
    assert_eq!(code, Some(1), "{lines:?}");
    let written = std::fs::read_dir(farm.sandbox.path("fetched")).unwrap();
    let pictures = written.filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "png").count();
    let told = lines.iter().filter_map(|line| parsed(line)).filter(|line| line["event"] == "frame").count();
    assert!((1..6).contains(&pictures) && pictures == told, "{pictures} pictures\n{lines:?}");
    assert!(lines.iter().any(|line| line.contains("j1 was cancelled; written: ")), "{lines:?}");
    drop(worker);
}

#[test]
fn submit_waits_for_the_job_and_ends_as_it_does() {
    let farm = Farm::new();
    let worker = farm.worker("one", "--backend cpu");
    let ended = farm.sandbox.run(&format!("submit {SHOT} --wait --bell"));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "j1\n"), "{}", ended.stderr);
    assert!(ended.stderr.lines().last().unwrap().contains("j1 completed, 3 of 3 frames"), "{}", ended.stderr);
    worker.ask_to_end();
    let mut waiting = farm.sandbox.start(&format!("submit {SHOT} --wait"));
    waiting.line(|line| line.contains("j2 queued").then_some(()));
    farm.sandbox.succeed("cancel j2");
    let (code, lines) = waiting.end();
    assert_eq!(code, Some(1));
    assert!(lines.iter().any(|line| line.starts_with("j2 cancelled")), "{lines:?}");
    assert_eq!(farm.sandbox.run(&format!("submit {SHOT} --bell")).code, Some(2));
    assert_eq!(farm.sandbox.run(&format!("submit {SHOT} --wait --dry-run")).code, Some(2));
}

/// Runs a command with nothing on its PATH but a program called ffmpeg that is this shell script, or nothing at all.
fn with_ffmpeg(farm: &Farm, script: Option<&str>, arguments: &str) -> Ended {
    let folder = farm.sandbox.path("programs");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("ffmpeg");
    let _ = std::fs::remove_file(&program);
    if let Some(script) = script {
        std::fs::write(&program, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = farm.sandbox.command(arguments).env("PATH", &folder).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn fetch_makes_contact_sheets_and_movies_and_finds_the_last_picture() {
    let farm = Farm::new();
    let _worker = farm.worker("one", "--backend cpu");
    let job = farm.submit(SHOT);
    farm.sandbox.succeed(&format!("watch {job} --wait"));
    farm.sandbox.succeed(&format!("fetch {job} --frames last --outputs png --no-receipt -o @last"));
    let names = std::fs::read_dir(farm.sandbox.path("last")).unwrap();
    let names: Vec<_> = names.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["mosaic.0003.png"]);
    let unknown = farm.sandbox.run(&format!("fetch {job} --frames 2,9 -o @last"));
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("j1 has no frame 9; it has 1-3"), "{}", unknown.stderr);

    let fetch = format!("fetch {job} --outputs png -o @frames --sheet @out/sheet.png");
    let fetched = farm.sandbox.run(&fetch);
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    let sheet = std::fs::read(farm.sandbox.path("out/sheet.png")).unwrap();
    let size = [16, 20].map(|at| u32::from_be_bytes(sheet[at..at + 4].try_into().unwrap()));
    assert_eq!(size, [2 * 326 + 6, 2 * 260 + 6]);

    let movie = format!("fetch {job} --outputs png -o @frames --movie @out/shot.mp4 --fps 12");
    let absent = with_ffmpeg(&farm, None, &movie);
    assert_eq!((absent.code, absent.stdout.as_str()), (Some(6), ""));
    assert!(absent.stderr.contains("no ffmpeg is installed, which --movie needs"), "{}", absent.stderr);
    let broken = "[ $1 = -version ] || { echo Unknown encoder >&2; exit 1; }";
    let broken = with_ffmpeg(&farm, Some(broken), &movie);
    assert_eq!(broken.code, Some(6));
    assert!(broken.stderr.contains("ffmpeg made no movie (exit status: 1): Unknown"), "{}", broken.stderr);
    assert_eq!(std::fs::read_dir(farm.sandbox.path("out")).unwrap().count(), 1, "half a movie was left");
    // It writes what it was asked, and how much of which picture it was given.
    let honest = "[ $1 = -version ] && exit 0\nfor name; do :; done\n{ echo $@; wc -c; } > $name";
    let made = with_ffmpeg(&farm, Some(honest), &movie);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let shot = std::fs::read_to_string(farm.sandbox.path("out/shot.mp4")).unwrap();
    assert!(shot.contains("-pixel_format rgb24 -video_size 64x48 -framerate 12 -i pipe:0"), "{shot}");
    assert!(shot.ends_with(&format!(".mp4\n{}\n", 3 * 64 * 48 * 3)), "{shot}");
}
