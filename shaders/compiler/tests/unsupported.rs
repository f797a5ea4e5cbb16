//! What the generator cannot carry to the CPU is an error with file and line; what belongs to the entry point alone is
//! left out and said.

use std::collections::BTreeMap;

use expect_test::{Expect, expect, expect_file};
use tessera_shader_compiler::rust::{Options, generate};
use tessera_shader_compiler::{compose, front};

fn generated(text: &str) -> Result<String, String> {
    let source = compose::compose_memory("main", &BTreeMap::from([("main", text)])).unwrap();
    let validated = front::parse(&source).map_err(|error| error.to_string())?;
    let options =
        Options { hooks: vec!["trace".into()], prelude: "crate::wgsl".into(), ..Options::default() };
    generate(&source, &validated, &options).map_err(|error| error.to_string())
}

const UNSUPPORTED: &[&str] = &[
    "fn g(p: ptr<function, u32>) {}\nfn f() {\n    var a = array<u32, 2>();\n    g(&a[1]);\n}",
    "fn g(p: ptr<function, vec2<u32>>, q: ptr<function, vec2<u32>>) {}\nfn f() {\n    var a: vec2<u32>;\n    g(&a, &a);\n}",
    "var<private> state: u32;\nfn f() -> u32 {\n    state += 1u;\n    return state;\n}",
    "fn f(m: mat2x2<f32>) -> f32 {\n    return m[0].x;\n}",
    "fn f(x: f32) -> f32 {\n    let y = x + 1.0;\n    return sqrt(y);\n}",
    "fn f(x: f32, y: f32) -> f32 {\n    return x / y;\n}",
    "fn f(x: f64) -> f64 {\n    return x;\n}",
    "struct S { n: u32, a: array<u32> }\n@group(0) @binding(0) var<storage, read> s: S;\nfn f() -> u32 {\n    return s.a[1];\n}",
    "@group(0) @binding(0) var<storage, read> a: array<vec3<f32>>;\nfn f() -> f32 {\n    return a[1].x;\n}",
    "struct S {\n    a: array<vec3<f32>, 2>\n}\n@group(0) @binding(0) var<storage, read> s: S;\nfn f() -> f32 {\n    return s.a[1].x;\n}",
    "struct Kernel {\n    a: u32\n}\nfn f(k: Kernel) {}",
    "struct Vec3f {\n    a: u32\n}\nfn f(k: Vec3f) {}",
    "fn report() {}",
    "@group(0) @binding(0) var t: texture_2d<f32>;\nfn f() -> vec4<f32> {\n    return textureLoad(t, vec2<u32>(), 0);\n}",
];

#[test]
fn unsupported_constructs_are_errors_with_their_place() {
    let mut text = String::new();
    for module in UNSUPPORTED {
        let verdict = generated(module).err().unwrap_or_else(|| "generated".to_owned());
        text.push_str(&format!("{module}\n{verdict}\n\n"));
    }
    expect_file!["unsupported.txt"].assert_eq(&text);
}

/// The lines of the generated source that `wanted` picks.
fn lines(module: &str, wanted: &[&str], expect: Expect) {
    let text = generated(module).unwrap();
    let lines: Vec<&str> =
        text.lines().filter(|line| wanted.iter().any(|part| line.contains(part))).collect();
    expect.assert_eq(&lines.join("\n"));
}

const GPU_ONLY: &str = "
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> film: array<u32>;
var<workgroup> stack: array<u32, 64>;
fn store(i: u32, v: u32) { film[i] = v; }
fn finish(i: u32) { store(i, a[i]); }
fn trace(i: u32) -> u32 { stack[i] = a[i]; return stack[0]; }
fn shade(i: u32) -> u32 { return trace(i) + 1u; }
fn pure(i: u32) -> u32 { return i + 1u; }
";

#[test]
fn what_only_the_entry_point_may_touch_is_left_out_and_hooks_without_a_default_must_be_given() {
    lines(
        GPU_ONLY,
        &["//", "fn ", "impl"],
        expect![[r#"
            /// Structs held in buffers: name, size in bytes, and each member's offset in bytes.
            /// Bindings of group 0: name, binding, whether the kernel writes it.
            /// What the kernel reads.
                /// Binding 0.
            impl Bindings<'_> {
                /// Empty arrays and zeros.
            // `store` stays on the GPU: it touches the read_write variable `film`.
            // `finish` stays on the GPU: it calls `store`, which stays on the GPU.
            // `trace` stays on the GPU: it touches the workgroup variable `stack`.
            /// The kernel over its bindings.
            impl<T> Clone for Kernel<'_, T> {
                fn clone(&self) -> Self { *self }
            impl<T> Copy for Kernel<'_, T> {}
            /// What a backend may do in its own way, with equal results.
                fn trace(&self, kernel: &Kernel<'_, Self>, a0_i: u32) -> u32;
            /// Runs everything as WGSL says it.
            impl<T: Hooks> Kernel<'_, T> {
                pub fn shade(&self, a0_i: u32) -> u32 {
                pub fn pure(a0_i: u32) -> u32 {"#]],
    );
}

#[test]
fn names_that_rust_keeps_for_itself_are_changed() {
    lines(
        "struct S { type_: u32, box: u32 }\nfn dyn(s: S, try_: u32) -> u32 { let loops = s.box; return loops + try_ + s.type_; }",
        &["pub"],
        expect![[r#"
            pub struct S {
                pub type_: u32,
                pub box_: u32,
                pub const ZERO: Self = Self { type_: 0u32, box_: 0u32, };
            pub const LAYOUTS: &[(&str, u32, &[(&str, u32)])] = &[
            pub const BINDINGS: &[(&str, u32, bool)] = &[
            pub struct Bindings<'a> {
                pub nothing: core::marker::PhantomData<&'a ()>,
                pub const EMPTY: Bindings<'static> = Bindings {
            pub struct Kernel<'a, T> {
                pub b: Bindings<'a>,
                pub hooks: &'a T,
            pub trait Hooks: Sized {
            pub struct NoHooks;
                pub fn dyn_(a0_s: S, a1_try_: u32) -> u32 {"#]],
    );
}
