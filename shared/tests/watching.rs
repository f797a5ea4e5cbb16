//! The bytes of what a terminal asks for and is told.

mod hex;

use expect_test::expect;
use hex::check;
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::{JobRefusal, Request};
use tessera_shared::watching::*;

#[test]
fn frames() {
    check(
        &[
            Request::Frames { job: JobId(2), after: None },
            Request::Frames { job: JobId(2), after: Some(FrameNumber(300)) },
        ],
        expect![[r#"
            03000000100200
            06000000100201fb2c01
        "#]],
    );
    let status = |frame, state| FrameStatus {
        frame: FrameNumber(frame),
        state,
        tiles_done: 300,
        tiles_total: 70_000,
        overturned: 1,
    };
    let frames = vec![
        status(1, FrameState::Waiting),
        status(2, FrameState::Rendering),
        status(3, FrameState::Finished),
    ];
    check(
        &[
            FramesReply::Page { frames, next: Some(FrameNumber(3)) },
            FramesReply::Page { frames: Vec::new(), next: None },
            FramesReply::Refused(JobRefusal::Unknown),
        ],
        expect![[r#"
            2500000000030100fb2c01fc70110100010201fb2c01fc70110100010302fb2c01fc70110100010103
            03000000000000
            020000000100
        "#]],
    );
}

#[test]
fn the_longest_page_of_frames_fits() {
    let longest = FrameStatus {
        frame: FrameNumber(u32::MAX),
        state: FrameState::Finished,
        tiles_done: u64::MAX,
        tiles_total: u64::MAX,
        overturned: u64::MAX,
    };
    let page = FramesReply::Page { frames: vec![longest; FRAMES_MAX], next: Some(longest.frame) };
    assert!(tessera_shared::codec::encode_frame(&page).is_ok());
}
