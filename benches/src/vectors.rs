//! The conformance suite on adapters of this machine, then thirty times its vectors against the CPU, and the record of a new
//! kernel's digests. Decides nothing about who may render.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use tessera_backends::conformance::{Recorded, check_operations};
use tessera_backends::{GpuAdapter, GpuOptions, gpu_adapters};
use tessera_benches::suite;
use tessera_shared::KERNEL_VERSION;

/// The adapters whose name contains `name`.
fn chosen(name: &str) -> Result<Vec<GpuAdapter>> {
    let adapters = gpu_adapters();
    let known: Vec<String> = adapters.iter().map(|adapter| adapter.describe().name.clone()).collect();
    let fits = |adapter: &GpuAdapter| adapter.describe().name.to_lowercase().contains(&name.to_lowercase());
    let chosen: Vec<_> = adapters.into_iter().filter(fits).collect();
    if chosen.is_empty() {
        bail!("no adapter is named `{name}`; Vulkan shows [{}]", known.join(", "));
    }
    Ok(chosen)
}

/// The suite on the CPU and on every adapter whose name contains `name`; true where all are exact.
pub fn conformance(name: Option<&str>) -> Result<bool> {
    let suite = suite()?;
    let mut backends = vec![tessera_backends::cpu_backend(1)];
    for adapter in name.map(chosen).transpose()?.unwrap_or_default() {
        backends.push(adapter.open(&GpuOptions::default())?);
    }
    let mut exact = true;
    for mut backend in backends {
        let device = backend.describe();
        let start = Instant::now();
        let report = suite.run(backend.as_mut(), &mut |_| {});
        let seconds = start.elapsed().as_secs_f64();
        let (checks, vectors, wrong) = (report.checks, report.vectors, report.failures.len());
        println!(
            "{} ({}): {checks} checks, {vectors} vectors, {wrong} wrong, {seconds:.1} s",
            device.name, device.driver
        );
        report.failures.iter().for_each(|failure| println!("  {failure}"));
        exact &= report.exact();
    }
    Ok(exact)
}

/// Checks every adapter whose name contains `name` against the CPU; true where all results are equal.
pub fn deep(name: &str) -> Result<bool> {
    let mut equal = true;
    for adapter in chosen(name)? {
        let device = adapter.describe();
        println!("{} ({}), {:?}", device.name, device.driver, device.kind);
        let (mut vectors, mut failures) = (0, 0);
        for checked in check_operations(&adapter)? {
            let name = checked.operation.name;
            vectors += checked.vectors;
            failures += checked.failures;
            if let Some(first) = checked.first {
                let [a, b, c, _] = first.words;
                println!("{name}: {} of {} vectors DIFFER, first", checked.failures, checked.vectors);
                println!(
                    "  of {a:#010x}, {b:#010x}, {c:#010x}: {:08x?}, CPU {:08x?}",
                    first.device, first.cpu
                );
            }
        }
        println!("{vectors} vectors, {failures} different");
        equal &= failures == 0;
    }
    Ok(equal)
}

/// Adds the digests that the file lacks of this kernel version, as the CPU backend gives them. One that stands there and differs
/// is an error: new bits need a new version.
pub fn record(path: &Path) -> Result<bool> {
    let shown = path.display();
    let mut text = std::fs::read_to_string(path).with_context(|| shown.to_string())?;
    let known = Recorded::parse(&text, KERNEL_VERSION).with_context(|| shown.to_string())?;
    let mut added = Recorded::default();
    for (name, digest) in suite()?.measure()?.iter() {
        match known.get(name) {
            None => added.insert(name.to_owned(), digest),
            Some(recorded) if recorded == digest => {}
            Some(recorded) => bail!(
                "`{name}` is {digest} and {recorded} is recorded; raise KERNEL_VERSION in shared/src/lib.rs if bits are meant to move"
            ),
        }
    }
    let count = added.iter().count();
    text.push_str(&added.lines(KERNEL_VERSION));
    std::fs::write(path, text).with_context(|| shown.to_string())?;
    println!("{count} digests of kernel {KERNEL_VERSION} added to {shown}");
    Ok(true)
}
