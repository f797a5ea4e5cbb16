//! Composes WGSL, lints it, emits gated SPIR-V and generates the Rust CPU backend, all from one naga IR.
//! Knows no file of the kernel: `shaders/build.rs` names them.

pub mod compose;
pub mod diagnostic;
mod fast;
pub mod front;
pub mod lint;
pub mod rust;
pub mod spirv;
mod walk;

pub use compose::{Source, compose};
pub use diagnostic::{CompileError, Diagnostic, Location};
pub use fast::compile_fast;

/// SPIR-V of a validated module: linted, written, decorated, passed by the gate, and then without names.
pub fn compile(source: &Source, validated: &front::Validated) -> Result<Vec<u32>, CompileError> {
    lint::check(source, validated)?;
    let words = spirv::emit::emit(source, validated)?;
    spirv::gate::check(&words)?;
    spirv::names::strip_names(&words).map_err(|error| {
        CompileError::one(
            "spirv",
            Diagnostic::global(format!("a module that the gate passed does not read: {error}")),
        )
    })
}
