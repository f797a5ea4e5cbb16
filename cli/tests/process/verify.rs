//! `tessera verify`: a receipt that is true, and how each thing that is not true is named.

use std::path::Path;
use std::sync::Arc;

use exr::prelude::*;
use serde_json::Value;
use tessera_scheduler::Identity;
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::package::archive;
use tessera_shared::receipt::{JobFacts, Receipt};

use crate::farm::Farm;
use crate::sandbox::{Ended, Sandbox};

/// A shot of a few blocks and several tiles.
const SHOT: &str = "scenes/mosaic.toml --width 60 --height 40 --spp 2 --tile 16";

/// Copies a sandbox's folder of frames into another one, as if it were mailed.
fn mailed(from: &Sandbox, folder: &str) -> Sandbox {
    let fresh = Sandbox::new();
    for entry in std::fs::read_dir(from.path(folder)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), fresh.path("out").join(entry.file_name())).unwrap();
    }
    fresh
}

/// A sandbox with one rendered frame, its receipt and its package.
fn rendered(more: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.succeed(&format!(
        "render {SHOT} --backend cpu {more} -o @out/a.exr --receipt @out/a.receipt.json --package @out/a.receipt.package"
    ));
    sandbox
}

fn verify(sandbox: &Sandbox, more: &str) -> Ended {
    sandbox.run(&format!("verify @out/a.receipt.json {more}"))
}

/// Checks that a receipt does not verify, and that the first line says why.
fn denied(ended: &Ended, expected: &[&str]) {
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let first = ended.stdout.lines().next().unwrap_or_default();
    assert!(expected.iter().all(|part| first.contains(part)), "{expected:?} in {}", ended.stdout);
    assert!(ended.stdout.ends_with("NOT verified\n"), "{}", ended.stdout);
}

/// Changes the samples of an EXR and writes it with all that it said of itself.
fn edit_exr(path: &Path, edit: impl Fn(&mut FlatSamples)) {
    let mut image = read_all_flat_layers_from_file(path).unwrap();
    for channel in image.layer_data[0].channel_data.list.iter_mut() {
        edit(&mut channel.sample_data);
    }
    image.write().to_file(path).unwrap();
}

/// The largest blob of a package's file.
fn largest(file: &[u8]) -> (Digest, Arc<[u8]>) {
    let package = archive::read(&mut &file[..], file.len() as u64).unwrap();
    package.blobs.into_iter().max_by_key(|(_, bytes)| bytes.len()).unwrap()
}

fn edit_text(path: &Path, edit: impl FnOnce(&mut Value)) {
    let mut text: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    edit(&mut text);
    std::fs::write(path, text.to_string()).unwrap();
}

#[test]
fn a_farms_receipt_of_24_frames_is_verified_elsewhere_and_names_who_worked() {
    let farm = Farm::new();
    let _workers =
        [farm.worker("one", "--backend cpu --threads 1"), farm.worker("two", "--backend cpu --threads 1")];
    let job = farm.submit(&format!("{SHOT} --frames 1-24 --verify blocks=2 --package @package"));
    farm.sandbox.succeed(&format!("watch {job} --wait"));
    let fetch = format!("fetch {job} -o @frames --outputs exr,png --package");
    let fetched = farm.sandbox.run(&fetch);
    let package = farm.sandbox.path("frames/mosaic.receipt.package");
    let said = format!(": {}\n", package.display());
    assert!(
        fetched.stderr.contains("package blake3:") && fetched.stderr.ends_with(&said),
        "{}",
        fetched.stderr
    );
    let submitted = std::fs::read(farm.sandbox.path("package")).unwrap();
    assert!(std::fs::read(&package).unwrap() == submitted, "another package was fetched than was submitted");
    // One that is there is not fetched again, unless it is damaged.
    assert!(!farm.sandbox.run(&fetch).stderr.contains("package blake3:"));
    let mut damaged = submitted.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&package, damaged).unwrap();
    // What an earlier fetch had got is used, unless it is not what it should be.
    let (blob, bytes) = largest(&submitted);
    let folder = farm.sandbox.path("frames/mosaic.receipt.package.parts");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(format!("{}.partial", blob.hex())), &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(folder.join(format!("{}.partial", Digest::of(b"another job's").hex())), b"x").unwrap();
    farm.sandbox.succeed(&fetch);
    assert!(std::fs::read(&package).unwrap() == submitted, "a damaged package stays");
    assert!(!folder.exists(), "what had come of the package stays beside it");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(format!("{}.partial", blob.hex())), [7; 100]).unwrap();
    std::fs::remove_file(&package).unwrap();
    farm.sandbox.succeed(&fetch);
    assert!(std::fs::read(&package).unwrap() == submitted && !folder.exists());
    let text = std::fs::read(farm.sandbox.path("frames/mosaic.receipt.json")).unwrap();
    let receipt = Receipt::from_text(&text).unwrap();
    assert_eq!((receipt.frames.len(), receipt.job.verify.as_str()), (24, "blocks=2"));
    for facts in receipt.frames.iter().map(|frame| &frame.facts) {
        let rendered: u64 = facts.rendered.iter().map(|by| by.tile_passes).sum();
        let checked: u64 = facts.checked.iter().map(|by| by.tile_passes).sum();
        assert_eq!((rendered, checked, facts.overturned), (12, 12, 0));
        assert!(facts.checked.iter().all(|by| by.by.to_string() != "nobody"), "{facts:?}");
    }

    let fresh = mailed(&farm.sandbox, "frames");
    let images: String = (1..=24).map(|frame| format!(" @out/mosaic.{frame:04}.exr")).collect();
    let arguments = format!("verify @out/mosaic.receipt.json{images} --blocks 60 --json");
    let said: Value = serde_json::from_str(&fresh.succeed(&arguments)).unwrap();
    assert_eq!((&said["verified"], &said["origin"]), (&true.into(), &"farm j1".into()), "{said}");
    assert_eq!(
        (&said["rendered"]["blocks"], &said["rendered"]["of"]),
        (&60.into(), &(24 * 40).into()),
        "{said}"
    );
    assert_eq!(said["images"].as_array().unwrap().len(), 24);
    let key = said["signed_by"].as_str().unwrap();
    fresh.succeed(&format!("verify @out/mosaic.receipt.json --blocks 0 --key {key}"));
    let other = fresh.run(&format!("verify @out/mosaic.receipt.json --blocks 0 --key {}", "0".repeat(64)));
    denied(&other, &["signed by", key]);

    // One frame of another's number, and the job fetched without a receipt.
    std::fs::rename(fresh.path("out/mosaic.0007.exr"), fresh.path("out/moved.exr")).unwrap();
    fresh.succeed("verify @out/mosaic.receipt.json @out/moved.exr --blocks 0");
    farm.sandbox.succeed(&format!("fetch {job} -o @bare --outputs exr --no-receipt"));
    assert!(!farm.sandbox.path("bare/mosaic.receipt.json").exists());
}

