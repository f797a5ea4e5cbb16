//! Operations on their vectors against recorded digests, all in one question to the device. Decides how many vectors the suite
//! has; which there are is `tessera-shaders`'s.

use tessera_shaders::cpu_operations;
use tessera_shaders::operations::{Operation, operations};
use tessera_shared::digest::Digest;

use super::{Difference, Failure, Mismatch, Recorded, Report};
use crate::backend::{Backend, RenderError};

/// Stratified vectors of an operation besides its edges. With the edges they are a million and a half in all: a second of a CPU.
const STRATA: u32 = 4096;

/// The vectors of every operation on which exact devices agree, and where each operation's begin and end.
struct Asked {
    vectors: Vec<[u32; 4]>,
    ranges: Vec<(&'static Operation, std::ops::Range<usize>)>,
}

impl Asked {
    fn new() -> Asked {
        let mut asked = Asked { vectors: Vec::new(), ranges: Vec::new() };
        for operation in operations() {
            let start = asked.vectors.len();
            let exact = operation.vectors(STRATA).filter(|vector| vector.exact);
            asked.vectors.extend(exact.map(|vector| vector.words));
            asked.ranges.push((operation, start..asked.vectors.len()));
        }
        asked
    }

    fn answered(&self, backend: &mut dyn Backend) -> Result<Vec<[u32; 4]>, RenderError> {
        let answers = backend.operations(&self.vectors)?;
        match answers.len() == self.vectors.len() {
            true => Ok(answers),
            false => Err(RenderError::Device {
                device: backend.describe().name,
                reason: format!("{} answers to {} vectors", answers.len(), self.vectors.len()),
            }),
        }
    }
}

/// The digest of every operation's results, by name.
pub(super) fn digests(backend: &mut dyn Backend) -> Result<Vec<(String, Digest)>, RenderError> {
    let asked = Asked::new();
    let answers = asked.answered(backend)?;
    let digest = |(operation, range): &(&'static Operation, std::ops::Range<usize>)| {
        (operation.name.to_owned(), digest_of(&answers[range.clone()]))
    };
    Ok(asked.ranges.iter().map(digest).collect())
}

fn digest_of(answers: &[[u32; 4]]) -> Digest {
    // Words are hashed as little-endian on every machine.
    let bytes: Vec<u8> = answers.iter().flatten().flat_map(|word| word.to_le_bytes()).collect();
    Digest::of_parts([&b"tessera operation 1\0"[..], &bytes])
}

/// Compares every operation and enters what is wrong.
pub(super) fn check(recorded: &Recorded, backend: &mut dyn Backend, report: &mut Report) {
    let asked = Asked::new();
    report.checks += asked.ranges.len();
    report.vectors += asked.vectors.len();
    let answers = match asked.answered(backend) {
        Ok(answers) => answers,
        Err(error) => {
            let difference = Difference::NoAnswer(error.to_string());
            return report.failures.push(Failure { name: "operations".to_owned(), difference });
        }
    };
    for (operation, range) in &asked.ranges {
        let (vectors, answers) = (&asked.vectors[range.clone()], &answers[range.clone()]);
        if let Some(difference) = compare(recorded.get(operation.name), vectors, answers) {
            report.failures.push(Failure { name: operation.name.to_owned(), difference });
        }
    }
}

fn compare(wanted: Option<Digest>, vectors: &[[u32; 4]], answers: &[[u32; 4]]) -> Option<Difference> {
    let Some(wanted) = wanted else { return Some(Difference::Unrecorded) };
    let got = digest_of(answers);
    if got == wanted {
        return None;
    }
    let (mut failed, mut first) = (0, None);
    for (&words, &device) in vectors.iter().zip(answers) {
        let [a, b, c, index] = words;
        let cpu = cpu_operations::operation(index, a, b, c).to_array();
        if device != cpu {
            failed += 1;
            first.get_or_insert(Mismatch { words, device, cpu });
        }
    }
    Some(match first {
        Some(first) => Difference::Vectors { failed, of: vectors.len(), first },
        None => Difference::Alike { wanted, got },
    })
}
