//! naga IR to SPIR-V words, with `NoContraction` on every float arithmetic result, which naga does not write.

use std::collections::BTreeMap;

use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

use super::shifts::mask_shifts;
use super::words::{Malformed, head, instructions};
use crate::compose::Source;
use crate::diagnostic::{CompileError, Diagnostic};
use crate::front::{Validated, validate};

/// SPIR-V 1.3 (Vulkan 1.1): storage buffers without extension, and every driver of interest reads it.
const SPIRV_VERSION: (u8, u8) = (1, 3);

/// Writes the module of one entry point, decorated but not yet passed by the gate.
pub fn emit(source: &Source, validated: &Validated) -> Result<Vec<u32>, CompileError> {
    decorate(&emit_contractible(source, validated)?).map_err(|error| bad_words(&error))
}

fn bad_words(error: &Malformed) -> CompileError {
    CompileError::one("spirv", Diagnostic::global(format!("naga wrote bad words: {error}")))
}

/// Writes the module of one entry point as naga does, its shifts masked: a driver may contract and reorder its arithmetic.
pub(crate) fn emit_contractible(source: &Source, validated: &Validated) -> Result<Vec<u32>, CompileError> {
    let mut module = validated.module.clone();
    naga::compact::compact(&mut module, naga::compact::KeepUnused::No);
    let info = validate(source, &module)?;
    check_entry(source, &module)?;
    check_bindings(source, &validated.module)?;
    let words = spv::write_vec(&module, &info, &options(), None)
        .map_err(|error| CompileError::one("spirv", Diagnostic::global(error.to_string())))?;
    mask_shifts(&words).map_err(|error| bad_words(&error))
}

fn options() -> spv::Options<'static> {
    spv::Options {
        lang_version: SPIRV_VERSION,
        flags: spv::WriterFlags::DEBUG,
        // A binding that the empty map lacks keeps its own numbers.
        fake_missing_bindings: true,
        bounds_check_policies: BoundsCheckPolicies {
            index: BoundsCheckPolicy::Unchecked,
            buffer: BoundsCheckPolicy::Unchecked,
            image_load: BoundsCheckPolicy::Unchecked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        emit_int_div_checks: true,
        ..spv::Options::default()
    }
}

fn check_entry(source: &Source, module: &naga::Module) -> Result<(), CompileError> {
    let file = source.locate(0).file;
    match module.entry_points.as_slice() {
        [entry] if entry.stage == naga::ShaderStage::Compute => Ok(()),
        [entry] => Err(CompileError::one(
            "spirv",
            Diagnostic::global(format!(
                "{file}: `{}` is a {:?} shader: write `@compute`",
                entry.name, entry.stage
            )),
        )),
        entries => Err(CompileError::one(
            "spirv",
            Diagnostic::global(format!(
                "{file} and what it imports hold {} entry points: keep one a file",
                entries.len()
            )),
        )),
    }
}

/// wgpu renumbers the bindings of passthrough modules densely from 0, so they must be written like that.
fn check_bindings(source: &Source, module: &naga::Module) -> Result<(), CompileError> {
    let mut taken: BTreeMap<u32, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (handle, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        let name = variable.name.as_deref().unwrap_or("?");
        let at = source.locate_span(module.global_variables.get_span(handle));
        let mut report = |message: String| {
            found.push(Diagnostic { location: at.clone(), message, notes: Vec::new() });
        };
        if binding.group != 0 {
            report(format!("`{name}` is in bind group {}: use group 0", binding.group));
        } else if let Some(other) = taken.insert(binding.binding, name) {
            report(format!("`{name}` and `{other}` share binding {}", binding.binding));
        }
    }
    for (expected, (&binding, name)) in taken.iter().enumerate() {
        if binding != expected as u32 {
            found.push(Diagnostic::global(format!(
                "bindings of group 0 must be 0, 1, 2 … without gaps: nothing is at {expected}, `{name}` is at {binding}; \
                 wgpu would renumber it"
            )));
            break;
        }
    }
    CompileError::unless_empty("spirv", found)
}

/// Whether an instruction rounds a float result, so that a driver might fuse it with a neighbour.
pub fn rounds(opcode: u16) -> bool {
    use spirv::Op;
    const ROUNDING: [Op; 18] = [
        Op::FNegate,
        Op::FAdd,
        Op::FSub,
        Op::FMul,
        Op::FDiv,
        Op::FRem,
        Op::FMod,
        Op::VectorTimesScalar,
        Op::MatrixTimesScalar,
        Op::VectorTimesMatrix,
        Op::MatrixTimesVector,
        Op::MatrixTimesMatrix,
        Op::OuterProduct,
        Op::Dot,
        Op::DPdx,
        Op::DPdy,
        Op::Fwidth,
        Op::FConvert,
    ];
    ROUNDING.iter().any(|&op| op as u16 == opcode)
}

/// Adds `OpDecorate id NoContraction` for every result that [`rounds`].
pub fn decorate(words: &[u32]) -> Result<Vec<u32>, Malformed> {
    let instructions = instructions(words)?;
    let insert_at = instructions
        .iter()
        .find(|instruction| !precedes_types(instruction.opcode))
        .map_or(words.len(), |instruction| instruction.at);
    let mut out = Vec::with_capacity(words.len() + 64);
    out.extend_from_slice(&words[..insert_at]);
    for instruction in instructions.iter().filter(|instruction| rounds(instruction.opcode)) {
        let result = instruction.operands.get(1).copied().ok_or(Malformed::Length(instruction.at, 1))?;
        out.extend([head(spirv::Op::Decorate, 3), result, spirv::Decoration::NoContraction as u32]);
    }
    out.extend_from_slice(&words[insert_at..]);
    Ok(out)
}

/// Whether an instruction belongs before the types and constants of a module (SPIR-V §2.4).
fn precedes_types(opcode: u16) -> bool {
    use spirv::Op;
    const PREAMBLE: [Op; 20] = [
        Op::Capability,
        Op::Extension,
        Op::ExtInstImport,
        Op::MemoryModel,
        Op::EntryPoint,
        Op::ExecutionMode,
        Op::ExecutionModeId,
        Op::String,
        Op::SourceExtension,
        Op::Source,
        Op::SourceContinued,
        Op::Name,
        Op::MemberName,
        Op::ModuleProcessed,
        Op::Decorate,
        Op::MemberDecorate,
        Op::DecorateId,
        Op::DecorationGroup,
        Op::GroupDecorate,
        Op::GroupMemberDecorate,
    ];
    PREAMBLE.iter().any(|&op| op as u16 == opcode)
}
