//! Every operation of the exact subset on its vectors, on an adapter against the CPU. Knows no scene.

use anyhow::{Result, bail};
use tessera_backends::conformance::check_operations;
use tessera_backends::gpu_adapters;

/// Checks every adapter whose name contains `name`; true where all results are equal.
pub fn run(name: &str) -> Result<bool> {
    let adapters = gpu_adapters();
    let fits = |shown: &str| shown.to_lowercase().contains(&name.to_lowercase());
    let chosen: Vec<_> = adapters.iter().filter(|adapter| fits(&adapter.describe().name)).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = adapters.iter().map(|adapter| adapter.describe().name.as_str()).collect();
        bail!("no adapter is named `{name}`; Vulkan shows [{}]", known.join(", "));
    }
    let mut equal = true;
    for adapter in chosen {
        let device = adapter.describe();
        println!("{} ({}), {:?}", device.name, device.driver, device.kind);
        let (mut vectors, mut failures) = (0, 0);
        for checked in check_operations(adapter)? {
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
