//! The bytes and the text of a receipt, so that a change of the format is a decision; and that whoever edits one is found out.

use expect_test::{expect, expect_file};
use proptest::prelude::*;
use serde_json::Value;
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{JobId, NodeKey};
use tessera_shared::package::Settings;
use tessera_shared::receipt::{
    Checked, Checker, Fault, FrameFacts, JobFacts, Origin, ParseReceiptError, Receipt, Rendered,
};

const KEY: NodeKey = NodeKey([0xcd; 32]);

/// Stands for ed25519: keyed digests, which nobody without the "key" makes.
fn sign(key: &NodeKey, message: &[u8]) -> [u8; 64] {
    let half = Digest::keyed(&key.0, message).0;
    [half, half].concat().try_into().unwrap()
}

fn verify(key: &NodeKey, message: &[u8], signature: &[u8; 64]) -> bool {
    sign(key, message) == *signature
}

fn job() -> JobFacts {
    let settings = Settings {
        grid: Grid::new(100, 75, 64).unwrap(),
        samples: 20,
        pass_samples: 16,
        seed: 7,
        max_bounces: 8,
        roulette_start: 3,
        film_scale_log2: 36,
        sample_clamp: 1000.5,
    };
    let package = Digest([0xab; 32]);
    let job = JobFacts::new(Origin::Farm(JobId(7)), "mosaïc", package, &settings, "blocks=1");
    JobFacts { kernel_version: 2, ..job }
}

fn frame(frame: u32) -> FrameFacts {
    let rays = Rays { camera: 150_000, bounce: 300, shadow: 70_000 };
    let half = Rays { camera: 75_000, bounce: 150, shadow: 35_000 };
    let operator = |byte| NodeKey([byte; 32]);
    FrameFacts {
        frame,
        signed_unix_s: 1_790_000_000,
        overturned: 4,
        film: Digest([1; 32]),
        film_tree: Digest([2; 32]),
        exr_tree: Digest([3; 32]),
        exr_half_tree: Digest([4; 32]),
        rays,
        rendered: vec![
            Rendered { operator: operator(0x11), tile_passes: 5, rays: half },
            Rendered { operator: operator(0x22), tile_passes: 3, rays: half },
        ],
        checked: vec![
            Checked { by: Checker::Nobody, tile_passes: 1 },
            Checked { by: Checker::Referee, tile_passes: 2 },
            Checked { by: Checker::Operator(operator(0x22)), tile_passes: 5 },
        ],
    }
}

fn receipt() -> Receipt {
    let signed = |number| Receipt::sign(KEY, job(), frame(number), |message| sign(&KEY, message));
    let mut receipt = signed(3);
    assert!(receipt.merge(signed(1)) && receipt.merge(signed(3)));
    receipt
}

