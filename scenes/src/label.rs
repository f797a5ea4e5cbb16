//! How errors and notices call a thing of a glTF file: `node 3 "lamp"`.

/// Longest name that is quoted back, in characters.
const NAME_CHARS_MAX: usize = 60;

/// The kind, the index and, where there is one, the name, cut and escaped.
pub fn label(kind: &str, index: usize, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{kind} {index} {}", quoted(name)),
        None => format!("{kind} {index}"),
    }
}

/// Text of a file made fit for one line of a terminal.
pub fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(NAME_CHARS_MAX).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", cut.escape_debug())
}
