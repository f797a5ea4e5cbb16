//! The second set of words of a kernel, for devices that somebody trusts (`--mode fast`): functions of the exact library replaced by
//! built-ins, and arithmetic that a driver may contract. Neither lint nor gate looks at it. Knows no function by name.

use crate::compose::Source;
use crate::diagnostic::{CompileError, Diagnostic};
use crate::front;
use crate::spirv::{emit, names};

/// SPIR-V of an entry whose functions are replaced by their namesakes in `replacements`, without `NoContraction`. Functions are
/// recognised as this project writes them: `fn name(` at the start of a line, and the first line that is `}` alone ends it.
pub fn compile_fast(source: &Source, replacements: &str) -> Result<Vec<u32>, CompileError> {
    let mut fast = source.clone();
    for (name, function) in functions(replacements) {
        let replaced = replace(&fast.text, name, function);
        fast.text = replaced.ok_or_else(|| {
            let message = format!("`{name}` of the fast functions replaces nothing; name it as in `math`");
            CompileError::one("fast", Diagnostic::global(message))
        })?;
    }
    let validated = front::parse(&fast)?;
    let words = emit::emit_contractible(&fast, &validated)?;
    names::strip_names(&words).map_err(|error| {
        CompileError::one("fast", Diagnostic::global(format!("naga wrote bad words: {error}")))
    })
}

/// The functions of a text, by name.
fn functions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let starts = text.match_indices("fn ").filter(|(at, _)| *at == 0 || text[..*at].ends_with('\n'));
    starts.filter_map(|(at, _)| {
        let name = text[at + 3..].split('(').next()?;
        Some((name, &text[at..at + length(&text[at..])?]))
    })
}

/// Bytes of the function at the start of a text.
fn length(text: &str) -> Option<usize> {
    text.find("\n}\n").map(|end| end + 3)
}

/// The text with another function of that name.
fn replace(text: &str, name: &str, function: &str) -> Option<String> {
    let head = format!("\nfn {name}(");
    let at = text.find(&head)? + 1;
    let end = at + length(&text[at..])?;
    Some([&text[..at], function, &text[end..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::compose_memory;
    use crate::spirv::words::instructions;

    const ENTRY: &str = "#import math
@group(0) @binding(0) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(1)
fn main() {
    out[0] = root(out[1]) * out[2] + out[3];
}
";
    const MATH: &str = "
fn root(x: f32) -> f32 {
    return x * 0.5;
}
";

    fn opcodes(replacements: &str) -> Result<Vec<u16>, CompileError> {
        let source = compose_memory("main", &[("main", ENTRY), ("math", MATH)].into()).unwrap();
        let words = compile_fast(&source, replacements)?;
        Ok(instructions(&words).unwrap().iter().map(|instruction| instruction.opcode).collect())
    }

    #[test]
    fn namesakes_replace_and_nothing_is_decorated() {
        let plain = opcodes("").unwrap();
        let fast = opcodes("// More.\nfn root(x: f32) -> f32 {\n    return sqrt(x);\n}\n").unwrap();
        let count =
            |opcodes: &[u16], op: spirv::Op| opcodes.iter().filter(|&&found| found == op as u16).count();
        assert_eq!((count(&plain, spirv::Op::ExtInst), count(&plain, spirv::Op::FMul)), (0, 2));
        assert_eq!((count(&fast, spirv::Op::ExtInst), count(&fast, spirv::Op::FMul)), (1, 1));
        // Bindings and the array's stride are all that is decorated.
        assert!(count(&fast, spirv::Op::Decorate) <= 5, "{}", count(&fast, spirv::Op::Decorate));
    }

    #[test]
    fn a_function_that_replaces_nothing_is_an_error() {
        let error = opcodes("fn roots(x: f32) -> f32 {\n    return x;\n}\n").unwrap_err();
        assert!(error.to_string().contains("`roots` of the fast functions replaces nothing"), "{error}");
    }
}
