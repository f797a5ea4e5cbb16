//! Which ids an instruction of a function body reads. Knows the instructions that the gate allows, no others.

use spirv::Op;

/// Ids among the operands, the result type and result left out; literals are not mistaken for ids.
pub fn ids_read(op: Op, operands: &[u32]) -> Vec<u32> {
    let from = |start: usize| operands.get(start..).unwrap_or(&[]).to_vec();
    let range =
        |start: usize, end: usize| operands.get(start..end.min(operands.len())).unwrap_or(&[]).to_vec();
    match op {
        Op::Label | Op::FunctionEnd | Op::Return | Op::Unreachable | Op::Branch | Op::LoopMerge => Vec::new(),
        Op::SelectionMerge | Op::Function | Op::FunctionParameter => Vec::new(),
        Op::Store => range(0, 2),
        Op::ReturnValue | Op::BranchConditional | Op::Switch => range(0, 1),
        Op::ControlBarrier | Op::MemoryBarrier => from(0),
        Op::Load | Op::CompositeExtract | Op::ArrayLength => range(2, 3),
        Op::CompositeInsert | Op::VectorShuffle => range(2, 4),
        Op::Variable => from(3),
        Op::ExtInst => from(4),
        _ => from(2),
    }
}
