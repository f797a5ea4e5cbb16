//! The generated sources that other tests compile are what the generator writes today. `UPDATE_EXPECT=1` writes them
//! anew; they live apart from their tests so that this also works when they no longer compile.

use std::path::Path;

use expect_test::{ExpectFile, expect_file};
use tessera_shader_compiler::rust::{Options, generate};
use tessera_shader_compiler::{compose, front};

fn check(folder: &str, entry: &str, options: Options, expect: ExpectFile) {
    let source = compose(Path::new(folder), entry, "").unwrap();
    let validated = front::parse(&source).unwrap();
    let text = generate(&source, &validated, &options).unwrap();
    expect.assert_eq(&format!("// @generated from {entry}.wgsl by this crate.\n{text}"));
}

fn options(native: &str, audit: Option<&str>) -> Options {
    Options {
        hooks: vec!["trace".into(), "absent".into()],
        natives: vec![("div".into(), native.into())],
        prelude: "crate::wgsl".into(),
        audit: audit.map(str::to_owned),
    }
}

#[test]
fn torture() {
    check("../wgsl", "torture", options("crate::native_div", None), expect_file!["torture/generated.rs"]);
}

#[test]
fn plain() {
    check(
        "tests/audit",
        "kernel",
        options("crate::quotient", None),
        expect_file!["audit/plain/generated.rs"],
    );
}

#[test]
fn audited() {
    let options = options("crate::quotient", Some("crate::plain"));
    check("tests/audit", "kernel", options, expect_file!["audit/audited/generated.rs"]);
}
