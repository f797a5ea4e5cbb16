//! The source lines at which an audited backend looks at floats, numbered.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::diagnostic::Location;

/// Lines met so far.
#[derive(Debug, Default)]
pub struct Sites {
    indices: BTreeMap<(String, u32), usize>,
    order: Vec<(String, u32)>,
}

impl Sites {
    /// The number of a line.
    pub fn index(&mut self, location: Option<Location>) -> usize {
        let key = location.map_or(("?".to_owned(), 0), |location| (location.file, location.line));
        *self.indices.entry(key.clone()).or_insert_with(|| {
            self.order.push(key);
            self.order.len() - 1
        })
    }

    /// The tables, `audit` and `report`.
    pub fn write(&self, out: &mut String) {
        let count = self.order.len();
        let _ = writeln!(out, "/// WGSL file and line of each audited site.");
        let _ = writeln!(out, "pub const SITES: &[(&str, u32)] = &[");
        for (file, line) in &self.order {
            let _ = writeln!(out, "    ({file:?}, {line}),");
        }
        let _ = writeln!(
            out,
            "];\nstatic COUNTERS: [Counters; {count}] = [const {{ Counters::new() }}; {count}];"
        );
        out.push_str(
            "#[inline(always)]
fn audit<V: Audited>(value: V, site: usize) -> V {
    value.show(&COUNTERS[site]);
    value
}
/// Takes what was counted since the last report: (WGSL file, line, counts), only lines with something to tell.
pub fn report() -> Vec<(&'static str, u32, Counts)> {
    let taken = SITES.iter().zip(&COUNTERS).map(|(&(file, line), counters)| (file, line, counters.take()));
    taken.filter(|(_, _, counts)| *counts != Counts::default()).collect()
}
",
        );
    }
}
