//! What every stage reports: a place in a WGSL file and what to do about it.
//! Knows nothing of naga or SPIR-V.

use std::fmt;

/// A place in a WGSL file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Path as shown to people, such as `wgsl/math.wgsl`.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in bytes, counted from 1; 0 if unknown.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// One finding, with the place it is about where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where; `None` for findings about a whole module.
    pub location: Option<Location>,
    /// What was found and what to do instead.
    pub message: String,
    /// Further lines: source excerpts, import chains.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// A finding at a place.
    pub fn at(location: Location, message: impl Into<String>) -> Self {
        Self { location: Some(location), message: message.into(), notes: Vec::new() }
    }

    /// A finding about a whole module.
    pub fn global(message: impl Into<String>) -> Self {
        Self { location: None, message: message.into(), notes: Vec::new() }
    }

    /// The same finding with one more line below it.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        f.write_str(&self.message)?;
        for note in &self.notes {
            write!(f, "\n    {note}")?;
        }
        Ok(())
    }
}

/// Everything that a stage found wrong; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CompileError {
    /// The stage that refused the shader: `compose`, `parse`, `validate`, `lint`, `gate`, `rust`.
    pub stage: &'static str,
    /// What it found, in source order where there is one.
    pub diagnostics: Vec<Diagnostic>,
}

impl CompileError {
    /// An error of one finding.
    pub fn one(stage: &'static str, diagnostic: Diagnostic) -> Self {
        Self { stage, diagnostics: vec![diagnostic] }
    }

    /// `Ok` when nothing was found.
    pub fn unless_empty(stage: &'static str, diagnostics: Vec<Diagnostic>) -> Result<(), Self> {
        if diagnostics.is_empty() { Ok(()) } else { Err(Self { stage, diagnostics }) }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {diagnostic}", self.stage)?;
        }
        Ok(())
    }
}
