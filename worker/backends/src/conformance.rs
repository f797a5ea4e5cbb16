//! Every operation of the exact subset on a GPU against the CPU backend's own, on the vectors that `tessera-shaders` makes.
//! Says what differs; whether that bars a device is for others to decide.

use tessera_shaders::operations::{Operand, Operation, operations};
use tessera_shaders::{cpu_operations, spirv};

use crate::gpu::{ComputeBuffer, GpuAdapter, OpenDeviceError};

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

/// One vector with two results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// a, b, c and the operation's index.
    pub words: [u32; 4],
    pub device: [u32; 4],
    pub cpu: [u32; 4],
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
    let zeros = vec![0u8; operands.len() * 16];
    let buffers = [
        ComputeBuffer { bytes: bytemuck::cast_slice(&operands), writable: false },
        ComputeBuffer { bytes: &zeros, writable: true },
    ];
    let groups = (operands.len() as u32).div_ceil(64);
    let written = adapter.run_compute(spirv::OPERATIONS, "operations", &buffers, [groups, 1, 1])?;
    let results: Vec<[u32; 4]> = bytemuck::pod_collect_to_vec(&written[0]);
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
