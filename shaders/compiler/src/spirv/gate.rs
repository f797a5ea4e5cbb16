//! The last judge of a kernel: an allow-list over the final words, and `NoContraction` on every float result.
//! Knows nothing of naga or WGSL, so that neither can let anything through.

use std::collections::{BTreeMap, BTreeSet};

use spirv::{Decoration, ExecutionMode, GlslStd450Op, Op};

use super::allow;
use super::operands::ids_read;
use super::words::{Instruction, instructions, string};
use crate::diagnostic::{CompileError, Diagnostic};

/// Figures of a module that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Length of the module.
    pub words: usize,
    /// Float results that round, all with `NoContraction`.
    pub float_results: usize,
}

/// Passes a module, or says everything that is wrong with it.
pub fn check(words: &[u32]) -> Result<Passed, CompileError> {
    let instructions = instructions(words).map_err(|error| {
        CompileError::one("gate", Diagnostic::global(format!("no SPIR-V module: {error}")))
    })?;
    let mut gate = Gate::default();
    for instruction in &instructions {
        gate.learn(instruction);
    }
    for instruction in &instructions {
        gate.judge(instruction);
    }
    gate.judge_clamps();
    CompileError::unless_empty("gate", gate.found)?;
    Ok(Passed { words: words.len(), float_results: gate.float_results })
}

#[derive(Default)]
struct Gate {
    found: Vec<Diagnostic>,
    names: BTreeMap<u32, String>,
    /// Ids with `NoContraction`.
    exact: BTreeSet<u32>,
    floats: BTreeSet<u32>,
    /// Ids that are known to be below 32 in every component.
    shift_amounts: BTreeSet<u32>,
    /// Results of `FClamp`: where, in which function.
    clamps: BTreeMap<u32, (usize, String)>,
    /// Ids read by anything but a float → integer conversion.
    read: BTreeSet<u32>,
    function: Option<u32>,
    float_results: usize,
}

impl Gate {
    fn report(&mut self, at: usize, what: &str, advice: &str) {
        let place = self.place();
        self.found.push(Diagnostic::global(format!("{what} at word {at}{place}: {advice}")));
    }

    fn place(&self) -> String {
        match self.function {
            Some(id) => match self.names.get(&id) {
                Some(name) => format!(" in function `{name}`"),
                None => format!(" in function %{id}"),
            },
            None => String::new(),
        }
    }

    /// First pass: names, decorations, types, and what bounds a shift.
    fn learn(&mut self, instruction: &Instruction<'_>) {
        let operands = instruction.operands;
        match (Op::from_u32(u32::from(instruction.opcode)), operands) {
            (Some(Op::Name), [id, name @ ..]) => {
                self.names.insert(*id, string(name).0);
            }
            (Some(Op::Decorate), [id, decoration]) if *decoration == Decoration::NoContraction as u32 => {
                self.exact.insert(*id);
            }
            (Some(Op::TypeFloat), [id, ..]) => {
                self.floats.insert(*id);
            }
            (Some(Op::Constant), [_, id, value]) if *value < 32 => {
                self.shift_amounts.insert(*id);
            }
            (Some(Op::ConstantNull), [_, id]) => {
                self.shift_amounts.insert(*id);
            }
            (Some(Op::ConstantComposite | Op::CompositeConstruct), [_, id, parts @ ..])
                if parts.iter().all(|part| self.shift_amounts.contains(part)) =>
            {
                self.shift_amounts.insert(*id);
            }
            (Some(Op::BitwiseAnd), [_, id, a, b])
                if self.shift_amounts.contains(a) || self.shift_amounts.contains(b) =>
            {
                self.shift_amounts.insert(*id);
            }
            _ => {}
        }
    }

    fn judge(&mut self, instruction: &Instruction<'_>) {
        let Some(op) = Op::from_u32(u32::from(instruction.opcode)) else {
            self.report(
                instruction.at,
                &format!("opcode {}", instruction.opcode),
                "no such instruction is known",
            );
            return;
        };
        if op == Op::Function {
            self.function = instruction.operands.get(1).copied();
        }
        let allowed = if self.function.is_some() { allow::BODY } else { allow::DECLARATIONS };
        if allowed.contains(&op) {
            self.judge_operands(op, instruction);
        } else {
            self.report(instruction.at, &format!("Op{op:?}"), allow::advice(op));
        }
        if op == Op::FunctionEnd {
            self.function = None;
        }
    }

