//! What `tessera bench` found, for people.

use super::{Found, Row};
use crate::console;
use crate::progress::amount;
use tessera_benches::score::Rate;

/// Prints the table on standard output; failing vectors below it.
pub fn print(found: &Found) {
    for line in lines(found) {
        console::print(format_args!("{line}"));
    }
}

const HEADS: [&str; 7] = [
    "device",
    "suite",
    "coherent Mrays/s",
    "incoherent Mrays/s",
    "fast Mrays/s, coherent / incoherent",
    "memory GiB",
    "upload GB/s",
];

/// A Markdown table: it is read as it is, and pasted as it is.
fn lines(found: &Found) -> Vec<String> {
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(found.rows.iter().map(cells));
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &[String; HEADS.len()]| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
    };
    let mut lines = vec![line(&rows[0])];
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    lines.push(format!("| {} |", rule.join(" | ")));
    lines.extend(rows[1..].iter().map(line));
    for row in found.rows.iter().filter(|row| !row.report.failures.is_empty()) {
        lines.push(format!(
            "{} is not exact, and no farm lends it work that is checked:",
            row.report.device.name
        ));
        lines.extend(row.report.failures.iter().map(|failure| format!("  {failure}")));
    }
    let disk = &found.disk;
    lines.push(format!(
        "blobs: {}B/s to disk, {}B/s from it; seed {}",
        amount(disk.write_bytes_per_second as f64),
        amount(disk.read_bytes_per_second as f64),
        found.seed
    ));
    lines
}

fn cells(row: &Row) -> [String; HEADS.len()] {
    let suite = match row.report.failures.len() {
        0 => "exact".to_owned(),
        failures => format!("{failures} wrong"),
    };
    let fast = row.fast.as_ref().map_or("–".to_owned(), |fast| {
        format!("{} / {}", mrays(fast.coherent.rays_per_second), mrays(fast.incoherent.rays_per_second))
    });
    let memory = row
        .memory_bytes
        .map_or("–".to_owned(), |bytes| format!("{:.1}", bytes as f64 / f64::from(1 << 30)));
    let upload = row.score.upload_bytes_per_second;
    let upload = upload.map_or("–".to_owned(), |bytes| format!("{:.2}", bytes as f64 / 1e9));
    let device = format!("{} ({})", row.report.device.name, row.report.device.driver);
    [device, suite, verified(row.score.coherent), verified(row.score.incoherent), fast, memory, upload]
}

/// A rate counts only where the blocks were right.
fn verified(rate: Rate) -> String {
    match rate.blocks_wrong {
        0 => mrays(rate.rays_per_second),
        wrong => format!("none: {wrong} of {} blocks wrong", rate.blocks_checked),
    }
}

fn mrays(rays_per_second: u64) -> String {
    format!("{:.2}", rays_per_second as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::disk::Rates;
    use expect_test::expect;

    #[test]
    fn a_rate_of_wrong_blocks_is_none() {
        let found = crate::bench::signed::tests::found();
        let found = Found { disk: Rates { write_bytes_per_second: 1_500_000_000, ..found.disk }, ..found };
        expect![[r#"
            | device        | suite   | coherent Mrays/s | incoherent Mrays/s        | fast Mrays/s, coherent / incoherent | memory GiB | upload GB/s |
            | ------------- | ------- | ---------------- | ------------------------- | ----------------------------------- | ---------- | ----------- |
            | CPU (1.0)     | exact   | 4.00             | 2.50                      | –                                   | 3.0        | –           |
            | GPU "é" (1.0) | 1 wrong | 4.00             | none: 2 of 5 blocks wrong | 0.00 / 0.00                         | 3.0        | 1.25        |
            GPU "é" is not exact, and no farm lends it work that is checked:
              `div`: 1 of 9 vectors differ
            blobs: 1.50 GB/s to disk, 1.50 GB/s from it; seed 7"#]].assert_eq(&lines(&found).join("\n"));
    }
}
