//! What is done to a module between naga and the gate, and what is refused before.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use spirv::Op;
use tessera_shader_compiler::spirv::words::instructions;
use tessera_shader_compiler::{compile, compose, front};

fn compiled(text: &str) -> Result<Vec<u32>, String> {
    let source = compose::compose_memory("main", &BTreeMap::from([("main", text)])).unwrap();
    let validated = front::parse(&source).unwrap();
    compile(&source, &validated).map_err(|error| error.to_string())
}

fn refused(text: &str, expect: Expect) {
    expect.assert_eq(&compiled(text).unwrap_err());
}

/// How many instructions `op` the kernel has whose body stores `expression`.
fn count(op: Op, expression: &str) -> usize {
    let words = compiled(&format!(
        "@group(0) @binding(0) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
            let n = id.x;
            let i = bitcast<i32>(id.y);
            out[n] = {expression};
        }}"
    ))
    .unwrap();
    instructions(&words).unwrap().iter().filter(|found| found.opcode == op as u16).count()
}

#[test]
fn a_shift_by_what_is_not_known_is_masked_and_others_are_not() {
    assert_eq!(count(Op::BitwiseAnd, "n << 3u"), 0);
    assert_eq!(count(Op::BitwiseAnd, "n << n"), 1);
    assert_eq!(count(Op::BitwiseAnd, "bitcast<u32>(i >> n)"), 1);
    assert_eq!(count(Op::BitwiseAnd, "n << (n & 31u)"), 1);
    assert_eq!(count(Op::BitwiseAnd, "n << (n & 63u)"), 2);
    assert_eq!(count(Op::BitwiseAnd, "(vec3<u32>(n) >> id).y + (id << id.zyx).x"), 2);
    assert_eq!(count(Op::BitwiseAnd, "(vec3<u32>(n) >> vec3<u32>(1u, 2u, 31u)).y"), 0);
}

#[test]
fn loops_are_left_as_they_are_written() {
    let looping = "(*(&out))[0]; var k = 0u; while k < n { k += out[k]; } out[1] = k";
    assert_eq!((count(Op::LoopMerge, looping), count(Op::IAdd, looping), count(Op::Phi, looping)), (1, 1, 0));
}

#[test]
fn bindings_and_entry_points_that_wgpu_would_change_are_refused() {
    const MAIN: &str = "@compute @workgroup_size(1) fn main() {}";
    refused(
        &format!("@group(0) @binding(1) var<storage> a: u32;\n{MAIN}"),
        expect![
            "spirv: bindings of group 0 must be 0, 1, 2 … without gaps: nothing is at 0, `a` is at 1; wgpu would renumber it"
        ],
    );
    refused(
        &format!(
            "@group(0) @binding(0) var<storage> a: u32;\n@group(1) @binding(0) var<storage> b: u32;\n{MAIN}"
        ),
        expect!["spirv: main.wgsl:2:23: `b` is in bind group 1: use group 0"],
    );
    refused(
        &format!(
            "@group(0) @binding(0) var<storage> a: u32;\n@group(0) @binding(0) var<storage> b: u32;\n{MAIN}"
        ),
        expect!["spirv: main.wgsl:2:23: `b` and `a` share binding 0"],
    );
    refused(
        "fn main() {}",
        expect!["spirv: main.wgsl and what it imports hold 0 entry points: keep one a file"],
    );
    refused(
        &format!("{MAIN}\n@compute @workgroup_size(1) fn two() {{}}"),
        expect!["spirv: main.wgsl and what it imports hold 2 entry points: keep one a file"],
    );
    refused(
        "@fragment fn main() {}",
        expect!["spirv: main.wgsl: `main` is a Fragment shader: write `@compute`"],
    );
}
