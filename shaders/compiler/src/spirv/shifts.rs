//! Masks shift amounts with 31. WGSL takes them modulo 32, naga writes them as they are, and SPIR-V leaves a shift by 32
//! or more undefined.

use std::collections::{BTreeMap, BTreeSet};

use spirv::Op;

use super::words::{Instruction, Malformed, head, instructions};

/// Inserts an `OpBitwiseAnd` before each shift whose amount is no constant.
pub fn mask_shifts(words: &[u32]) -> Result<Vec<u32>, Malformed> {
    let instructions = instructions(words)?;
    let facts = Facts::of(&instructions);
    let open: Vec<&Instruction<'_>> =
        instructions.iter().filter(|instruction| facts.is_open(instruction)).collect();
    if open.is_empty() {
        return Ok(words.to_vec());
    }
    let mut next_id = words[3];
    let mut fresh = || {
        next_id += 1;
        next_id - 1
    };
    let mut constants = Vec::new();
    let mut masks: BTreeMap<u32, u32> = BTreeMap::new();
    for instruction in &open {
        let Some(&ty) = facts.types.get(&instruction.operands[3]) else { continue };
        if masks.contains_key(&ty) {
            continue;
        }
        let (scalar, count) = facts.vectors.get(&ty).copied().unwrap_or((ty, 1));
        let mask = *masks.entry(scalar).or_insert_with(|| {
            let id = fresh();
            constants.extend([head(Op::Constant, 4), scalar, id, 31]);
            id
        });
        if count > 1 {
            let id = fresh();
            constants.extend([head(Op::ConstantComposite, 3 + count as usize), ty, id]);
            constants.extend(std::iter::repeat_n(mask, count as usize));
            masks.insert(ty, id);
        }
    }
    let mut out = Vec::with_capacity(words.len() + constants.len() + open.len() * 5);
    out.extend_from_slice(&words[..super::words::HEADER_WORDS]);
    let mut in_functions = false;
    for instruction in &instructions {
        if instruction.opcode == Op::Function as u16 && !in_functions {
            in_functions = true;
            out.extend_from_slice(&constants);
        }
        let own = &words[instruction.at..=instruction.at + instruction.operands.len()];
        let mask = facts
            .types
            .get(instruction.operands.get(3).unwrap_or(&0))
            .and_then(|ty| Some((*ty, *masks.get(ty)?)));
        match mask {
            Some((ty, mask)) if facts.is_open(instruction) => {
                let amount = fresh();
                out.extend([head(Op::BitwiseAnd, 5), ty, amount, instruction.operands[3], mask]);
                out.extend([own[0], own[1], own[2], own[3], amount]);
            }
            _ => out.extend_from_slice(own),
        }
    }
    out[3] = next_id;
    Ok(out)
}

#[derive(Default)]
struct Facts {
    /// Amounts that need no mask: constants, of which the gate refuses those of 32 or more, and what is masked already.
    closed: BTreeSet<u32>,
    /// Constants below 32.
    small: BTreeSet<u32>,
    /// Results of type and id: the type of each id that may be an amount.
    types: BTreeMap<u32, u32>,
    /// Vector types: scalar type and component count.
    vectors: BTreeMap<u32, (u32, u32)>,
}

impl Facts {
    fn of(instructions: &[Instruction<'_>]) -> Self {
        let mut facts = Self::default();
        let mut in_functions = false;
        for instruction in instructions {
            let op = Op::from_u32(u32::from(instruction.opcode));
            in_functions |= op == Some(Op::Function);
            match (op, instruction.operands) {
                (Some(Op::TypeVector), [id, scalar, count]) => {
                    facts.vectors.insert(*id, (*scalar, *count));
                }
                (Some(Op::Constant | Op::ConstantComposite | Op::ConstantNull), [ty, id, ..]) => {
                    facts.closed.insert(*id);
                    facts.types.insert(*id, *ty);
                    if op == Some(Op::Constant)
                        && instruction.operands.get(2).is_some_and(|&value| value < 32)
                    {
                        facts.small.insert(*id);
                    }
                }
                (Some(Op::BitwiseAnd), [ty, id, a, b]) => {
                    facts.types.insert(*id, *ty);
                    if facts.small.contains(a) || facts.small.contains(b) {
                        facts.closed.insert(*id);
                    }
                }
                // In function bodies, what has no result has no shift amount either: its second word does no harm.
                (Some(_), [ty, id, ..]) if in_functions => {
                    facts.types.entry(*id).or_insert(*ty);
                }
                _ => {}
            }
        }
        facts
    }

    fn is_open(&self, instruction: &Instruction<'_>) -> bool {
        let shift = [Op::ShiftLeftLogical, Op::ShiftRightLogical, Op::ShiftRightArithmetic]
            .iter()
            .any(|&op| op as u16 == instruction.opcode);
        shift && instruction.operands.get(3).is_some_and(|amount| !self.closed.contains(amount))
    }
}
