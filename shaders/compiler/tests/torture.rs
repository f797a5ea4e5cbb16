//! The torture kernel, generated as Rust, against the same functions written by hand. `snapshots.rs` keeps
//! `torture/generated.rs` equal to what the generator writes.

#[path = "torture/by_hand.rs"]
mod by_hand;
#[allow(warnings, clippy::all)]
#[path = "torture/generated.rs"]
#[rustfmt::skip]
mod generated;
#[allow(dead_code)]
#[path = "../src/prelude.rs"]
mod wgsl;

use generated::{Bindings, Hooks, Inner, Kernel, NoHooks, Padded, TortureParams};
use std::cell::Cell;
use wgsl::{Vec2i, Vec2u, Vec3f, Vec4f};

/// Stands for `div` of the kernel, which multiplies: a native that a test can tell from the original.
fn native_div(a: f32, b: f32) -> f32 {
    a - b
}

/// Data that reaches every branch: edges of the integer ranges, then a linear congruence.
fn inputs() -> Vec<u32> {
    let mut inputs = vec![0, 1, 2, 31, 32, 33, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, u32::MAX, u32::MAX - 1];
    let mut state = 12345u32;
    while inputs.len() < 1000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        inputs.push(if inputs.len() % 5 == 0 { state >> 20 } else { state });
    }
    inputs
}

fn records() -> Vec<Padded> {
    (0..5u32)
        .map(|index| {
            let inner = |k: u32| Inner {
                direction: Vec3f::new(index as f32, k as f32 * 0.5, -1.25),
                weight: 0.125 * k as f32,
                flags: Vec2u::new(index * 3 + k, 7 - k),
                ..Inner::ZERO
            };
            Padded {
                first: index,
                axis: Vec3f::new(0.5, -0.25 * index as f32, 2.0),
                inners: [inner(index), inner(index + 1)],
                shift: Vec2i::new(-(index as i32), 40),
                last: 1.5 - index as f32,
                ..Padded::ZERO
            }
        })
        .collect()
}

fn with_kernel<T>(hooks: &T, test: impl FnOnce(Kernel<'_, T>)) {
    let params = TortureParams { count: 1000, seed: 77, scale: 0.75, offset: -9 };
    let (inputs, records) = (inputs(), records());
    let points: Vec<Vec4f> = (0..7).map(|i| Vec4f::new(i as f32, 0.5, -(i as f32), 1.0)).collect();
    test(Kernel {
        b: Bindings { params: &params, inputs: &inputs, records: &records, points: &points },
        hooks,
    });
}

#[test]
fn generated_code_gives_the_results_worked_out_by_hand() {
    with_kernel(&NoHooks, |kernel| {
        for index in 0..1000 {
            for which in 0..9 {
                let expected = by_hand::column(&kernel.b, index, which);
                assert_eq!(kernel.column(index, which), expected, "item {index}, column {which}");
            }
        }
    });
}

#[test]
fn every_way_through_the_control_flow_is_taken() {
    let ends: std::collections::BTreeSet<u32> =
        inputs().iter().map(|&seed| generated::flow(seed) % 16).collect();
    assert!(ends.len() >= 8, "{ends:?}");
}

#[test]
fn a_hook_replaces_a_function_and_may_call_it() {
    struct Counting(Cell<u32>);
    impl Hooks for Counting {
        fn trace(&self, kernel: &Kernel<'_, Self>, seed: u32, depth: &mut u32) -> u32 {
            self.0.set(self.0.get() + 1);
            kernel.wgsl_trace(seed, depth) ^ 1
        }
    }
    let hooks = Counting(Cell::new(0));
    with_kernel(&hooks, |kernel| {
        let mut depth = 8;
        let plain = kernel.wgsl_trace(kernel.b.inputs[3], &mut depth);
        assert_eq!(kernel.column(3, 8), (plain ^ 1).wrapping_add(9));
    });
    assert_eq!(hooks.0.get(), 1);
}

#[test]
fn a_native_stands_at_call_sites_beside_the_original() {
    assert_eq!(generated::wgsl_div(3.0, 4.0), 12.0);
    assert_eq!(generated::ratio(3.0, 4.0), -1.0);
}

#[test]
fn structs_of_buffers_lie_as_naga_lays_them_out() {
    let mut text = String::new();
    for (name, size, members) in generated::LAYOUTS {
        let members: Vec<_> = members.iter().map(|(member, offset)| format!("{member} {offset}")).collect();
        text.push_str(&format!("{name} ({size}): {}\n", members.join(", ")));
    }
    expect_test::expect![[r#"
        Inner (32): direction 0, weight 12, flags 16
        Padded (112): first 0, axis 16, inners 32, shift 96, last 104
        TortureParams (16): count 0, seed 4, scale 8, offset 12
    "#]]
    .assert_eq(&text);
    assert_eq!(size_of::<Padded>(), 112);
    assert_eq!(generated::BINDINGS.last(), Some(&("results", 4, true)));
    assert_eq!((generated::ENTRY_POINT, generated::WORKGROUP_SIZE), ("torture", [64, 1, 1]));
}
