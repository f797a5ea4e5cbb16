//! Calls by name in WGSL text, for what is gone from the IR because it was evaluated. Knows comments and identifiers only.

use naga::MathFunction;

use super::advice;

/// A name followed by `(`.
pub struct Call<'t> {
    pub name: &'t str,
    pub offset: usize,
}

/// Every call in a text, comments left out.
pub fn calls(text: &str) -> Vec<Call<'_>> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if bytes[at].is_ascii_alphabetic() || bytes[at] == b'_' {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let length = bytes[at..].iter().take_while(|byte| is_name(byte)).count();
            if text[at + length..].trim_start().starts_with('(') {
                out.push(Call { name: &text[at..at + length], offset: at });
            }
            at += length;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    out
}

/// The built-in of a name, if it takes floats alone.
pub fn float_only(name: &str) -> Option<MathFunction> {
    let (fun, _) = advice::ALL.iter().copied().find(|&(_, other)| other == name)?;
    (advice::of_math(fun, true).is_some() && !advice::takes_integers(fun)).then_some(fun)
}
