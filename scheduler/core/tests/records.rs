//! The bytes of every record. A change here breaks journals: add a variant instead.

use expect_test::expect;
use tessera_scheduler_core::accounting::OperatorId;
use tessera_scheduler_core::admission::Examined;
use tessera_scheduler_core::api::{Evidence, JobSpec, Judge, Recipe, RefereeId, WorkerHello, WrongBlock};
use tessera_scheduler_core::record::{
    Claim, Delivery, DrawnBlock, JobEnd, Landing, LeaseEnd, Proof, Record, Term, TileCommit, WholeCheck,
};
use tessera_scheduler_core::tiles::TileKey;
use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::grid::{BlockAt, Grid};
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, TileIndex, WorkerId};
use tessera_shared::lease::{BlockPass, TilePass};
use tessera_shared::limits::JobLimits;
use tessera_shared::messages::{Device, DeviceKind, JobOptions};
use tessera_shared::package::manifest::Settings;

const JOB: JobId = JobId(7);
const LEASE: LeaseId = LeaseId(300);
const WORKER: WorkerId = WorkerId(4);
const TERM: Term = Term { granted_ms: 1, expected_ms: 2, expires_ms: 70_000 };
const RAYS: Rays = Rays { camera: 1, bounce: 2, shadow: 3 };

fn tiles() -> Vec<TileKey> {
    vec![TileKey { frame: 0, index: 5 }, TileKey { frame: 1, index: 400 }]
}

fn commit() -> TileCommit {
    TileCommit { root: Digest([0xaa; 32]), drawn: vec![drawn()], referee: false }
}

fn drawn() -> DrawnBlock {
    DrawnBlock { at: 9, digest: Digest([0xbb; 32]) }
}

fn pass() -> TilePass {
    TilePass { frame: FrameNumber(2), tile: TileIndex(3), sample_start: 0, sample_end: 16 }
}

fn wrong() -> Vec<WrongBlock> {
    let block =
        BlockPass { frame: FrameNumber(2), block: BlockAt { x: 1, y: 2 }, sample_start: 0, sample_end: 16 };
    let (said, other, referee) = (Digest([1; 32]), Some(Digest([3; 32])), Digest([2; 32]));
    vec![WrongBlock { block, said, other, referee }]
}

/// Three blocks that nobody but the wrong one has answered.
fn known_wrong() -> Vec<WrongBlock> {
    let block = WrongBlock { other: None, ..wrong().remove(0) };
    vec![block.clone(), block.clone(), block]
}

fn spec() -> JobSpec {
    JobSpec {
        owner: NodeKey([5; 32]),
        package: Digest([6; 32]),
        name: "fox".into(),
        settings: Settings {
            grid: Grid { width_px: 640, height_px: 480, tile_px: 64 },
            samples: 64,
            pass_samples: 16,
            seed: 1,
            max_bounces: 8,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 10.0,
        },
        frames: vec![FrameNumber(1), FrameNumber(2)],
        options: JobOptions::default(),
    }
}

fn examined() -> Examined {
    let device = Device { name: "d".into(), kind: DeviceKind::Gpu, driver: "1".into() };
    let failures = vec!["`div`".to_owned()];
    let report = DeviceReport {
        device,
        suite: Digest([7; 32]),
        failures,
        serves: Serves::Fast,
        score_rays_per_second: 300,
    };
    Examined { operator: NodeKey([9; 32]), name: "w".into(), at_ms: 5, reports: vec![report], refused: false }
}

fn limited() -> JobSpec {
    let limits =
        JobLimits { tags: vec!["gpu".into()], operators: vec![NodeKey([9; 32])], pool: Some("night".into()) };
    JobSpec { options: JobOptions { limits, ..JobOptions::default() }, ..spec() }
}