#[test]
fn what_is_signed() {
    let signed = std::cell::RefCell::new(Vec::new());
    let receipt = Receipt::sign(KEY, job(), frame(3), |message| {
        *signed.borrow_mut() = message.to_vec();
        [0; 64]
    });
    let lines = receipt.job_seals.iter().chain(&receipt.frames[0].seals).map(Digest::hex);
    let statement = signed.borrow();
    let (name, roots) = statement.split_at(18);
    assert_eq!(name, b"tessera receipt 1\0");
    let roots = roots.as_chunks().0.iter().map(|root| Digest(*root).hex());
    let lines = lines.chain(roots).collect::<Vec<_>>().join("\n");
    expect![[r#"
        6f73078b184d5653538431c317691cbe22277fa371444d063093e92a4eb0af7e
        875789e4ce5ad23084fff8b76f2f5e8742b6c5f8dab54cf79bd52d5811c74da5
        059b48c146f0216d9503382a614a59eb85ee81c3baa023dbb36727accad470df
        2813f333a29fd6cf29a1a91cf41eb849a12e59a983369705f4e76e379ca03f2f
        600868bb8ca85c8603667a8380064b0582429aa7cf11704c55ef0f2884059fad
        99c794e0b421a0fb07537d98807c50fb8086630bfc3b2c33518d6641955518f7
        87d3b12acb3d80e483b1bbb011cf960747ed0376af4ac1f3ccc717dd23d83e15
        097db627071b778c1e7d04d9af6e9254b8788f6d848654df126bf458a607ae1b
        bc2936aa5bd0cf131ad84363b16f754f95009ec4aab8c5a7eda28bc327f65cb3
        8cacb2ea3f1e6117e99a6cc962f1b6c0cc5bf7191fe6832c1a4f46a33f5b113a
        2f5281df42e30ea70950354b7a07f797fb987bae49a08c53c59fcdf6d12bdcb3
        c67ed72a657757f833ebf5aff52164776d66ad5d7b568ffd6d738efe7de2df68
        6418f1d4ab64e7af553d7717fd69cfeda042df1d42211d8c6b9d489ada407920
        a2ff1313a44c6e6d77ea0f7e194866abe89c220f5811c9220d17297800255537
        b1db61ddafc62d0f48483f0d0a51e393b3e51e8ef2a05003e95e9e2604445f21
        c07db1e562f9cd98a6b253572c6214d0bc171a7d55bc201e402e5b24dff468b0
        98073933a6c893b1275d1455c7166a632a046d065425487c980b17491792a865
        6a59fdeca0a2a7b48226a7991e5701871a2f19e4cbf7c696cffbc4f75b260b91
        7ff189163e92cd219e5b5550e00a7df23c0529d7cd5fe5a863a8715e6ea79301
        85ce8c12df0df3683dbace7028a1a60bb6633d5b7998ba3738edaf5e12b28403
        826a1b7f3644870674e34b49a93b735d6b92e3ee6ceddfecdd77ee9d729c00ae
        8102e579c1735c791a3b56112ff5df1770ea92b87a373e932706f643b94f1ae0
        f40f50ec38a0a6bda6747d4678979a7496ee35234d7eeed72c0b7c73e6d322c8
        4435e08e1c630280550d1e8211e0e2a5ba463e7455d0c62b5fb767db77e46969
        9081ce0e30478d8a6a4520bc22b5a706d23d2d2351fa079d8b1759326d937092
        82cd6b89d162273f17ee0bea3b769795fb243c02e9c71bf838196f046ab92a8c
        c0de0be7eae478b7d7c8bfce014f7372955d08086fd1dc79e9f6fe588bee1f4e
        439ac697dbee30878c473bb6bb2e322b1baa2f2bd08758d6a00bc1d1e7b03058
        700a125b28099194bf72ec1abb610b999dcb51507603b7f102b2f40de5c18aef"#]]
    .assert_eq(&lines);
}

#[test]
fn the_text() {
    let mut receipt = receipt();
    receipt.frames.truncate(1);
    expect_file!["receipt.json"].assert_eq(&receipt.to_text());
}

#[test]
fn a_receipt_is_read_as_it_was_written_and_has_no_fault() {
    let receipt = receipt();
    let read = Receipt::from_text(receipt.to_text().as_bytes()).unwrap();
    assert_eq!(read, receipt);
    assert_eq!(read.frames.iter().map(|frame| frame.facts.frame).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(read.faults(verify), []);
}

#[test]
fn receipts_of_other_jobs_and_keys_do_not_merge() {
    let mut receipt = receipt();
    let before = receipt.clone();
    let other = JobFacts { seed: 8, ..job() };
    assert!(!receipt.merge(Receipt::sign(KEY, other, frame(2), |message| sign(&KEY, message))));
    let other = NodeKey([1; 32]);
    assert!(!receipt.merge(Receipt::sign(other, job(), frame(2), |message| sign(&other, message))));
    assert_eq!(receipt, before);
}

#[test]
fn facts_that_do_not_add_up_are_named_even_where_they_are_signed() {
    let signed = |facts| Receipt::sign(KEY, job(), facts, |message| sign(&KEY, message)).faults(verify);
    let rays = Rays { bounce: 301, ..frame(1).rays };
    assert_eq!(signed(FrameFacts { rays, ..frame(1) }), [Fault::Contradiction { frame: 1, field: "rays" }]);
    let checked = vec![Checked { by: Checker::Nobody, tile_passes: u64::MAX }];
    let fault = Fault::Contradiction { frame: 1, field: "checked" };
    assert_eq!(signed(FrameFacts { checked, ..frame(1) }), [fault]);
    let rendered = frame(1).rendered[..1].to_vec();
    let faults = signed(FrameFacts { rendered, ..frame(1) });
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn who_changes_a_field_and_its_seal_cannot_sign_it() {
    let mut receipt = receipt();
    let stranger = NodeKey([9; 32]);
    let facts = FrameFacts { overturned: 0, ..frame(1) };
    let forged = Receipt::sign(stranger, job(), facts, |message| sign(&stranger, message));
    receipt.frames[0] = forged.frames[0].clone();
    assert_eq!(receipt.faults(verify), [Fault::Signature { frame: 1 }]);
    let swapped = { receipt.frames[1].signature };
    receipt.frames[0].signature = swapped;
    assert_eq!(receipt.faults(verify), [Fault::Signature { frame: 1 }]);
}

/// What a reader says of a text that was changed.
fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(&receipt().to_text()).unwrap();
    change(&mut value);
    Receipt::from_text(value.to_string().as_bytes()).unwrap_err().to_string()
}

#[test]
fn texts_that_are_no_receipts_are_refused_with_the_reason() {
    let said = [
        refusal(|text| text["tessera_receipt"] = 2.into()),
        refusal(|text| text["frames"] = Value::Array(vec![])),
        refusal(|text| text["frames"].as_array_mut().unwrap().reverse()),
        refusal(|text| drop(text["frames"][0]["seals"].as_array_mut().unwrap().pop())),
        refusal(|text| drop(text["job_seals"].as_array_mut().unwrap().pop())),
        refusal(|text| text["job"]["width_px"] = 0.into()),
        refusal(|text| text["job"]["samples"] = 0.into()),
        refusal(|text| text["job"]["film_scale_log2"] = 64.into()),
        refusal(|text| text["job"]["filter"] = "gauss".into()),
        refusal(|text| text["job"]["mode"] = "slow".into()),
        refusal(|text| text["job"]["more"] = 1.into()),
        refusal(|text| text["frames"][1]["facts"]["checked"][0]["by"] = "anybody".into()),
        refusal(|text| text["signed_by"] = "cd".into()),
        Receipt::from_text(b"no receipt").unwrap_err().to_string(),
    ];
    expect![[r#"
        a receipt of version 2; this program reads version 1: use a tessera that wrote it, or a later one
        0 frames; a receipt has 1 to 100000
        frame 1 follows frame 3; the frames of a receipt ascend
        9 seals for the 10 fields of frame 1
        16 seals for the 17 fields of the job
        a frame of 0×75 pixels; width and height must be 1 to 32768
        the field `samples` is 0; it must be 1 to 1048576
        the field `film_scale_log2` is 64; it must be 0 to 40
        the field `filter` is gauss; it must be `box`
        the field `mode` is slow; it must be `exact` or `fast`
        it is no receipt: unknown field `more`, expected one of `origin`, `name`, `package`, `kernel_version`, `width_px`, `height_px`, `tile_px`, `samples`, `pass_samples`, `seed`, `max_bounces`, `roulette_start`, `film_scale_log2`, `sample_clamp`, `filter`, `mode`, `verify` at line 1 column 3660
        it is no receipt: a checker is `nobody`, `referee` or `operator` and 64 hex digits at line 1 column 1814
        it is no receipt: 64 hex digits are wanted at line 1 column 5073
        it is no receipt: expected ident at line 1 column 2"#]].assert_eq(&said.join("\n"));
    let deep = "[".repeat(1 << 16);
    assert!(matches!(Receipt::from_text(deep.as_bytes()), Err(ParseReceiptError::Json(_))));
}

/// Every scalar below a value, as JSON pointers.
fn scalars(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| scalars(value, &format!("{at}/{name}"), found))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| scalars(value, &format!("{at}/{i}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

fn changed(value: &Value, by: u64) -> Value {
    match value {
        Value::Number(number) if number.is_u64() => (number.as_u64().unwrap() ^ (1 << (by % 20))).into(),
        Value::Number(number) => (number.as_f64().unwrap() + by as f64 + 1.0).into(),
        Value::String(text) => {
            let mut symbols: Vec<char> = text.chars().collect();
            let at = by as usize % symbols.len();
            symbols[at] = if symbols[at] == '7' { '8' } else { '7' };
            symbols.into_iter().collect::<String>().into()
        }
        other => panic!("{other} in a receipt"),
    }
}

proptest! {
    #[test]
    fn any_edited_fact_is_refused_or_named(pick in any::<usize>(), by in any::<u64>()) {
        let mut text: Value = serde_json::from_str(&receipt().to_text()).unwrap();
        let mut all = Vec::new();
        scalars(&text, "", &mut all);
        let facts: Vec<_> = all.iter().filter(|at| at.starts_with("/job/") || at.contains("/facts/")).collect();
        let at = facts[pick % facts.len()];
        let value = text.pointer_mut(at).unwrap();
        *value = changed(value, by);
        if let Ok(read) = Receipt::from_text(text.to_string().as_bytes()) {
            let steps: Vec<&str> = at.split('/').collect();
            let named = read.faults(verify).iter().any(|fault| match fault {
                Fault::JobField { field } => steps[1] == "job" && steps[2] == *field,
                Fault::Field { frame, field } => {
                    let place = read.frames.iter().position(|of| of.facts.frame == *frame).unwrap();
                    steps[1] == "frames" && steps[2] == place.to_string() && steps[4] == *field
                }
                _ => false,
            });
            prop_assert!(named, "{at}: {:?}", read.faults(verify));
        }
    }

    #[test]
    fn any_edited_scalar_is_refused_or_a_fault(pick in any::<usize>(), by in any::<u64>()) {
        let mut text: Value = serde_json::from_str(&receipt().to_text()).unwrap();
        let mut all = Vec::new();
        scalars(&text, "", &mut all);
        let at = &all[pick % all.len()];
        let value = text.pointer_mut(at).unwrap();
        *value = changed(value, by);
        if let Ok(read) = Receipt::from_text(text.to_string().as_bytes()) {
            prop_assert_ne!(read.faults(verify), [], "{}", at);
        }
    }

    #[test]
    fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Receipt::from_text(&bytes).is_err());
    }
}
