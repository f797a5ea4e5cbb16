//! The bytes of what a terminal asks for and is told.

mod hex;

use expect_test::expect;
use hex::check;
use tessera_shared::codec;
use tessera_shared::ids::{FrameNumber, JobId, WorkerId};
use tessera_shared::messages::{JobRefusal, Request, TEXT_BYTES_MAX};
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
    assert!(codec::encode_frame(&page).is_ok());
}

#[test]
fn tiles_and_pictures() {
    let (job, frame) = (JobId(2), FrameNumber(300));
    let wish = PictureWish { width_px_max: 300, height_px_max: 200, exposure_centistops: -50 };
    check(
        &[
            Request::Tiles { job, frame },
            Request::Picture { job, frame, wish },
            Request::Events { after: 300 },
        ],
        expect![[r#"
            050000001202fb2c01
            0a0000001302fb2c01fb2c01c863
            0400000014fb2c01
        "#]],
    );
    let grid = TileGrid { columns: 2, rows: 1, passes: 4, width_px: 300, height_px: 64, tile_px: 64 };
    let tile = |stage, worker, word| TileStatus { stage, passes_done: 3, worker, word };
    let (worker, stage) = (Some(WorkerId(7)), TileStage::Accepted);
    let tiles = vec![
        tile(TileStage::Waiting, None, None),
        tile(TileStage::Leased, worker, None),
        tile(TileStage::Delivered, worker, None),
        tile(TileStage::Checking, worker, None),
        tile(TileStage::Disputed, worker, None),
        tile(stage, worker, Some(TileWord::Nobody)),
        tile(stage, worker, Some(TileWord::Worker)),
        tile(stage, worker, Some(TileWord::Referee)),
    ];
    check(
        &[
            TilesReply::Grid(grid),
            TilesReply::Tiles(tiles),
            TilesReply::Refused(JobRefusal::NoFrame),
            TilesReply::TooMany { tile_passes: 1 << 20 },
        ],
        expect![[r#"
            0900000000020104fb2c014040
            2c0000000108000300000103010700020301070003030107000403010700050301070100050301070101050301070102
            020000000202
            0600000003fc00001000
        "#]],
    );
    check(
        &[
            PictureReply::Follows { width_px: 300, height_px: 64, finished: true },
            PictureReply::Refused(JobRefusal::Foreign),
        ],
        expect![[r#"
            0600000000fb2c014001
            020000000101
        "#]],
    );
}

#[test]
fn lines_of_the_log() {
    let kinds = [LogKind::Job, LogKind::Worker, LogKind::Failure, LogKind::Verdict];
    let lines = kinds.map(|kind| LogLine::new(300, 70_000, kind, "j1".into())).to_vec();
    check(
        &[EventsReply { lines }, EventsReply { lines: Vec::new() }],
        expect![[r#"
        3100000004fb2c01fc7011010000026a31fb2c01fc7011010001026a31fb2c01fc7011010002026a31fb2c01fc7011010003026a31
        0100000000
    "#]],
    );
    let long = LogLine::new(u64::MAX, u64::MAX, LogKind::Verdict, "ü".repeat(2000));
    assert_eq!(long.text.len(), TEXT_BYTES_MAX);
    let longest = EventsReply { lines: vec![long; LOG_LINES_MAX] };
    assert!(codec::encode_frame(&longest).is_ok());
    let tile = TileStatus {
        stage: TileStage::Accepted,
        passes_done: u32::MAX,
        worker: Some(WorkerId(u64::MAX)),
        word: Some(TileWord::Referee),
    };
    let longest = TilesReply::Tiles(vec![tile; TILES_MAX]);
    assert!(codec::encode_frame(&longest).is_ok());
}

proptest::proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = codec::decode_payload::<FramesReply>(&bytes);
        let _ = codec::decode_payload::<TilesReply>(&bytes);
        let _ = codec::decode_payload::<PictureReply>(&bytes);
        let _ = codec::decode_payload::<EventsReply>(&bytes);
    }
}
