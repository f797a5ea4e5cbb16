//! WGSL names as Rust names. Knows Rust's keywords and what the generator itself defines.

/// Names that the generated module defines beside what comes from WGSL.
pub const RESERVED: [&str; 12] = [
    "Bindings",
    "Kernel",
    "Hooks",
    "NoHooks",
    "BINDINGS",
    "LAYOUTS",
    "ENTRY_POINT",
    "WORKGROUP_SIZE",
    "SITES",
    "COUNTERS",
    "report",
    "audit",
];

const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self",
    "static", "struct", "super", "trait", "true", "try", "type", "typeof", "union", "unsafe", "unsized",
    "use", "virtual", "where", "while",
];

/// A WGSL name as a Rust item or field.
pub fn item(name: &str) -> String {
    if KEYWORDS.contains(&name) || name == "_" { format!("{name}_") } else { name.to_owned() }
}
