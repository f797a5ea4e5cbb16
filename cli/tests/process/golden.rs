//! The bits of every kernel version stay what they are: `benches/golden.txt` holds them, this renders them again.

use std::fmt::Write;

use tessera_shared::KERNEL_VERSION;

use crate::sandbox::{Sandbox, root};

const RECORD: &str = "benches/golden.txt";

/// `VERSION | ARGUMENTS OF tessera render | DIGEST`.
fn entry(line: &str) -> (u32, &str, &str) {
    let fields: Vec<&str> = line.split(" | ").collect();
    let &[version, arguments, digest] = fields.as_slice() else {
        panic!("{RECORD}: {line:?} has not three fields")
    };
    (version.parse().unwrap_or_else(|error| panic!("{RECORD}: {line:?}: {error}")), arguments, digest)
}

#[test]
fn the_bits_of_this_kernel_have_not_moved() {
    let text = std::fs::read_to_string(root().join(RECORD)).unwrap();
    let entries = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(entry);
    let present: Vec<_> = entries.filter(|(version, ..)| *version == KERNEL_VERSION).collect();
    assert!(!present.is_empty(), "{RECORD} has nothing of kernel {KERNEL_VERSION}; run `cargo xtask golden`");
    let sandbox = Sandbox::new();
    let mut moved = String::new();
    for (_, arguments, recorded) in present {
        let found = sandbox.film(&format!("{arguments} --backend cpu"));
        if found != recorded {
            writeln!(moved, "{arguments}\n  recorded {recorded}\n  now      {found}").unwrap();
        }
    }
    assert!(
        moved.is_empty(),
        "bits moved; if they are meant to, raise KERNEL_VERSION in shared/src/lib.rs and run `cargo xtask golden`\n{moved}"
    );
}
