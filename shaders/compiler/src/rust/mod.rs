//! Validated IR to the Rust source of the CPU backend, equal to naga's SPIR-V bit for bit.
//!
//! Every function but the entry point is written: as a method of `Kernel` if it reads a binding or calls what may be
//! replaced, else as a free function. *Hooked* functions become methods of the trait `Hooks`, whose default runs the
//! generated code; *native* ones are replaced by a path at their call sites. The generated original of both is called
//! `wgsl_NAME`.

mod analysis;
mod audit;
mod constants;
mod expression;
mod function;
mod names;
mod scalar;
mod types;

use std::collections::BTreeSet;
use std::fmt::Write;

use naga::{AddressSpace, ArraySize, StorageAccess, TypeInner};

use crate::compose::Source;
use crate::diagnostic::{CompileError, Diagnostic};
use crate::front::Validated;
use analysis::Facts;
use constants::Constants;
use function::{Context, Writer};
use types::Types;

/// What to generate.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Functions that a backend may replace: methods of the trait `Hooks`. Absent ones are ignored.
    pub hooks: Vec<String>,
    /// Functions replaced at call sites, with the path that replaces them. Absent ones are ignored.
    pub natives: Vec<(String, String)>,
    /// Path of the module made of this crate's `src/prelude.rs`: vectors and operations that the generated code uses.
    pub prelude: String,
    /// For an audited backend: the path of the plain one, whose types, constants and `Bindings` it shares.
    pub audit: Option<String>,
}

/// Writes the module's source, without the attributes of the `mod` that will hold it.
pub fn generate(source: &Source, validated: &Validated, options: &Options) -> Result<String, CompileError> {
    let fail = |diagnostic| CompileError::one("rust", diagnostic);
    let module = &validated.module;
    let types = Types::new(module).map_err(fail)?;
    let constants = Constants::new(source, &types).map_err(|diagnostic| fail(*diagnostic))?;
    let hooked: BTreeSet<String> = options.hooks.iter().cloned().collect();
    let facts = analysis::analyse(module, &hooked);
    let context = Context { source, options, module, types: &types, constants: &constants, facts: &facts };
    let mut out = String::new();
    let prelude = &options.prelude;
    let _ = writeln!(out, "use {prelude} as intrinsics;\nuse {prelude}::*;");
    match &options.audit {
        None => definitions(&context, &mut out)?,
        Some(plain) => {
            let _ = writeln!(out, "pub use {plain}::*;");
        }
    }
    let functions = write_functions(&context, validated)?;
    functions.write(&mut out);
    if options.audit.is_some() {
        functions.sites.write(&mut out);
    }
    Ok(out)
}

/// The text of all functions, by where it goes.
#[derive(Default)]
struct Functions {
    free: String,
    methods: String,
    hooks: String,
    skipped: String,
    /// A hook has no default, as what it replaces stays on the GPU.
    bodiless: bool,
    sites: audit::Sites,
}

impl Functions {
    fn write(&self, out: &mut String) {
        out.push_str(&self.skipped);
        out.push_str(
            "/// The kernel over its bindings.
#[derive(Debug)]
pub struct Kernel<'a, T> {
    pub b: Bindings<'a>,
    pub hooks: &'a T,
}
impl<T> Clone for Kernel<'_, T> {
    fn clone(&self) -> Self { *self }
}
impl<T> Copy for Kernel<'_, T> {}
/// What a backend may do in its own way, with equal results.
pub trait Hooks: Sized {
",
        );
        out.push_str(&self.hooks);
        out.push_str(
            "}
/// Runs everything as WGSL says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;
",
        );
        if !self.bodiless {
            out.push_str("impl Hooks for NoHooks {}\n");
        }
        let _ = writeln!(out, "impl<T: Hooks> Kernel<'_, T> {{\n{}}}", self.methods);
        out.push_str(&self.free);
    }
}

fn write_functions(context: &Context<'_>, validated: &Validated) -> Result<Functions, CompileError> {
    let mut functions = Functions::default();
    let mut found = Vec::new();
    for (handle, function) in context.module.functions.iter() {
        let facts = &context.facts[&handle];
        if let Err(diagnostic) = write_function(context, validated, handle, function, facts, &mut functions) {
            found.push(*diagnostic);
        }
    }
    CompileError::unless_empty("rust", found)?;
    Ok(functions)
}

