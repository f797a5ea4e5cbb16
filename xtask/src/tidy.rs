//! Keeps the tree readable: lengths of files and functions, openings, names, prose. Present offenders stand in
//! `xtask/offenders.txt`, which may only shrink. Generated code lies outside the tree and is not looked at.

mod functions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const NAMES_REFUSED: [&str; 5] = ["utils", "util", "common", "manager", "helpers"];
/// Snapshots of generated code are called so.
const GENERATED: &str = "generated.rs";
/// Paths of one machine have no place in the tree.
const PROSE_REFUSED: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ho", "me/")];

/// Checks the tree under `root`.
pub fn run(root: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    let mut findings = BTreeMap::new();
    for path in &files {
        let text = fs::read_to_string(root.join(path)).with_context(|| path.display().to_string())?;
        for finding in examine(path, &text) {
            findings.insert(finding.key, finding.sentence);
        }
    }
    settle(root, findings, files.len())
}

/// One thing to mend. `key` is what the list of offenders names.
struct Finding {
    key: String,
    sentence: String,
}

fn examine(path: &Path, text: &str) -> Vec<Finding> {
    let shown = path.display().to_string();
    let mut findings = Vec::new();
    let mut find =
        |what: &str, sentence: String| findings.push(Finding { key: format!("{shown} {what}"), sentence });
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    if NAMES_REFUSED.contains(&stem) {
        find("name", format!("{shown}: `{stem}` names nothing; name the file after what it decides"));
    }
    for (number, line) in text.lines().enumerate() {
        if PROSE_REFUSED.iter().any(|refused| names_root(line, refused)) {
            find("path", format!("{shown}:{}: a path of one machine", number + 1));
        }
    }
    if !matches!(extension, "rs" | "wgsl") {
        return findings;
    }
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        find("lines", format!("{shown}: {lines} lines; split it (at most {FILE_LINES_MAX})"));
    }
    let opening = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let opens = opening.is_some_and(|line| line.starts_with(if extension == "rs" { "//!" } else { "//" }));
    if !opens {
        find("opening", format!("{shown}: open with a sentence on what the file does and does not know"));
    }
    for function in functions::lengths(text) {
        if function.lines > FUNCTION_LINES_MAX {
            find(
                &format!("fn {}", function.name),
                format!(
                    "{shown}:{}: `{}` has {} lines (at most {FUNCTION_LINES_MAX})",
                    function.line, function.name, function.lines
                ),
            );
        }
    }
    if extension == "wgsl" && text.matches("@compute").count() > 1 {
        find("entries", format!("{shown}: more than one entry point"));
    }
    findings
}

/// Whether the line has the path from the root on, not as a part of a longer one.
fn names_root(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| !line[..at].ends_with(|symbol: char| symbol.is_alphanumeric()))
}

/// Compares what was found with the listed offenders: a new one fails, and so does a listed one that is mended.
fn settle(root: &Path, findings: BTreeMap<String, String>, file_count: usize) -> Result<()> {
    let list = fs::read_to_string(root.join("xtask/offenders.txt")).unwrap_or_default();
    let listed: Vec<&str> = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut wrong = 0;
    for (key, sentence) in &findings {
        if !listed.contains(&key.as_str()) {
            println!("tidy: {sentence}");
            wrong += 1;
        }
    }
    for key in &listed {
        if !findings.contains_key(*key) {
            println!("tidy: `{key}` is mended; take it off xtask/offenders.txt");
            wrong += 1;
        }
    }
    if wrong > 0 {
        bail!("{wrong} findings; mend them (the list of offenders only shrinks)");
    }
    println!("tidy: {file_count} files in order, {} listed offenders", listed.len());
    Ok(())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !name.starts_with("target") && (!name.starts_with('.') || name == ".ci") {
                collect(root, &path, files)?;
            }
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        if name != GENERATED && matches!(extension, Some("rs" | "wgsl" | "md" | "toml")) {
            files.push(path.strip_prefix(root)?.to_path_buf());
        }
    }
    files.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(path: &str, text: &str) -> Vec<String> {
        examine(Path::new(path), text).into_iter().map(|finding| finding.key).collect()
    }

    #[test]
    fn every_rule_finds_its_offender() {
        assert_eq!(keys("a/utils.rs", "//! Does.\n"), ["a/utils.rs name"]);
        assert_eq!(keys("a/film.rs", "fn f() {}\n"), ["a/film.rs opening"]);
        assert_eq!(keys("a/film.rs", &format!("//! Does.\n{}", "\n".repeat(500))), ["a/film.rs lines"]);
        let long = format!("//! Does.\nfn f() {{\n{}}}\n", "    g();\n".repeat(70));
        assert_eq!(keys("a/film.rs", &long), ["a/film.rs fn f"]);
        assert_eq!(keys("README.md", concat!("see /wo", "rk/main")), ["README.md path"]);
        assert_eq!(
            keys("a.wgsl", "// Does.\n@compute\nfn a() {}\n@compute\nfn b() {}\n"),
            ["a.wgsl entries"]
        );
        assert!(keys("a/film.rs", "//! Does.\nfn f() {}\n").is_empty());
    }
}