fn records() -> Vec<(&'static str, Record)> {
    let (job, lease, worker, id) = (JOB, LEASE, WORKER, RefereeId(8));
    let device = Device { name: "d".into(), kind: DeviceKind::Cpu, driver: "".into() };
    let hello = WorkerHello {
        operator: NodeKey([9; 32]),
        name: "w".into(),
        kernel_version: 1,
        devices: vec![device],
        tags: vec!["gpu".into()],
    };
    let delivery = Delivery { lease, at: 1, worker, operator: OperatorId(2), commit: commit(), rays: RAYS };
    let landings = vec![
        Landing::Held { rays: RAYS },
        Landing::Spare,
        Landing::Confirms { rays: RAYS },
        Landing::Contests { rays: RAYS },
    ];
    let tile = tiles()[1];
    let check = Claim::Check { lease, operator: OperatorId(3), blocks: vec![drawn()] };
    let operator = OperatorId(2);
    vec![
        ("Submitted", Record::Submitted { job, at_ms: 5, spec: spec() }),
        ("Submitted, limited", Record::Submitted { job, at_ms: 5, spec: limited() }),
        ("PackageComplete", Record::PackageComplete { job }),
        ("JobEnded cancelled", Record::JobEnded { job, at_ms: 5, end: JobEnd::Cancelled }),
        ("JobEnded failed", Record::JobEnded { job, at_ms: 5, end: JobEnd::Failed("x".into()) }),
        ("JobCompleted", Record::JobCompleted { job, at_ms: 5 }),
        ("JobForgotten", Record::JobForgotten { job }),
        ("Joined", Record::Joined { worker, at_ms: 5, hello }),
        ("Left", Record::Left { worker, at_ms: 5 }),
        ("Leaving", Record::Leaving { worker }),
        ("Restarted", Record::Restarted),
        ("Granted", Record::Granted { lease, worker, job, term: TERM, tiles: tiles() }),
        ("CheckGranted", Record::CheckGranted { lease, worker, job, term: TERM, tiles: tiles() }),
        ("Committed", Record::Committed { lease, tiles: vec![commit()] }),
        ("Delivered", Record::Delivered { lease, at_ms: 5, tiles: landings }),
        ("Checked", Record::Checked { lease, rays: RAYS }),
        ("LeaseEnded expired", Record::LeaseEnded { lease, at_ms: 5, end: LeaseEnd::Expired }),
        ("LeaseEnded lost", Record::LeaseEnded { lease, at_ms: 5, end: LeaseEnd::Lost }),
        ("LeaseEnded failed", Record::LeaseEnded { lease, at_ms: 5, end: LeaseEnd::Failed { worker } }),
        ("LeaseEnded revoked", Record::LeaseEnded { lease, at_ms: 5, end: LeaseEnd::Revoked }),
        ("LeaseForgotten", Record::LeaseForgotten { lease }),
        ("RefereeAsked", Record::RefereeAsked { id, job, tiles: tiles() }),
        ("Disputed by a check", Record::Disputed { id, job, tile, claim: check }),
        ("Disputed by a delivery", Record::Disputed { id, job, tile, claim: Claim::Delivery(delivery) }),
        ("RefereeDone", Record::RefereeDone { id, rays: RAYS }),
        ("Accepted unverified", Record::Accepted { job, tiles: tiles(), by: Proof::Unverified }),
        ("Accepted by an operator", Record::Accepted { job, tiles: tiles(), by: Proof::Operator(operator) }),
        ("Accepted by the referee", Record::Accepted { job, tiles: tiles(), by: Proof::Referee }),
        ("Requeued", Record::Requeued { job, tiles: tiles() }),
        ("CheckReturned", Record::CheckReturned { job, at_ms: 5, tiles: tiles() }),
        ("Overturned", Record::Overturned { job, tiles: tiles() }),
        ("Examined", Record::Examined { worker, examined: examined() }),
        ("KnownMixed", Record::KnownMixed { lease, tiles: tiles() }),
        ("CheckVoid", Record::CheckVoid { lease, at_ms: 5 }),
        ("Inconclusive", Record::Inconclusive { id, job, tiles: tiles(), late: true }),
        ("Archived", Record::Archived { job, at_ms: 5 }),
        ("Remembered", Record::Remembered { operators: Vec::new() }),
    ]
    .into_iter()
    .chain(restarts())
    .chain(standing())
    .chain(orders())
    .chain(
        quarantines().map(|evidence| {
            ("Quarantined", Record::Quarantined { operator, evidence, at_ms: 5, fraud: false })
        }),
    )
    .collect()
}

fn failed_with() -> LeaseEnd {
    LeaseEnd::FailedWith { worker: WORKER, failure: Failure::new(FailureClass::Shortage, "full") }
}

fn too_fast() -> Record {
    let whole = vec![WholeCheck { at: 1, drawn: vec![drawn()] }];
    Record::TooFast { lease: LEASE, at_ms: 5, rate: 70_000, limit: 300, whole }
}

