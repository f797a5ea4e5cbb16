//! WGSL names as Rust names. Knows Rust's keywords and what the generator itself defines.

/// Names that the generated module defines beside what comes from WGSL.
pub const RESERVED: [&str; 13] = [
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
    "intrinsics",
];

/// Refuses a name that the generated module needs for itself; vectors are `Vec2f` to `Vec4b` there.
pub fn check(name: &str) -> Result<(), String> {
    let vector = name
        .strip_prefix("Vec")
        .is_some_and(|rest| matches!(rest.as_bytes(), [b'2'..=b'4', b'f' | b'u' | b'i' | b'b']));
    if vector || RESERVED.contains(&name) {
        return Err(format!("the name `{name}`, which the generated code defines itself: choose another"));
    }
    Ok(())
}

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
