//! The bytes of every message, so that a change of the wire is a decision; and what garbage does to the decoder.

mod hex;

use expect_test::expect;
use hex::check;
use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::codec::{self, DecodeError};
use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::grid::{BlockAt, Grid};
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, TileIndex, WorkerId};
use tessera_shared::lease::{BlockPass, Checked, Commit, Lease, TilePass, Work};
use tessera_shared::limits::JobLimits;
use tessera_shared::messages::*;

const DIGEST: Digest = Digest([0xab; 32]);
const KEY: NodeKey = NodeKey([0xcd; 32]);
const TOKEN: Token = Token([0xef; 16]);
const RAYS: Rays = Rays { camera: 1, bounce: 300, shadow: 70_000 };

fn report() -> DeviceReport {
    let failures = vec!["`div`".into()];
    DeviceReport {
        device: device(),
        suite: DIGEST,
        failures,
        serves: Serves::Fast,
        score_rays_per_second: 300,
    }
}

fn device() -> Device {
    Device { name: "RTX".into(), kind: DeviceKind::Gpu, driver: "580".into() }
}

#[test]
fn hello_and_welcome() {
    check(
        &[
            Hello::Worker {
                token: TOKEN,
                kernel_version: 1,
                name: "rig".into(),
                devices: vec![device()],
                tags: vec!["gpu".into(), "studio-a".into()],
            },
            Hello::Artist { token: TOKEN, kernel_version: 1 },
            Hello::Wrangler { token: TOKEN, kernel_version: 1 },
            Hello::Examined {
                token: TOKEN,
                kernel_version: 1,
                name: "rig".into(),
                reports: vec![report()],
                tags: vec!["gpu".into()],
            },
            Hello::Asleep {
                token: TOKEN,
                kernel_version: 1,
                name: "rig".into(),
                devices: vec![device()],
                reports: vec![report()],
                tags: vec!["gpu".into()],
                for_ms: 3_600_000,
            },
        ],
        expect![[r#"
            2e00000000[ef×16]01037269670103525458010335383002036770750873747564696f2d61
            1200000001[ef×16]01
            1200000003[ef×16]01
            5000000002[ef×16]010372696701035254580103353830[ab×32]0105606469766001fb2c010103677075
            5f00000004[ef×16]01037269670103525458010335383001035254580103353830[ab×32]0105606469766001fb2c010103677075fc80ee3600
        "#]],
    );
    check(
        &[
            Welcome::Worker { worker: WorkerId(7) },
            Welcome::Artist,
            Welcome::Refused(Refusal::Token),
            Welcome::Refused(Refusal::KernelVersion { expected: 2, found: 1 }),
            Welcome::Refused(Refusal::Full),
            Welcome::Refused(Refusal::Worker("no".into())),
        ],
        expect![[r#"
            020000000007
            0100000001
            020000000200
            0400000002010201
            020000000202
            050000000203026e6f
        "#]],
    );
}

#[test]
fn control_streams_and_commits() {
    let render = Work::Render(vec![TilePass {
        frame: FrameNumber(1),
        tile: TileIndex(300),
        sample_start: 0,
        sample_end: 16,
    }]);
    let check_work = Work::Check(vec![BlockPass {
        frame: FrameNumber(1),
        block: BlockAt { x: 3, y: 4 },
        sample_start: 0,
        sample_end: 16,
    }]);
    let lease = |work| {
        ToWorker::Lease(Lease { id: LeaseId(9), job: JobId(2), package: DIGEST, duration_ms: 60_000, work })
    };
    check(
        &[lease(render), lease(check_work), ToWorker::Revoke(LeaseId(9))],
        expect![[r#"
        2e000000000902[ab×32]fb60ea000101fb2c010010
        2d000000000902[ab×32]fb60ea01010103040010
        020000000109
    "#]],
    );
    check(
        &[
            FromWorker::Checked(Checked { lease: LeaseId(9), blocks: vec![DIGEST], rays: RAYS }),
            FromWorker::Failed { lease: LeaseId(9), reason: "lost".into() },
            FromWorker::Leaving,
            FromWorker::CannotDo { lease: LeaseId(9), failure: Failure::new(FailureClass::Shortage, "full") },
            FromWorker::Asleep { for_ms: 300 },
            FromWorker::Awake,
        ],
        expect![[r#"
            2c000000000901[ab×32]01fb2c01fc70110100
            070000000109046c6f7374
            0100000002
            080000000309020466756c6c
            0400000004fb2c01
            0100000005
        "#]],
    );
    check(
        &[Commit { lease: LeaseId(9), tiles: vec![vec![DIGEST], vec![]] }],
        expect![[r#"
        24000000090201[ab×32]00
    "#]],
    );
}

#[test]
fn requests() {
    let limited = |verify, limits| Request::Submit {
        package: DIGEST,
        options: JobOptions { priority: -1, verify, mode: Mode::Exact, limits, after: vec![JobId(1)] },
    };
    let options = |verify| limited(verify, JobLimits::default());
    let limits =
        JobLimits { tags: vec!["gpu".into()], operators: vec![KEY, KEY], pool: Some("night".into()) };
    check(
        &[
            Request::Blob { digest: DIGEST, offset: 256 },
            Request::Upload { digest: DIGEST, bytes: 1 << 33 },
            options(Verify::None),
            options(Verify::Blocks(2)),
            options(Verify::Double),
            options(Verify::Confidence { wrong_ppm: 1000 }),
            limited(Verify::None, limits),
            Request::Watch { job: JobId(2) },
            Request::Jobs,
            Request::Workers,
            Request::Cancel { job: JobId(2) },
            Request::Manifest { job: JobId(2) },
            Request::Fetch { job: JobId(2), frame: FrameNumber(24) },
            Request::Checking,
            Request::Receipt { job: JobId(2), frame: FrameNumber(24) },
        ],
        expect![[r#"
            2400000000[ab×32]fb0001
            2a00000001[ab×32]fd0000000002000000
            2900000002[ab×32]0100000000000101
            2a00000002[ab×32]010102000000000101
            2900000002[ab×32]0102000000000101
            2c00000002[ab×32]0103fbe803000000000101
            7300000002[ab×32]010000010367707502[cd×64]01056e696768740101
            020000000302
            0100000004
            0100000005
            020000000602
            020000000702
            03000000080218
            0100000009
            030000000a0218
        "#]],
    );
}

#[test]
fn answers_about_blobs_and_packages() {
    check(
        &[
            BlobReply::Follows { bytes: 1000 },
            BlobReply::Absent,
            BlobReply::Unleased,
            BlobReply::Refused(JobRefusal::Foreign),
        ],
        expect![[r#"
            0400000000fbe803
            0100000001
            0100000002
            020000000301
        "#]],
    );
    check(
        &[
            UploadReply::From { offset: 5 },
            UploadReply::Stored,
            UploadReply::Refused(UploadRefusal::Digest),
            UploadReply::Refused(UploadRefusal::TooLarge { bytes: 2, bytes_max: 1 }),
            UploadReply::Refused(UploadRefusal::Quota { bytes_max: 1 }),
            UploadReply::Refused(UploadRefusal::Storage),
            UploadReply::Refused(UploadRefusal::DiskFull(DIGEST)),
        ],
        expect![[r#"
            020000000005
            0100000001
            020000000200
            0400000002010201
            03000000020201
            020000000203
            220000000204[ab×32]
        "#]],
    );
    check(
        &[
            SubmitReply::Missing(vec![DIGEST]),
            SubmitReply::Accepted(JobId(2)),
            SubmitReply::Refused("no".into()),
        ],
        expect![[r#"
            220000000001[ab×32]
            020000000102
            0400000002026e6f
        "#]],
    );
}

#[test]
fn answers_about_jobs() {
    let refusals = [
        JobRefusal::Unknown,
        JobRefusal::Foreign,
        JobRefusal::NoFrame,
        JobRefusal::Unfinished,
        JobRefusal::Ended,
        JobRefusal::Storage,
        JobRefusal::Cancelled,
        JobRefusal::Failed,
    ];
    let mut replies = vec![CancelReply::Cancelled];
    replies.extend(refusals.map(CancelReply::Refused));
    check(
        &replies,
        expect![[r#"
        0100000000
        020000000100
        020000000101
        020000000102
        020000000103
        020000000104
        020000000105
        020000000106
        020000000107
    "#]],
    );
    check(
        &[ManifestReply::Follows { bytes: 70 }, ManifestReply::Refused(JobRefusal::Foreign)],
        expect![[r#"
            020000000046
            020000000101
        "#]],
    );
    check(
        &[ReceiptReply::Follows { bytes: 3000 }, ReceiptReply::Refused(JobRefusal::Unfinished)],
        expect![[r#"
            0400000000fbb80b
            020000000103
        "#]],
    );
    let head = FrameHead {
        frame: FrameNumber(24),
        job_name: "shot".into(),
        package: DIGEST,
        kernel_version: 1,
        grid: Grid::new(640, 480, 64).unwrap(),
        samples: 64,
        seed: 0,
        max_bounces: 8,
        film_scale_log2: 40,
        rays: RAYS,
        mode: Mode::Fast,
    };
    check(
        &[FetchReply::Follows(head), FetchReply::Refused(JobRefusal::NoFrame)],
        expect![[r#"
            3d00000000180473686f74[ab×32]01fb8002fbe001404000082801fb2c01fc7011010001
            020000000102
        "#]],
    );
}

#[test]
fn shares_of_checks() {
    check(
        &[CheckingReply::Trusted { permille: 50 }],
        expect![[r#"
        020000000032
    "#]],
    );
}

#[test]
fn statuses_of_jobs() {
    let status = |state| JobStatus {
        job: JobId(2),
        name: "shot".into(),
        owner: KEY,
        package: DIGEST,
        priority: 0,
        state,
        frames_total: 3,
        frames_done: 1,
        tiles_total: 400,
        tiles_done: 100,
        samples_total: 1 << 20,
        samples_done: 1 << 18,
        rays: RAYS,
        workers: 2,
        elapsed_ms: 5000,
        unserved: false,
        tiles_overturned: 0,
        rays_checked: 9,
    };
    let states = [
        JobState::Queued,
        JobState::Running,
        JobState::Completed,
        JobState::Cancelled,
        JobState::Failed("why".into()),
        JobState::Paused,
        JobState::Waiting { after: JobId(1) },
    ];
    check(
        &states.map(status),
        expect![[r#"
            68000000020473686f74[cd×32][ab×32]00000301fb900164fc00001000fc0000040001fb2c01fc7011010002fb8813000009
            68000000020473686f74[cd×32][ab×32]00010301fb900164fc00001000fc0000040001fb2c01fc7011010002fb8813000009
            68000000020473686f74[cd×32][ab×32]00020301fb900164fc00001000fc0000040001fb2c01fc7011010002fb8813000009
            68000000020473686f74[cd×32][ab×32]00030301fb900164fc00001000fc0000040001fb2c01fc7011010002fb8813000009
            6c000000020473686f74[cd×32][ab×32]0004037768790301fb900164fc00001000fc0000040001fb2c01fc7011010002fb8813000009
            68000000020473686f74[cd×32][ab×32]00050301fb900164fc00001000fc0000040001fb2c01fc7011010002fb8813000009
            69000000020473686f74[cd×32][ab×32]0006010301fb900164fc00001000fc0000040001fb2c01fc7011010002fb8813000009
        "#]],
    );
    check(
        &[WatchReply::Status(status(JobState::Running)), WatchReply::Refused(JobRefusal::Unknown)],
        expect![[r#"
            6900000000020473686f74[cd×32][ab×32]00010301fb900164fc00001000fc0000040001fb2c01fc7011010002fb8813000009
            020000000100
        "#]],
    );
}

#[test]
fn statuses_of_workers() {
    let worker = |state| WorkerStatus {
        worker: WorkerId(7),
        name: "rig".into(),
        operator: KEY,
        devices: vec![device()],
        state,
        tiles_accepted: 10,
        tiles_rejected: 0,
        rays_per_second: 1_000_000,
        connected_ms: 5000,
        standing: OperatorStanding { checked: 300, rays_held: 7, ..OperatorStanding::default() },
        reports: vec![report()],
        tags: vec!["gpu".into()],
    };
    let states = [
        WorkerState::Idle,
        WorkerState::Busy,
        WorkerState::Leaving,
        WorkerState::Quarantined("wrong".into()),
        WorkerState::Left { ago_ms: 9 },
        WorkerState::Banned("wrong".into()),
        WorkerState::Refused("no".into()),
        WorkerState::Drained,
        WorkerState::Asleep { for_ms: 9 },
        WorkerState::Resting { for_ms: 9, reason: "lost".into() },
    ];
    check(
        &states.map(worker),
        expect![[r#"
            810000000703726967[cd×32]01035254580103353830000a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            810000000703726967[cd×32]01035254580103353830010a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            810000000703726967[cd×32]01035254580103353830020a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            870000000703726967[cd×32]01035254580103353830030577726f6e670a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            820000000703726967[cd×32]0103525458010335383004090a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            870000000703726967[cd×32]01035254580103353830050577726f6e670a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            840000000703726967[cd×32]0103525458010335383006026e6f0a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            810000000703726967[cd×32]01035254580103353830070a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            820000000703726967[cd×32]0103525458010335383008090a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
            870000000703726967[cd×32]010352545801033538300909046c6f73740a00fc40420f00fb88130000fb2c01000000000000070001035254580103353830[ab×32]0105606469766001fb2c010103677075
        "#]],
    );
}

#[test]
fn sizes_are_checked_before_anything_is_allocated() {
    let error = codec::payload_length::<Request>(u32::MAX.to_le_bytes()).unwrap_err();
    expect!["a Request of 4294967295 bytes; at most 16384 are read"].assert_eq(&error.to_string());
    // A list that claims 2^60 digests in a few bytes.
    let mut payload = vec![0xfd];
    payload.extend((1u64 << 60).to_le_bytes());
    let mut bomb = vec![0];
    bomb.extend(payload);
    let error = codec::decode_payload::<SubmitReply>(&bomb).unwrap_err();
    assert!(matches!(error, DecodeError::Malformed { .. }), "{error}");
    // Nested lists cost more memory than bytes: the limit counts memory.
    let mut nested = vec![9, 0xfc];
    nested.extend((15u32 << 20).to_le_bytes());
    nested.resize(15 << 20, 0);
    let error = codec::decode_payload::<Commit>(&nested).unwrap_err();
    assert!(matches!(error, DecodeError::Malformed { .. }), "{error}");
    let long = FromWorker::Failed { lease: LeaseId(1), reason: "x".repeat(2 << 20) };
    assert!(codec::encode_frame(&long).is_err());
}

#[test]
fn bytes_behind_a_message_are_refused() {
    let error = codec::decode_payload::<BlobReply>(&[1, 0]).unwrap_err();
    expect!["1 bytes follow a BlobReply"].assert_eq(&error.to_string());
}

proptest::proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = codec::decode_payload::<Hello>(&bytes);
        let _ = codec::decode_payload::<Welcome>(&bytes);
        let _ = codec::decode_payload::<ToWorker>(&bytes);
        let _ = codec::decode_payload::<FromWorker>(&bytes);
        let _ = codec::decode_payload::<Commit>(&bytes);
        let _ = codec::decode_payload::<Request>(&bytes);
        let _ = codec::decode_payload::<WatchReply>(&bytes);
        let _ = codec::decode_payload::<WorkerStatus>(&bytes);
        let _ = codec::decode_payload::<FetchReply>(&bytes);
    }
}