/// Records of what people order, and of a job that waits for others.
fn orders() -> Vec<(&'static str, Record)> {
    let (job, operator, name) = (JOB, OperatorId(2), "w".to_owned());
    let after = JobOptions { after: vec![JobId(3), JobId(5)], ..JobOptions::default() };
    vec![
        (
            "Submitted, waiting",
            Record::Submitted { job, at_ms: 5, spec: JobSpec { options: after, ..spec() } },
        ),
        ("Paused", Record::Paused { job, at_ms: 5, paused: true }),
        ("Prioritised", Record::Prioritised { job, priority: -3 }),
        ("FramesRequeued", Record::FramesRequeued { job, at_ms: 5, frames: vec![0, 300] }),
        ("Banned", Record::Banned { operator, reason: "x".into() }),
        ("TooFast", too_fast()),
        ("Drained", Record::Drained { operator, name: name.clone(), drained: true }),
        ("Rested", Record::Rested { operator, name, until_ms: 300 }),
        ("LeaseEnded failed with", Record::LeaseEnded { lease: LEASE, at_ms: 5, end: failed_with() }),
    ]
}

/// Records of what a restart finds.
fn restarts() -> Vec<(&'static str, Record)> {
    vec![
        ("Kernel", Record::Kernel { version: 3 }),
        ("PixelsLost", Record::PixelsLost { job: JOB, tiles: tiles() }),
    ]
}

/// Records of what becomes of operators.
fn standing() -> Vec<(&'static str, Record)> {
    let operator = OperatorId(2);
    let recipe = Recipe { package: Digest([6; 32]), kernel_version: 3 };
    let judge = Judge::Trusted(NodeKey([4; 32]));
    let wrong_check = Evidence::WrongCheck { job: JOB, lease: LEASE, recipe, blocks: wrong(), judge };
    let unlike = Evidence::PixelsUnlikeCommit { job: JOB, lease: LEASE, pass: pass() };
    vec![
        (
            "Accepted by a trusted operator",
            Record::Accepted { job: JOB, tiles: tiles(), by: Proof::Trusted(operator) },
        ),
        (
            "RefereeLent",
            Record::RefereeLent { id: RefereeId(8), lease: LEASE, worker: WORKER, term: TERM, blocks: 3 },
        ),
        ("Readmitted", Record::Readmitted { operator }),
        ("Overruled", Record::Overruled { operator, evidence: wrong_check }),
        ("Quarantined for fraud", Record::Quarantined { operator, evidence: unlike, at_ms: 5, fraud: true }),
    ]
}

fn quarantines() -> impl Iterator<Item = Evidence> {
    let (job, lease, pass) = (JOB, LEASE, pass());
    let (said, other, referee) = (Digest([1; 32]), Digest([3; 32]), Digest([2; 32]));
    let recipe = Recipe { package: Digest([6; 32]), kernel_version: 3 };
    let judge = Judge::Scheduler;
    [
        Evidence::PixelsUnlikeCommit { job, lease, pass: pass.clone() },
        Evidence::WrongPixels { job, lease, recipe, blocks: wrong(), judge },
        Evidence::WrongCheck { job, lease, recipe, blocks: wrong(), judge },
        Evidence::WrongTile { job, lease, recipe, pass, said, other, referee, judge },
        Evidence::WrongKnown { job, lease, recipe, blocks: known_wrong(), judge },
    ]
    .into_iter()
}

/// A verdict says all that a person needs to render the block again and compare.
#[test]
fn what_people_read_of_a_verdict() {
    let mut said: String = quarantines().map(|evidence| format!("{evidence}\n")).collect();
    for byte in [1, 2, 3, 6] {
        said = said.replace(&format!("{byte:02x}").repeat(32), &format!("({byte:02x}*32)"));
    }
    expect![[r#"
        j7, l300: the pixels of tile 3 of frame 2 are not those it committed to
        j7, l300: it rendered blocks of package blake3:(06*32) under kernel 3 wrongly; block (1, 2) of frame 2, samples 0..16: it rendered blake3:(01*32), a checker blake3:(03*32), the referee blake3:(02*32)
        j7, l300: it checked blocks of package blake3:(06*32) under kernel 3 wrongly; block (1, 2) of frame 2, samples 0..16: it said blake3:(01*32), who rendered it blake3:(03*32), the referee blake3:(02*32)
        j7, l300: it rendered tile 3 of frame 2, samples 0..16, of package blake3:(06*32) under kernel 3 wrongly; roots over the tile's blocks: its own blake3:(01*32), another delivery's blake3:(03*32), that of the referee blake3:(02*32)
        j7, l300: it was wrong about known blocks of package blake3:(06*32) under kernel 3; block (1, 2) of frame 2, samples 0..16: it said blake3:(01*32), the referee blake3:(02*32); block (1, 2) of frame 2, samples 0..16: it said blake3:(01*32), the referee blake3:(02*32); and 1 more
    "#]]
    .assert_eq(&said);
}

/// Hex, with runs of one byte shortened: `aa*32`.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in bytes.chunk_by(|a, b| a == b) {
        match run.len() {
            length @ 8.. => text.push_str(&format!("({:02x}*{length})", run[0])),
            _ => run.iter().for_each(|byte| text.push_str(&format!("{byte:02x}"))),
        }
    }
    text
}

