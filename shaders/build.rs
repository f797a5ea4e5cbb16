//! Compiles every entry file of `wgsl/` to gated SPIR-V and to Rust. Decides which functions a backend may replace;
//! how it is all done is `tessera-shader-compiler`'s.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tessera_shader_compiler::rust::{self, Options};
use tessera_shader_compiler::{compile, compile_fast, compose, front};

/// Functions that the CPU backend replaces by ways of its own: SIMD traversal.
const HOOKS: [&str; 1] = ["trace"];
/// Functions whose results the CPU's own instructions give as well.
const NATIVES: [(&str, &str); 4] = [
    ("div", "crate::native::div"),
    ("sqrt_", "crate::native::sqrt"),
    ("mul_high", "crate::native::mul_high"),
    ("reverse_pair", "crate::native::reverse_pair"),
];
/// Functions that `--mode fast` puts in place of their namesakes.
const FAST: &str = "fast.wgsl";

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=wgsl");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(kernel)");
    if Path::new("wgsl/render.wgsl").exists() {
        println!("cargo:rustc-cfg=kernel");
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let wgsl = Path::new("wgsl");
    let mut spirv = String::new();
    let mut modules = String::new();
    let mut errors = Vec::new();
    for entry in entries(wgsl)? {
        if let Err(error) = compile_entry(wgsl, &entry, &out_dir, &mut spirv, &mut modules) {
            errors.push(error.to_string());
        }
    }
    if !errors.is_empty() {
        return Err(errors.join("\n").into());
    }
    let text = format!("/// The kernels as SPIR-V.\npub mod spirv {{\n{spirv}}}\n{modules}");
    std::fs::write(out_dir.join("generated.rs"), text)?;
    Ok(())
}

/// Writes the SPIR-V and the Rust of one entry file.
fn compile_entry(
    wgsl: &Path,
    entry: &str,
    out_dir: &Path,
    spirv: &mut String,
    modules: &mut String,
) -> Result<(), Box<dyn Error>> {
    let source = compose(wgsl, entry, "shaders/wgsl/")?;
    let validated = front::parse(&source)?;
    let words = compile(&source, &validated)?;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    std::fs::write(out_dir.join(format!("{entry}.spv")), bytes)?;
    let name = entry.to_uppercase();
    let count = words.len();
    writeln!(spirv, "/// `{entry}.wgsl`, checked.\npub static {name}: &[u32] = &{words:?};")?;
    writeln!(spirv, "/// Words of [`{name}`].\npub const {name}_SPIRV_WORDS: usize = {count};")?;
    write_fast(wgsl, &name, &source, spirv)?;
    write_rust(out_dir, entry, &source, &validated, modules)
}

/// Writes the words of an entry for `--mode fast`, where the entry has the functions that it replaces.
fn write_fast(
    wgsl: &Path,
    name: &str,
    source: &tessera_shader_compiler::Source,
    spirv: &mut String,
) -> Result<(), Box<dyn Error>> {
    if !source.modules.iter().any(|module| module == "math") {
        return Ok(());
    }
    let words = compile_fast(source, &std::fs::read_to_string(wgsl.join(FAST))?)?;
    writeln!(
        spirv,
        "/// [`{name}`] with built-in functions and free to contract: not exact.\npub static {name}_FAST: &[u32] = &{words:?};"
    )?;
    Ok(())
}

/// Writes the plain backend of an entry, and the audited one of `render` where it is asked for.
fn write_rust(
    out_dir: &Path,
    entry: &str,
    source: &tessera_shader_compiler::Source,
    validated: &front::Validated,
    modules: &mut String,
) -> Result<(), Box<dyn Error>> {
    let module = if entry == "render" { "cpu".to_owned() } else { format!("cpu_{entry}") };
    let plain = Options {
        hooks: HOOKS.map(str::to_owned).to_vec(),
        natives: NATIVES.map(|(name, path)| (name.to_owned(), path.to_owned())).to_vec(),
        prelude: "crate::wgsl".to_owned(),
        audit: None,
    };
    let mut variants = vec![(module.clone(), plain.clone())];
    if entry == "render" && std::env::var_os("CARGO_FEATURE_AUDIT").is_some() {
        variants.push(("cpu_audit".to_owned(), Options { audit: Some(format!("crate::{module}")), ..plain }));
    }
    for (name, options) in variants {
        std::fs::write(out_dir.join(format!("{name}.rs")), rust::generate(source, validated, &options)?)?;
        writeln!(
            modules,
            "/// `{entry}.wgsl` as Rust.\n#[allow(warnings, clippy::all)]\npub mod {name} {{\n    \
             include!(concat!(env!(\"OUT_DIR\"), \"/{name}.rs\"));\n}}"
        )?;
    }
    Ok(())
}

/// Names of the files at the top of `wgsl/` that hold an entry point.
fn entries(wgsl: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    if !wgsl.exists() {
        return Ok(names);
    }
    for entry in std::fs::read_dir(wgsl)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wgsl") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        if text.lines().any(|line| line.trim_start().starts_with("@compute"))
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
