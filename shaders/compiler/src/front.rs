//! Composed WGSL to validated naga IR; naga's errors are told in terms of the module's own file and line.

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

use crate::compose::Source;
use crate::diagnostic::{CompileError, Diagnostic};

/// A parsed and validated module.
#[derive(Debug)]
pub struct Validated {
    /// The IR as the front end made it, without unused abstract constants.
    pub module: naga::Module,
    /// Types of expressions and uses of globals.
    pub info: ModuleInfo,
}

/// Parses and validates. All capabilities are open here, so that the lint can refuse what is outside the exact
/// subset in its own words.
pub fn parse(source: &Source) -> Result<Validated, CompileError> {
    let mut module = naga::front::wgsl::parse_str(&source.text)
        .map_err(|error| CompileError::one("parse", parse_diagnostic(source, &error)))?;
    validate(source, &module)?;
    naga::compact::compact(&mut module, naga::compact::KeepUnused::Yes);
    let info = validate(source, &module)?;
    Ok(Validated { module, info })
}

pub(crate) fn validate(source: &Source, module: &naga::Module) -> Result<ModuleInfo, CompileError> {
    Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(module)
        .map_err(|error| CompileError::one("validate", validation_diagnostic(source, &error)))
}

fn parse_diagnostic(source: &Source, error: &naga::front::wgsl::ParseError) -> Diagnostic {
    let mut labels = error.labels().filter(|(span, _)| span.is_defined());
    let first = labels.next();
    let mut diagnostic = match first {
        Some((span, _)) => with_excerpt(source, span, error.message()),
        None => Diagnostic::global(error.message()),
    };
    if let Some((_, label)) = first
        && !label.is_empty()
    {
        diagnostic = diagnostic.note(label);
    }
    for (span, label) in labels {
        if let Some(location) = source.locate_span(span) {
            diagnostic = diagnostic.note(format!("{location}: {label}"));
        }
    }
    error.notes().fold(diagnostic, |diagnostic, note| diagnostic.note(note))
}

fn validation_diagnostic(
    source: &Source,
    error: &naga::WithSpan<naga::valid::ValidationError>,
) -> Diagnostic {
    let mut message = error.as_inner().to_string();
    let mut cause = std::error::Error::source(error.as_inner());
    while let Some(inner) = cause {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        cause = inner.source();
    }
    // naga names what holds the culprit first; the shortest span is the culprit itself.
    let spans = error.spans().filter_map(|(span, _)| span.to_range().map(|range| (range.len(), *span)));
    match spans.min_by_key(|&(length, _)| length) {
        Some((_, span)) => with_excerpt(source, span, &message),
        None => Diagnostic::global(message),
    }
}

fn with_excerpt(source: &Source, span: naga::Span, message: &str) -> Diagnostic {
    let offset = span.to_range().map_or(0, |range| range.start);
    Diagnostic::at(source.locate(offset), message).note(format!("| {}", source.line_text(offset).trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(modules: &[(&str, &str)], expect: Expect) {
        let source = crate::compose::compose_memory("main", &modules.iter().copied().collect()).unwrap();
        expect.assert_eq(&parse(&source).unwrap_err().to_string());
    }

    #[test]
    fn a_parse_error_names_the_line_of_the_module() {
        check(
            &[("main", "#import a\nfn main() {}"), ("a", "fn good() {}\nfn bad( {}\n")],
            expect![[r#"
                parse: a.wgsl:2:9: expected identifier, found "{"
                    | fn bad( {}
                    expected identifier"#]],
        );
    }

    #[test]
    fn a_type_error_names_the_line_of_the_module() {
        check(
            &[("main", "#import a\nfn main() {}"), ("a", "\n\nfn bad() -> u32 { return 1.5f; }\n")],
            expect![[r#"
                validate: a.wgsl:3:26: Function [0] 'bad' is invalid: The `return` expression Some([0]) does not match the declared return type Some([0])
                    | fn bad() -> u32 { return 1.5f; }"#]],
        );
    }

    #[test]
    fn an_unknown_name_is_told() {
        check(
            &[("main", "fn main() -> u32 {\n return lost(2u);\n}")],
            expect![[r#"
            parse: main.wgsl:2:9: no definition in scope for identifier: `lost`
                |  return lost(2u);
                unknown identifier"#]],
        );
    }
}
