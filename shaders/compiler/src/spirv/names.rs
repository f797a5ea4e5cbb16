//! Takes the names for people out of a module that the gate has passed: they are a tenth of its words and every driver reads them.

use spirv::Op;

use super::words::{HEADER_WORDS, Malformed, instructions};

/// The module without `OpName` and `OpMemberName`.
pub fn strip_names(words: &[u32]) -> Result<Vec<u32>, Malformed> {
    let instructions = instructions(words)?;
    let mut out = words[..HEADER_WORDS].to_vec();
    let ends = instructions.iter().skip(1).map(|instruction| instruction.at).chain([words.len()]);
    for (instruction, end) in instructions.iter().zip(ends) {
        if instruction.opcode != Op::Name as u16 && instruction.opcode != Op::MemberName as u16 {
            out.extend_from_slice(&words[instruction.at..end]);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::words::head;
    use super::*;

    #[test]
    fn names_go_and_the_rest_stays() {
        let header = [0x0723_0203, 0x0001_0300, 0, 9, 0];
        let kept = [head(Op::Capability, 2), 1, head(Op::TypeVoid, 2), 3];
        let named = [head(Op::Name, 3), 3, 0x0061_6161, head(Op::MemberName, 4), 3, 0, 0x0061];
        let module = [&header[..], &kept[..2], &named, &kept[2..]].concat();
        assert_eq!(strip_names(&module).unwrap(), [&header[..], &kept].concat());
        assert_eq!(strip_names(&strip_names(&module).unwrap()).unwrap(), [&header[..], &kept].concat());
    }
}