#[test]
fn one_flipped_pixel_is_named() {
    let sandbox = rendered("");
    assert_eq!(verify(&sandbox, "@out/a.exr --blocks 40").code, Some(0));
    edit_exr(&sandbox.path("out/a.exr"), |samples| {
        if let FlatSamples::F32(values) = samples {
            values[21 * 60 + 33] = f32::from_bits(values[21 * 60 + 33].to_bits() ^ 1);
        }
    });
    let ended = verify(&sandbox, "@out/a.exr");
    denied(&ended, &["a.exr: frame 1, tile 6: 1 of 4 blocks are not as signed, the first is block (4, 2)"]);
    assert!(ended.stdout.contains("a.exr: frame 1, pixel (33, 21): red is "), "{}", ended.stdout);
    // The receipt alone is as true as before.
    assert_eq!(verify(&sandbox, "").code, Some(0));
}

#[test]
fn one_swapped_tile_is_named() {
    let sandbox = rendered("");
    edit_exr(&sandbox.path("out/a.exr"), |samples| {
        if let FlatSamples::F32(values) = samples {
            for (y, x) in (0..16).flat_map(|y| (0..16).map(move |x| (y, x))) {
                values.swap(y * 60 + x, (y + 16) * 60 + x + 32);
            }
        }
    });
    denied(&verify(&sandbox, "@out/a.exr"), &["a.exr: frame 1: tiles 0 and 6 have changed places"]);
}

#[test]
fn one_edited_field_is_named() {
    let sandbox = rendered("");
    let path = sandbox.path("out/a.receipt.json");
    let original = std::fs::read(&path).unwrap();
    type Edit = fn(&mut Value);
    let edits: [(Edit, &str); 5] = [
        (|text| text["job"]["samples"] = 3.into(), "the field `samples` of the job is not what was signed"),
        (|text| text["job"]["kernel_version"] = 1.into(), "the field `kernel_version` of the job"),
        (
            |text| text["frames"][0]["facts"]["overturned"] = 1.into(),
            "frame 1: the field `overturned` is not",
        ),
        (
            |text| text["frames"][0]["facts"]["rays"]["camera"] = 7.into(),
            "frame 1: the field `rays` is not what was signed",
        ),
        (|text| text["signed_by"] = "7".repeat(64).into(), "frame 1: the signature is not this key's"),
    ];
    for (edit, said) in edits {
        std::fs::write(&path, &original).unwrap();
        edit_text(&path, edit);
        denied(&verify(&sandbox, "@out/a.exr"), &[said]);
    }
}

