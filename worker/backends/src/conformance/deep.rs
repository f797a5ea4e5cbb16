//! Every operation of the exact subset on a GPU against the CPU backend's own, on thirty times the suite's vectors: for tests and
//! for the first look at a new kind of device. Knows no recorded digest, so it trusts this machine's CPU.

use tessera_shaders::cpu_operations;
use tessera_shaders::operations::{Operand, Operation, operations};

use tessera_shared::messages::Mode;

use super::Mismatch;
use crate::gpu::{GpuAdapter, OpenDeviceError};

/// Stratified vectors of an operation with one operand, and of one with more, besides the edges.
const UNARY_STRATA: u32 = 1 << 20;
const STRATA: u32 = 1 << 15;

/// How one operation went.
#[derive(Clone, Debug)]
pub struct CheckedOperation {
    pub operation: &'static Operation,
    /// Those on which every exact device must agree.
    pub vectors: usize,
    /// Vectors whose results differ from the CPU's.
    pub failures: usize,
    pub first: Option<Mismatch>,
}

/// Runs every operation on the adapter.
pub fn check_operations(adapter: &GpuAdapter) -> Result<Vec<CheckedOperation>, OpenDeviceError> {
    operations().iter().map(|operation| check_operation(adapter, operation)).collect()
}

fn check_operation(
    adapter: &GpuAdapter,
    operation: &'static Operation,
) -> Result<CheckedOperation, OpenDeviceError> {
    let unary = operation.operands[1] == Operand::Unused;
    let vectors: Vec<_> = operation.vectors(if unary { UNARY_STRATA } else { STRATA }).collect();
    let operands: Vec<[u32; 4]> = vectors.iter().map(|vector| vector.words).collect();
    let results = adapter.run_operations(Mode::Exact, &operands)?;
    let mut checked = CheckedOperation { operation, vectors: 0, failures: 0, first: None };
    for (vector, device) in vectors.iter().zip(results).filter(|(vector, _)| vector.exact) {
        let [a, b, c, index] = vector.words;
        let cpu = cpu_operations::operation(index, a, b, c).to_array();
        checked.vectors += 1;
        if device != cpu {
            checked.failures += 1;
            checked.first.get_or_insert(Mismatch { words: vector.words, device, cpu });
        }
    }
    Ok(checked)
}
