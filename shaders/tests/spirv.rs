//! The kernels' words as a device gets them: passed by the gate, with and without float controls.

use tessera_shader_compiler::spirv::gate;
use tessera_shader_compiler::spirv::words::{instructions, string};
use tessera_shaders::float_controls::{FloatControls, request};
use tessera_shaders::spirv;

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