    fn judge_operands(&mut self, op: Op, instruction: &Instruction<'_>) {
        let (at, operands) = (instruction.at, instruction.operands);
        if allow::ROUNDING.contains(&op) {
            self.float_results += 1;
            let result = operands.get(1).copied().unwrap_or(0);
            if !self.exact.contains(&result) {
                self.report(
                    at,
                    &format!("Op{op:?} %{result} without NoContraction"),
                    "a driver may fuse it; decorate it",
                );
            }
        }
        match op {
            Op::ShiftLeftLogical | Op::ShiftRightLogical | Op::ShiftRightArithmetic
                if !operands.get(3).is_some_and(|amount| self.shift_amounts.contains(amount)) =>
            {
                self.report(
                    at,
                    &format!("Op{op:?}"),
                    "a shift by 32 or more is undefined; mask the amount with 31",
                );
            }
            Op::ExtInst => self.judge_extended(at, operands),
            Op::ConvertFToS | Op::ConvertFToU
                if !operands.get(2).is_some_and(|value| self.clamps.contains_key(value)) =>
            {
                self.report(
                    at,
                    &format!("Op{op:?}"),
                    "beyond the integer range it is undefined; clamp its operand",
                );
            }
            _ if self.function.is_none() => self.judge_declaration(op, at, operands),
            _ => {}
        }
        if op != Op::ConvertFToS && op != Op::ConvertFToU && self.function.is_some() {
            self.read.extend(ids_read(op, operands));
        }
    }

    fn judge_declaration(&mut self, op: Op, at: usize, operands: &[u32]) {
        let first = operands.first().copied().unwrap_or(0);
        let second = operands.get(1).copied().unwrap_or(0);
        match op {
            Op::Capability if !allow::CAPABILITIES.iter().any(|&allowed| allowed as u32 == first) => {
                let name = spirv::Capability::from_u32(first)
                    .map_or(first.to_string(), |found| format!("{found:?}"));
                self.report(at, &format!("capability {name}"), "it is beyond what an exact kernel needs");
            }
            Op::Extension if !allow::EXTENSIONS.contains(&string(operands).0.as_str()) => {
                let name = string(operands).0;
                self.report(at, &format!("extension {name}"), "it is beyond what an exact kernel needs");
            }
            Op::ExtInstImport if string(&operands[1.min(operands.len())..]).0 != "GLSL.std.450" => {
                self.report(at, "an import of extended instructions", "only GLSL.std.450 is known");
            }
            Op::EntryPoint if first != spirv::ExecutionModel::GLCompute as u32 => {
                self.report(at, "an entry point of another stage", "kernels are compute shaders");
            }
            Op::ExecutionMode => self.judge_mode(at, second, operands),
            Op::Decorate => self.judge_decoration(at, second, operands.get(2).copied()),
            Op::MemberDecorate => {
                self.judge_decoration(at, operands.get(2).copied().unwrap_or(0), operands.get(3).copied());
            }
            Op::TypeInt | Op::TypeFloat if second != 32 => {
                self.report(at, &format!("Op{op:?} of {second} bits"), "numbers have 32 bits");
            }
            Op::Constant if self.floats.contains(&first) => {
                let value = f32::from_bits(operands.get(2).copied().unwrap_or(0));
                if !value.is_normal() && value != 0.0 {
                    let advice = "a result may not depend on NaN, Inf or subnormal numbers";
                    self.report(at, &format!("the constant {value:e}"), advice);
                }
            }
            _ => {}
        }
    }

    fn judge_extended(&mut self, at: usize, operands: &[u32]) {
        let number = operands.get(3).copied().unwrap_or(0);
        let Some(op) = GlslStd450Op::from_u32(number) else {
            self.report(at, &format!("extended instruction {number}"), "no such instruction is known");
            return;
        };
        if !allow::EXTENDED.contains(&op) {
            self.report(at, &format!("GLSL.std.450 {op:?}"), allow::extended_advice(op));
        } else if op == GlslStd450Op::FClamp {
            self.clamps.insert(operands.get(1).copied().unwrap_or(0), (at, self.place()));
        }
    }

    fn judge_clamps(&mut self) {
        for (id, (at, place)) in &self.clamps {
            if self.read.contains(id) {
                let advice = allow::extended_advice(GlslStd450Op::FClamp);
                let message = format!(
                    "GLSL.std.450 FClamp that feeds no conversion to an integer at word {at}{place}: {advice}"
                );
                self.found.push(Diagnostic::global(message));
            }
        }
    }

    fn judge_mode(&mut self, at: usize, mode: u32, operands: &[u32]) {
        if !allow::MODES.iter().any(|&allowed| allowed as u32 == mode) {
            let name = ExecutionMode::from_u32(mode).map_or(mode.to_string(), |found| format!("{found:?}"));
            self.report(at, &format!("execution mode {name}"), "it changes what floats mean");
        } else if mode != ExecutionMode::LocalSize as u32 && operands.get(2) != Some(&32) {
            self.report(at, "a float control of another width", "floats have 32 bits");
        }
    }

    fn judge_decoration(&mut self, at: usize, decoration: u32, value: Option<u32>) {
        if !allow::DECORATIONS.iter().any(|&allowed| allowed as u32 == decoration) {
            let name =
                Decoration::from_u32(decoration).map_or(decoration.to_string(), |found| format!("{found:?}"));
            self.report(at, &format!("decoration {name}"), "it may change results");
        } else if decoration == Decoration::DescriptorSet as u32 && value != Some(0) {
            self.report(at, "a binding outside of group 0", "use group 0");
        }
    }
}
