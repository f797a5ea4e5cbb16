//! The kernels' words as a device gets them: passed by the gate, with and without float controls.

use std::path::Path;

use tessera_shader_compiler::spirv::words::{instructions, string};
use tessera_shader_compiler::spirv::{emit, gate};
use tessera_shader_compiler::{compose, front};
use tessera_shaders::float_controls::{FloatControls, request};
use tessera_shaders::spirv;

/// Words that an entry point may have (`docs/decisions/kernel-size.md`).
const WORDS_MAX: usize = 40_000;

/// Opcodes with their first operand, as far as the entry point's modes.
fn preamble(words: &[u32]) -> Vec<(u16, String)> {
    let kept = instructions(words)
        .unwrap()
        .into_iter()
        .filter(|found| (10..=17).contains(&found.opcode) && found.opcode != 12);
    kept.map(|found| {
        let text = match found.opcode {
            10 => string(found.operands).0,
            16 => format!("{:?}", &found.operands[1..]),
            _ => found.operands[0].to_string(),
        };
        (found.opcode, text)
    })
    .collect()
}

#[test]
fn every_kernel_passes_the_gate_with_any_float_controls() {
    for words in [spirv::RENDER, spirv::RENDER_PAGED, spirv::OPERATIONS, spirv::TORTURE, spirv::TRACE_RAYS] {
        let plain = gate::check(words).unwrap();
        for bits in 0..4 {
            let controls = FloatControls {
                rounding_mode_rte: bits & 1 != 0,
                signed_zero_inf_nan_preserve: bits & 2 != 0,
            };
            let asked = gate::check(&request(words, controls)).unwrap();
            assert_eq!(asked.float_results, plain.float_results);
        }
    }
}

#[test]
fn float_controls_stand_where_spirv_wants_them() {
    let controls = FloatControls { rounding_mode_rte: true, signed_zero_inf_nan_preserve: true };
    let text: Vec<String> = preamble(&request(spirv::TORTURE, controls))
        .into_iter()
        .map(|(opcode, text)| format!("{opcode} {text}"))
        .collect();
    let expected = [
        "17 1",
        "17 4467",
        "17 4466",
        "10 SPV_KHR_float_controls",
        "11 1",
        "14 0",
        "15 5",
        "16 [4462, 32]",
        "16 [4461, 32]",
        "16 [17, 64, 1, 1]",
    ];
    assert_eq!(text, expected);
    assert_eq!(request(spirv::TORTURE, FloatControls::default()), spirv::TORTURE);
}

/// Calls of a function in a module, by name.
fn call_sites(module: &[u32], callee: &str) -> usize {
    let found = instructions(module).unwrap();
    let named = |id: u32| {
        let mut names = found.iter().filter(|word| word.opcode == 5 && word.operands[0] == id);
        names.next().is_some_and(|name| string(&name.operands[1..]).0 == callee)
    };
    found.iter().filter(|word| word.opcode == 57 && named(word.operands[2])).count()
}

#[test]
fn kernels_stay_small_and_trace_in_one_place() {
    for (entry, words) in [("render", spirv::RENDER), ("render_paged", spirv::RENDER_PAGED)] {
        assert!(
            words.len() <= WORDS_MAX,
            "{entry}: {} words, see docs/decisions/kernel-size.md",
            words.len()
        );
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("wgsl");
        let source = compose(&root, entry, "").unwrap();
        let named = emit::emit(&source, &front::parse(&source).unwrap()).unwrap();
        assert_eq!(call_sites(&named, "trace"), 1, "{entry}");
        assert_eq!(call_sites(&named, "sample_slot"), 1, "{entry}");
    }
}