#[test]
fn half_images_are_compared_whole() {
    let sandbox = rendered("--outputs exr-half");
    assert_eq!(verify(&sandbox, "@out/a.exr").code, Some(0));
    edit_exr(&sandbox.path("out/a.exr"), |samples| match samples {
        FlatSamples::F16(values) => values[0] = f16::from_bits(values[0].to_bits() ^ 1),
        other => panic!("{other:?} in a half image"),
    });
    let ended = verify(&sandbox, "@out/a.exr");
    denied(&ended, &["a.exr: frame 1, tile 0: 1 of 4 blocks"]);
    assert!(ended.stdout.contains("pixel (0, 0): red is "), "{}", ended.stdout);
}

#[test]
fn digests_that_are_not_those_signed_are_named() {
    let sandbox = rendered("");
    let path = sandbox.path("out/a.receipt.blocks");
    let original = std::fs::read(&path).unwrap();
    let mut flipped = original.clone();
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(&path, flipped).unwrap();
    denied(
        &verify(&sandbox, ""),
        &["frame 1: the digests beside the receipt are not those of `exr_half_tree`"],
    );
    std::fs::write(&path, &original[..original.len() - 1]).unwrap();
    let ended = verify(&sandbox, "");
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    assert!(ended.stderr.contains("it was cut, or is of another receipt"), "{}", ended.stderr);
}

/// Signs other facts with the sandbox's own key, as a liar would.
fn forge(sandbox: &Sandbox, job: impl FnOnce(JobFacts) -> JobFacts, frame_of: &Sandbox) {
    let read = |sandbox: &Sandbox| {
        Receipt::from_text(&std::fs::read(sandbox.path("out/a.receipt.json")).unwrap()).unwrap()
    };
    let identity = Identity::load_or_create(&sandbox.path("home")).unwrap();
    let facts = read(frame_of).frames[0].facts.clone();
    let forged =
        Receipt::sign(identity.key(), job(read(sandbox).job), facts, |statement| identity.sign(statement));
    std::fs::write(sandbox.path("out/a.receipt.json"), forged.to_text()).unwrap();
}

#[test]
fn who_signs_another_picture_is_found_by_rendering_again() {
    let (sandbox, other) = (rendered(""), rendered("--seed 1"));
    forge(&sandbox, |job| job, &other);
    for file in ["out/a.receipt.blocks", "out/a.exr"] {
        std::fs::copy(other.path(file), sandbox.path(file)).unwrap();
    }
    assert_eq!(verify(&sandbox, "@out/a.exr --blocks 0").code, Some(0));
    denied(&verify(&sandbox, "@out/a.exr --blocks 3"), &["frame 1, tile ", "this machine renders blake3:"]);
    let whole = verify(&sandbox, "--blocks 40 --json").stdout;
    let said: Value = serde_json::from_str(&whole).unwrap();
    let findings = said["findings"].as_array().unwrap();
    let of_kind = |kind: &str| findings.iter().filter(|finding| finding["kind"] == kind).count();
    assert_eq!((of_kind("block") > 30, of_kind("fact")), (true, 2), "{whole}");
    let again =
        [verify(&sandbox, "--blocks 3 --draw 9").stdout, verify(&sandbox, "--blocks 3 --draw 9").stdout];
    assert_eq!(again[0], again[1]);
}

#[test]
fn who_signs_settings_that_are_not_the_packages_is_found() {
    let sandbox = rendered("");
    forge(&sandbox, |job| JobFacts { max_bounces: 12, ..job }, &sandbox);
    denied(&verify(&sandbox, ""), &["the field `max_bounces` of the job is not what its package says"]);
}

#[test]
fn what_cannot_be_rendered_again_here_is_refused_with_what_is_needed() {
    let sandbox = rendered("");
    std::fs::remove_file(sandbox.path("out/a.receipt.package")).unwrap();
    forge(&sandbox, |job| JobFacts { kernel_version: 1, ..job }, &sandbox);
    let ended = verify(&sandbox, "@out/a.exr");
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("Verify with a tessera of kernel 1"), "{}", ended.stderr);
    forge(&sandbox, |job| JobFacts { kernel_version: KERNEL_VERSION, mode: "fast".into(), ..job }, &sandbox);
    let fast = verify(&sandbox, "@out/a.exr");
    assert_eq!(fast.code, Some(5), "{}", fast.stderr);
    assert!(fast.stderr.contains("rendered in mode fast"), "{}", fast.stderr);
    assert_eq!(verify(&sandbox, "@out/a.exr --blocks 0").code, Some(0));
}

#[test]
fn a_shot_is_compiled_again_where_no_package_was_kept() {
    let sandbox = rendered("");
    std::fs::remove_file(sandbox.path("out/a.receipt.package")).unwrap();
    let ended = verify(&sandbox, "");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no package to render from"), "{}", ended.stderr);
    assert_eq!(verify(&sandbox, &format!("--shot {SHOT}")).code, Some(0));
    let ended = verify(&sandbox, &format!("--shot {SHOT} --seed 5"));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("the receipt is of blake3:"), "{}", ended.stderr);
}