fn write_function(
    context: &Context<'_>,
    validated: &Validated,
    handle: naga::Handle<naga::Function>,
    function: &naga::Function,
    facts: &Facts,
    functions: &mut Functions,
) -> Result<(), Box<Diagnostic>> {
    let name = function.name.as_deref().unwrap_or("?");
    let options = context.options;
    let hooked = options.hooks.iter().any(|hook| hook == name);
    let native = options.natives.iter().any(|(native, _)| native == name);
    let rust_name = names::item(name);
    let own_name = if hooked || native { format!("wgsl_{name}") } else { rust_name.clone() };
    let info = &validated.info[handle];
    let unsupported = |message: String| {
        let location = context.source.locate_span(context.module.functions.get_span(handle));
        Box::new(Diagnostic { location, message, notes: Vec::new() })
    };
    names::check(name).map_err(|what| unsupported(format!("a function has {what}")))?;
    if facts.private {
        return Err(unsupported(format!(
            "function `{name}` touches a `var<private>`, which the CPU backend does not have: make it a local variable \
             and pass a pointer to it"
        )));
    }
    if hooked {
        let writer = Writer::new(context, &mut functions.sites, function, info);
        let signature = writer.signature(&rust_name, true, "kernel: &Kernel<'_, Self>")?;
        let arguments = writer.arguments.join(", ");
        functions.bodiless |= facts.skipped.is_some();
        let body = match facts.skipped {
            None => format!(" {{\n        kernel.{own_name}({arguments})\n    }}"),
            Some(_) => ";".to_owned(),
        };
        let _ = writeln!(functions.hooks, "    #[inline]\n    {signature}{body}");
    }
    if let Some(reason) = &facts.skipped {
        let _ = writeln!(functions.skipped, "// `{name}` stays on the GPU: it {reason}.");
        return Ok(());
    }
    let text = Writer::new(context, &mut functions.sites, function, info).write(&own_name, facts)?;
    if facts.method {
        functions.methods.push_str(&text);
    } else {
        functions.free.push_str(&text);
    }
    Ok(())
}

/// Types, constants, bindings and facts about the entry point.
fn definitions(context: &Context<'_>, out: &mut String) -> Result<(), CompileError> {
    let types = context.types;
    let mut found = Vec::new();
    for (handle, ty) in context.module.types.iter() {
        if !matches!(ty.inner, TypeInner::Struct { .. }) {
            continue;
        }
        let name = ty.name.as_deref().unwrap_or("?");
        let defined = names::check(name)
            .map_err(|what| format!("a struct has {what}"))
            .and_then(|()| types.define(handle, out).map_err(|what| format!("struct `{name}` holds {what}")));
        if let Err(message) = defined {
            let location = context.source.locate_span(context.module.types.get_span(handle));
            found.push(Diagnostic { location, message, notes: Vec::new() });
        }
    }
    CompileError::unless_empty("rust", found)?;
    out.push_str(&context.constants.definitions);
    types.layouts(out);
    bindings(context, out)?;
    for entry in &context.module.entry_points {
        let _ = writeln!(out, "/// The entry point's name.\npub const ENTRY_POINT: &str = {:?};", entry.name);
        let _ = writeln!(
            out,
            "/// Its workgroup size.\npub const WORKGROUP_SIZE: [u32; 3] = {:?};",
            entry.workgroup_size
        );
    }
    Ok(())
}

/// `BINDINGS`, and the struct of those that the CPU reads.
fn bindings(context: &Context<'_>, out: &mut String) -> Result<(), CompileError> {
    let module = context.module;
    let mut bound: Vec<_> = module
        .global_variables
        .iter()
        .filter_map(|(handle, variable)| Some((variable.binding?.binding, handle, variable)))
        .collect();
    bound.sort_by_key(|&(binding, ..)| binding);
    let (mut fields, mut empty) = (String::new(), String::new());
    out.push_str("/// Bindings of group 0: name, binding, whether the kernel writes it.\n");
    out.push_str("pub const BINDINGS: &[(&str, u32, bool)] = &[\n");
    let mut found = Vec::new();
    for (binding, handle, variable) in bound {
        let name = variable.name.as_deref().unwrap_or("?");
        let writable = matches!(variable.space, AddressSpace::Storage { access } if access.contains(StorageAccess::STORE));
        let _ = writeln!(out, "    ({name:?}, {binding}, {writable}),");
        if writable {
            continue;
        }
        match binding_type(context.types, variable.ty) {
            Ok((ty, nothing)) => {
                let field = names::item(name);
                let _ = writeln!(fields, "    /// Binding {binding}.\n    pub {field}: &'a {ty},");
                let _ = writeln!(empty, "        {field}: &{nothing},");
            }
            Err(message) => found.push(Diagnostic {
                location: context.source.locate_span(module.global_variables.get_span(handle)),
                message: format!("binding `{name}` is {message}"),
                notes: Vec::new(),
            }),
        }
    }
    CompileError::unless_empty("rust", found)?;
    out.push_str("];\n");
    if fields.is_empty() {
        fields.push_str("    pub nothing: core::marker::PhantomData<&'a ()>,\n");
        empty.push_str("        nothing: core::marker::PhantomData,\n");
    }
    let _ = writeln!(
        out,
        "/// What the kernel reads.\n#[derive(Clone, Copy, Debug)]\npub struct Bindings<'a> {{\n{fields}}}"
    );
    let _ = writeln!(
        out,
        "impl Bindings<'_> {{\n    /// Empty arrays and zeros.\n    pub const EMPTY: Bindings<'static> = Bindings {{\n{empty}    }};\n}}"
    );
    Ok(())
}

/// What a binding refers to, and an empty one.
fn binding_type(types: &Types<'_>, ty: naga::Handle<naga::Type>) -> types::Unsupported<(String, String)> {
    types.check_stride(ty)?;
    match types.module.types[ty].inner {
        TypeInner::Array { base, size: ArraySize::Dynamic, .. } => {
            Ok((format!("[{}]", types.name(base)?), "[]".to_owned()))
        }
        _ => Ok((types.name(ty)?, types.zero(ty)?)),
    }
}