#[test]
fn the_bytes_of_every_record() {
    let mut lines = String::new();
    for (name, record) in records() {
        let bytes = bincode::encode_to_vec(&record, bincode::config::standard()).unwrap();
        let read = bincode::decode_from_slice(&bytes, bincode::config::standard()).unwrap();
        assert_eq!(read, (record, bytes.len()), "{name}");
        lines.push_str(&format!("{name}: {}\n", hex(&bytes)));
    }
    expect![[r#"
        Submitted: 0007(05*33)(06*32)03666f78fb8002fbe00140401001080314000020410201020001010000000000
        Submitted, limited: 0007(05*33)(06*32)03666f78fb8002fbe001404010010803140000204102010200010100010367707501(09*32)01056e6967687400
        PackageComplete: 0107
        JobEnded cancelled: 02070500
        JobEnded failed: 020705010178
        JobCompleted: 030705
        JobForgotten: 0407
        Joined: 050405(09*32)01770101016400000103677075
        Left: 060405
        Leaving: 0704
        Restarted: 08
        Granted: 09fb2c0104070102fc7011010002000501fb9001
        CheckGranted: 0afb2c0104070102fc7011010002000501fb9001
        Committed: 0bfb2c0101(aa*32)0109(bb*32)00
        Delivered: 0cfb2c01050400010203010201020303010203
        Checked: 0dfb2c01010203
        LeaseEnded expired: 0efb2c010500
        LeaseEnded lost: 0efb2c010501
        LeaseEnded failed: 0efb2c01050204
        LeaseEnded revoked: 0efb2c010503
        LeaseForgotten: 0ffb2c01
        RefereeAsked: 10080702000501fb9001
        Disputed by a check: 11080701fb900100fb2c01030109(bb*32)
        Disputed by a delivery: 11080701fb900101fb2c01010402(aa*32)0109(bb*32)00010203
        RefereeDone: 1208010203
        Accepted unverified: 130702000501fb900100
        Accepted by an operator: 130702000501fb90010102
        Accepted by the referee: 130702000501fb900102
        Requeued: 140702000501fb9001
        CheckReturned: 15070502000501fb9001
        Overturned: 170702000501fb9001
        Examined: 1a04(09*32)017705010164010131(07*32)0105606469766001fb2c0100
        KnownMixed: 1bfb2c0102000501fb9001
        CheckVoid: 1cfb2c0105
        Inconclusive: 1d080702000501fb900101
        Archived: 1e0705
        Remembered: 1f00
        Kernel: 2003
        PixelsLost: 210702000501fb9001
        Accepted by a trusted operator: 130702000501fb90010302
        RefereeLent: 2708fb2c01040102fc7011010003
        Readmitted: 1802
        Overruled: 19020207fb2c01(06*32)03010201020010(01*33)(03*32)(02*32)01(04*32)
        Quarantined for fraud: 16020007fb2c01020300100501
        Submitted, waiting: 0007(05*33)(06*32)03666f78fb8002fbe001404010010803140000204102010200010100000000020305
        Paused: 22070501
        Prioritised: 230705
        FramesRequeued: 2407050200fb2c01
        Banned: 28020178
        TooFast: 29fb2c0105fc70110100fb2c0101010109(bb*32)
        Drained: 2502017701
        Rested: 26020177fb2c01
        LeaseEnded failed with: 0efb2c01050404020466756c6c
        Quarantined: 16020007fb2c01020300100500
        Quarantined: 16020107fb2c01(06*32)03010201020010(01*33)(03*32)(02*32)000500
        Quarantined: 16020207fb2c01(06*32)03010201020010(01*33)(03*32)(02*32)000500
        Quarantined: 16020307fb2c01(06*32)0302030010(01*32)(03*32)(02*32)000500
        Quarantined: 16020407fb2c01(06*32)03030201020010(01*32)00(02*33)01020010(01*32)00(02*33)01020010(01*32)00(02*32)000500
    "#]]
    .assert_eq(&lines);
}
