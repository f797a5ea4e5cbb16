//! The table of operations against the generated switch: every index means what its row says, and the vectors would show
//! a device that contracts, reassociates or flushes.

use std::collections::BTreeMap;

use tessera_shaders::cpu_operations as generated;
use tessera_shaders::operations::{Exact, Operation, operations};

const NO_OPERATION: [u32; 4] = [0xdead_beef; 4];

fn run(words: [u32; 4]) -> [u32; 4] {
    let [a, b, c, op] = words;
    generated::operation(op, a, b, c).to_array()
}

#[test]
fn the_table_names_every_case_of_the_switch() {
    let rows: BTreeMap<u32, &Operation> =
        operations().iter().map(|operation| (operation.index, operation)).collect();
    assert_eq!(rows.len(), operations().len(), "an index twice");
    for index in 0..512 {
        let known = run([0x3f80_0000, 0x4000_0000, 0x4040_0000, index]) != NO_OPERATION;
        assert_eq!(known, rows.contains_key(&index), "index {index}");
    }
}

#[test]
fn float_operations_mean_what_their_rows_say() {
    for operation in operations() {
        let Exact::Steps(steps) = operation.exact else { continue };
        let mut compared = 0;
        for vector in operation.vectors(20_000).filter(|vector| vector.exact) {
            let [a, b, c, _] = vector.words.map(f32::from_bits);
            let expected = steps(a, b, c).map(f32::to_bits);
            let got = run(vector.words);
            // A vector result has three words; a scalar one leaves the others zero.
            let words = if got[1..] == [0, 0, 0] { 1 } else { 3 };
            assert_eq!(got[..words], expected[..words], "{} of {vector:x?}", operation.name);
            compared += 1;
        }
        assert!(compared > 4_000, "{}: only {compared} vectors are in the exact subset", operation.name);
    }
}

#[test]
fn comparisons_and_integers_mean_what_their_rows_say() {
    type Meaning = fn(u32, u32, u32) -> u32;
    let meanings: [(u32, Meaning); 41] = [
        (7, |a, b, _| (f32::from_bits(a) < f32::from_bits(b)).into()),
        (8, |a, b, _| (f32::from_bits(a) <= f32::from_bits(b)).into()),
        (9, |a, b, _| (f32::from_bits(a) > f32::from_bits(b)).into()),
        (10, |a, b, _| (f32::from_bits(a) >= f32::from_bits(b)).into()),
        (11, |a, b, _| (f32::from_bits(a) == f32::from_bits(b)).into()),
        (12, |a, b, _| (f32::from_bits(a) != f32::from_bits(b)).into()),
        (14, |a, _, _| a),
        (15, |a, _, _| (a as f32).to_bits()),
        (16, |a, _, _| (a as i32 as f32).to_bits()),
        (17, |a, _, _| f32::from_bits(a) as u32),
        (18, |a, _, _| f32::from_bits(a) as i32 as u32),
        (58, |a, b, c| (f32::from_bits(a) * f32::from_bits(b) < f32::from_bits(c)).into()),
        (59, |a, b, c| (f32::from_bits(a) * f32::from_bits(b) - f32::from_bits(c) > 0.0).into()),
        (64, |a, b, _| a.wrapping_add(b)),
        (65, |a, b, _| a.wrapping_sub(b)),
        (66, |a, b, _| a.wrapping_mul(b)),
        (67, |a, b, _| (a as i32).wrapping_mul(b as i32) as u32),
        (68, |a, _, _| (a as i32).wrapping_neg() as u32),
        (69, |a, b, _| a & b),
        (70, |a, b, _| a | b),
        (71, |a, b, _| a ^ b),
        (72, |a, _, _| !a),
        (73, |a, b, _| a << (b & 31)),
        (74, |a, b, _| a >> (b & 31)),
        (75, |a, b, _| (a as i32 >> (b & 31)) as u32),
        (76, |a, b, _| (a < b).into()),
        (77, |a, b, _| ((a as i32) < b as i32).into()),
        (78, |a, b, _| (a <= b).into()),
        (79, |a, b, _| (a as i32 >= b as i32).into()),
        (80, |a, b, _| (a == b).into()),
        (81, |a, b, _| a.min(b)),
        (82, |a, b, _| a.max(b)),
        (83, |a, b, _| (a as i32).min(b as i32) as u32),
        (84, |a, b, _| (a as i32).max(b as i32) as u32),
        (85, |a, b, c| if c < 0x8000_0000 { b } else { a }),
        (86, |a, _, _| a.reverse_bits()),
        (87, |a, b, _| a.checked_div(b).unwrap_or(a)),
        (88, |a, b, _| a.checked_rem(b).unwrap_or(0)),
        (89, |a, _, _| a.checked_ilog2().unwrap_or(u32::MAX)),
        (90, |a, _, _| if a == 0 { u32::MAX } else { a.trailing_zeros() }),
        (91, |a, _, _| a.count_ones()),
    ];
    for (index, meaning) in meanings {
        let operation = operations().iter().find(|operation| operation.index == index).unwrap();
        let mut compared = 0;
        for vector in operation.vectors(5_000).filter(|vector| vector.exact) {
            let [a, b, c, _] = vector.words;
            assert_eq!(run(vector.words)[0], meaning(a, b, c), "{} of {vector:x?}", operation.name);
            compared += 1;
        }
        assert!(compared > 1_000, "{}: only {compared} vectors are in the exact subset", operation.name);
    }
}

/// How many exact vectors of an operation a faulty device would answer differently.
fn caught(index: u32, faulty: fn(f32, f32, f32) -> f32) -> usize {
    let operation = operations().iter().find(|operation| operation.index == index).unwrap();
    let exact = operation.vectors(20_000).filter(|vector| vector.exact);
    exact
        .filter(|vector| {
            let [a, b, c, _] = vector.words.map(f32::from_bits);
            run(vector.words)[0] != faulty(a, b, c).to_bits()
        })
        .count()
}

#[test]
fn a_device_that_contracts_or_reassociates_is_caught() {
    let fused = |a: f32, b: f32, c: f32| a.mul_add(b, c);
    let least = [
        caught(32, fused),
        caught(33, fused),
        caught(34, |a, b, c| a.mul_add(b, -c)),
        caught(35, |a, b, c| (-a).mul_add(b, c)),
        caught(36, |a, b, c| (-a).mul_add(b, c)),
        caught(37, |a, b, c| (-a).mul_add(b, -c)),
        caught(38, |a, b, c| (-a).mul_add(b, c)),
        caught(39, |a, b, c| a.mul_add(b, -(c * f32::from_bits(a.to_bits() ^ 1)))),
        caught(41, |a, b, _| a.mul_add(a, -(b * b))),
        caught(42, |a, b, c| a + (b + c)),
        caught(44, |_, b, _| b),
        caught(46, |a, b, c| a * (b * c)),
        caught(48, |a, b, c| a * (b + c)),
        caught(49, |a, b, c| a * b + a * c),
        caught(53, |a, b, _| (-a).mul_add(b, 1.0)),
        caught(61, |a, b, c| a.mul_add(b, c).floor()),
        caught(62, |_, _, c| c),
    ];
    assert!(least.iter().all(|&count| count > 300), "{least:?}");
}
