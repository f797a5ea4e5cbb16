//! The audited backend gives the results of the plain one, and says on which WGSL lines −0, subnormal numbers, NaN and
//! Inf came up. `snapshots.rs` keeps `audit/*/generated.rs` equal to what the generator writes.

#[allow(warnings, clippy::all)]
#[path = "audit/audited/generated.rs"]
#[rustfmt::skip]
mod audited;
#[allow(warnings, clippy::all)]
#[path = "audit/plain/generated.rs"]
#[rustfmt::skip]
mod plain;
#[allow(dead_code)]
#[path = "../src/prelude.rs"]
mod wgsl;

use expect_test::expect;

/// Stands for a native division.
fn quotient(a: f32, b: f32) -> f32 {
    a / b
}

#[test]
fn each_class_is_counted_at_the_line_that_made_it_from_any_thread() {
    let values = [1.0, 1e-12, -2.0, 3e38, 0.0, f32::INFINITY, -0.0];
    let bindings = plain::Bindings { values: &values };
    std::thread::scope(|scope| {
        for index in 0..values.len() as u32 {
            scope.spawn(move || {
                let audited = audited::Kernel { b: bindings, hooks: &audited::NoHooks }.shade(index);
                let plain = plain::Kernel { b: bindings, hooks: &plain::NoHooks }.shade(index);
                assert!(audited.to_bits() == plain.to_bits() || audited.is_nan() && plain.is_nan());
            });
        }
    });
    let mut text = String::new();
    for (file, line, counts) in audited::report() {
        text.push_str(&format!("{file}:{line} {counts:?}\n"));
    }
    expect![[r#"
        kernel.wgsl:10 Counts { negative_zero: 1, subnormal: 0, nan: 0, infinite: 1 }
        kernel.wgsl:11 Counts { negative_zero: 1, subnormal: 1, nan: 0, infinite: 1 }
        kernel.wgsl:12 Counts { negative_zero: 2, subnormal: 0, nan: 0, infinite: 3 }
        kernel.wgsl:13 Counts { negative_zero: 5, subnormal: 0, nan: 4, infinite: 0 }
        kernel.wgsl:14 Counts { negative_zero: 0, subnormal: 0, nan: 4, infinite: 4 }
        kernel.wgsl:15 Counts { negative_zero: 0, subnormal: 0, nan: 7, infinite: 0 }
        kernel.wgsl:16 Counts { negative_zero: 2, subnormal: 2, nan: 9, infinite: 1 }
    "#]]
    .assert_eq(&text);
    assert_eq!(audited::report(), []);
}
