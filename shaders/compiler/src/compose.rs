//! Joins an entry file and the modules that it imports into one WGSL text, and remembers where each line came from.
//! Knows nothing of WGSL beyond the line `#import name`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::{CompileError, Diagnostic, Location};

/// One WGSL text and the origin of its lines.
#[derive(Clone, Debug)]
pub struct Source {
    /// The composed text.
    pub text: String,
    /// Module names in the order of first inclusion; the entry first. `name` stands for `name.wgsl`.
    pub modules: Vec<String>,
    /// Put before module names in messages, such as `wgsl/`.
    pub prefix: String,
    /// For each composed line: (index into `modules`, line in that file from 1).
    lines: Vec<(u32, u32)>,
    /// Byte offset at which each composed line starts.
    starts: Vec<usize>,
}

impl Source {
    /// The place in its own file of a byte offset in `text`.
    pub fn locate(&self, offset: usize) -> Location {
        let index = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let (module, line) = self.lines.get(index).copied().unwrap_or((0, 1));
        let start = self.starts.get(index).copied().unwrap_or(0);
        let name = self.modules.get(module as usize).map_or("?", String::as_str);
        Location {
            file: format!("{}{name}.wgsl", self.prefix),
            line,
            column: (offset - start.min(offset)) as u32 + 1,
        }
    }

    /// The place of a naga span, where it has one.
    pub fn locate_span(&self, span: naga::Span) -> Option<Location> {
        span.to_range().map(|range| self.locate(range.start))
    }

    /// The composed line that holds a byte offset, for excerpts.
    pub fn line_text(&self, offset: usize) -> &str {
        let index = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = self.starts.get(index).copied().unwrap_or(0);
        self.text[start..].lines().next().unwrap_or("")
    }

    /// The files that the text was made of, below `root`.
    pub fn files(&self, root: &Path) -> Vec<PathBuf> {
        self.modules.iter().map(|name| root.join(format!("{name}.wgsl"))).collect()
    }
}

/// Composes `root/entry.wgsl` with everything that it imports.
pub fn compose(root: &Path, entry: &str, prefix: &str) -> Result<Source, CompileError> {
    compose_with(entry, prefix, &|name| {
        let path = root.join(format!("{name}.wgsl"));
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    })
}

/// Composes from modules held in memory, by name.
pub fn compose_memory(entry: &str, modules: &BTreeMap<&str, &str>) -> Result<Source, CompileError> {
    compose_with(entry, "", &|name| {
        modules.get(name).map(|text| (*text).to_owned()).ok_or_else(|| format!("no module named `{name}`"))
    })
}

type Read<'a> = &'a dyn Fn(&str) -> Result<String, String>;

fn compose_with(entry: &str, prefix: &str, read: Read<'_>) -> Result<Source, CompileError> {
    let source = Source {
        text: String::new(),
        modules: Vec::new(),
        prefix: prefix.to_owned(),
        lines: Vec::new(),
        starts: Vec::new(),
    };
    let mut composer = Composer { source, read, open: Vec::new() };
    composer.include(entry, None).map_err(|diagnostic| CompileError::one("compose", *diagnostic))?;
    Ok(composer.source)
}

struct Composer<'a> {
    source: Source,
    read: Read<'a>,
    /// Names being included, outermost first.
    open: Vec<String>,
}

impl Composer<'_> {
    fn include(&mut self, name: &str, at: Option<Location>) -> Result<(), Box<Diagnostic>> {
        let fail = |message: String| {
            Box::new(match &at {
                Some(location) => Diagnostic::at(location.clone(), message),
                None => Diagnostic::global(message),
            })
        };
        if self.open.iter().any(|open| open == name) {
            let chain = self.open.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(" → ");
            return Err(fail(format!("`{name}` imports itself: {chain}; break the cycle")));
        }
        if self.source.modules.iter().any(|module| module == name) {
            return Ok(());
        }
        let text = (self.read)(name).map_err(fail)?;
        let module = self.source.modules.len() as u32;
        self.source.modules.push(name.to_owned());
        self.open.push(name.to_owned());
        for (index, line) in text.lines().enumerate() {
            let number = index as u32 + 1;
            let location =
                || Location { file: format!("{}{name}.wgsl", self.source.prefix), line: number, column: 0 };
            match import_of(line) {
                None => self.push(line, module, number),
                Some(Ok(import)) => {
                    let at = location();
                    self.include(import, Some(at))?;
                }
                Some(Err(message)) => return Err(Box::new(Diagnostic::at(location(), message))),
            }
        }
        self.open.pop();
        Ok(())
    }

    fn push(&mut self, line: &str, module: u32, number: u32) {
        self.source.starts.push(self.source.text.len());
        self.source.lines.push((module, number));
        self.source.text.push_str(line);
        self.source.text.push('\n');
    }
}

/// The name that a line imports, if it is an import.
fn import_of(line: &str) -> Option<Result<&str, String>> {
    let rest = line.trim().strip_prefix('#')?;
    let Some(name) = rest.strip_prefix("import").filter(|name| name.starts_with([' ', '\t'])) else {
        return Some(Err(format!("unknown directive `#{rest}`: only `#import name` is known")));
    };
    let name = name.trim();
    let good = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if name.split('/').all(good) {
        Some(Ok(name))
    } else {
        Some(Err(format!(
            "`{name}` is no module name: use lower-case letters, digits, `_`, and `/` between folders, without `.wgsl`"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(modules: &[(&str, &str)], expect: Expect) {
        let modules = modules.iter().copied().collect();
        let actual = match compose_memory("main", &modules) {
            Ok(source) => {
                let mut out = String::new();
                for (index, line) in source.text.lines().enumerate() {
                    out.push_str(&format!("{} | {line}\n", source.locate(source.starts[index])));
                }
                out
            }
            Err(error) => error.to_string(),
        };
        expect.assert_eq(&actual);
    }

    #[test]
    fn a_module_is_included_once_where_it_is_first_imported() {
        check(
            &[
                ("main", "#import a\n#import dir/b\nfn main() {}\n"),
                ("a", "#import dir/b\nconst A = 1;\n"),
                ("dir/b", "const B = 2;"),
            ],
            expect![[r#"
                dir/b.wgsl:1:1 | const B = 2;
                a.wgsl:2:1 | const A = 1;
                main.wgsl:3:1 | fn main() {}
            "#]],
        );
    }

    #[test]
    fn a_cycle_is_named_with_its_chain() {
        check(
            &[("main", "#import a"), ("a", "\n#import b"), ("b", "#import a")],
            expect!["compose: b.wgsl:1: `a` imports itself: main → a → b → a; break the cycle"],
        );
    }

    #[test]
    fn a_missing_module_is_named_where_it_is_imported() {
        check(
            &[("main", "fn main() {}\n  #import lost")],
            expect!["compose: main.wgsl:2: no module named `lost`"],
        );
    }

    #[test]
    fn a_path_out_of_the_folder_is_refused() {
        check(
            &[("main", "#import ../secret")],
            expect![
                "compose: main.wgsl:1: `../secret` is no module name: use lower-case letters, digits, `_`, and `/` between folders, without `.wgsl`"
            ],
        );
    }

    #[test]
    fn another_directive_is_refused() {
        check(
            &[("main", "#include a")],
            expect!["compose: main.wgsl:1: unknown directive `#include a`: only `#import name` is known"],
        );
    }
}
