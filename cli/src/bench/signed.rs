//! What `tessera bench` found, as JSON that a worker's key has signed. The signed bytes are `tessera bench 1`, a zero byte and the
//! value of `bench` in its canonical form: no blanks, keys in ascending order of their bytes, numbers whole and in decimals, strings
//! escaped as little as JSON allows. serde_json writes that for values without fractions.

use serde_json::{Value, json};
use tessera_benches::score::{Rate, Score};
use tessera_shared::KERNEL_VERSION;
use tessera_worker::Identity;

use super::{Found, Row};

/// What the signature begins with, so that it is of nothing else.
const PURPOSE: &[u8] = b"tessera bench 1\0";

/// One line: `bench`, the key, and its signature in hex.
pub fn line(found: &Found, identity: &Identity) -> Value {
    let bench = bench(found);
    let signature = identity.sign(&signed_bytes(&bench));
    json!({"bench": bench, "key": hex(&identity.key().0), "signature": hex(&signature)})
}

fn signed_bytes(bench: &Value) -> Vec<u8> {
    [PURPOSE, bench.to_string().as_bytes()].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bench(found: &Found) -> Value {
    json!({
        "program": env!("CARGO_PKG_VERSION"),
        "kernel_version": KERNEL_VERSION,
        "seed": found.seed,
        "devices": found.rows.iter().map(device).collect::<Vec<_>>(),
        "blob_write_bytes_per_second": found.disk.write_bytes_per_second,
        "blob_read_bytes_per_second": found.disk.read_bytes_per_second,
    })
}

fn device(row: &Row) -> Value {
    let device = &row.report.device;
    json!({
        "name": device.name,
        "driver": device.driver,
        "suite": row.report.suite.to_string(),
        "exact": row.report.failures.is_empty(),
        "failures": row.report.failures,
        "memory_bytes": row.memory_bytes,
        "score_rays_per_second": row.report.score_rays_per_second,
        "verified": rates(&row.score),
        "fast": row.fast.as_ref().map(rates),
    })
}

fn rates(score: &Score) -> Value {
    json!({
        "coherent": rate(&score.coherent),
        "incoherent": rate(&score.incoherent),
        "upload_bytes_per_second": score.upload_bytes_per_second,
    })
}

fn rate(rate: &Rate) -> Value {
    json!({
        "rays_per_second": rate.rays_per_second,
        "blocks_checked": rate.blocks_checked,
        "blocks_wrong": rate.blocks_wrong,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::disk::Rates;
    use super::*;
    use expect_test::expect;
    use tessera_shared::admission::{DeviceReport, Serves};
    use tessera_shared::digest::Digest;
    use tessera_shared::messages::{Device, DeviceKind};
    use tessera_transport::identity::is_signed;

    /// Two devices, the second a liar in one turn.
    pub fn found() -> Found {
        let rate = |rays_per_second, blocks_wrong| Rate { rays_per_second, blocks_checked: 5, blocks_wrong };
        let row = |name: &str, kind, failures: Vec<String>, wrong| Row {
            report: DeviceReport {
                device: Device { name: name.into(), kind, driver: "1.0".into() },
                suite: Digest([0xab; 32]),
                serves: if failures.is_empty() { Serves::Every } else { Serves::None },
                failures,
                score_rays_per_second: if wrong == 0 { 2_500_000 } else { 0 },
            },
            memory_bytes: Some(3 << 30),
            score: Score {
                coherent: rate(4_000_000, 0),
                incoherent: rate(2_500_000, wrong),
                upload_bytes_per_second: (kind == DeviceKind::Gpu).then_some(1_250_000_000),
            },
            fast: (kind == DeviceKind::Gpu).then(Score::default),
        };
        let cpu = row("CPU", DeviceKind::Cpu, vec![], 0);
        let gpu = row("GPU \"é\"", DeviceKind::Gpu, vec!["`div`: 1 of 9 vectors differ".into()], 2);
        let disk = Rates { write_bytes_per_second: 500_000_000, read_bytes_per_second: 1_500_000_000 };
        Found { seed: 7, rows: vec![cpu, gpu], disk }
    }

    #[test]
    fn the_signature_is_of_the_canonical_bytes() {
        let identity = Identity::ephemeral().unwrap();
        let line = line(&found(), &identity).to_string();
        let read: Value = serde_json::from_str(&line).unwrap();
        let signature =
            data_encoding::HEXLOWER.decode(read["signature"].as_str().unwrap().as_bytes()).unwrap();
        let signature = signature.try_into().unwrap();
        // Reading and writing again gives the same bytes.
        assert!(is_signed(&identity.key(), &signed_bytes(&read["bench"]), &signature));
        let mut forged = read["bench"].clone();
        forged["devices"][0]["score_rays_per_second"] = json!(9_000_000);
        assert!(!is_signed(&identity.key(), &signed_bytes(&forged), &signature));
    }

    #[test]
    fn the_canonical_form_is_what_its_document_says() {
        let version = format!("\"kernel_version\":{}", tessera_shared::KERNEL_VERSION);
        let text = bench(&found()).to_string().replace(&version, "\"kernel_version\":VERSION");
        expect![[r#"{"blob_read_bytes_per_second":1500000000,"blob_write_bytes_per_second":500000000,"devices":[{"driver":"1.0","exact":true,"failures":[],"fast":null,"memory_bytes":3221225472,"name":"CPU","score_rays_per_second":2500000,"suite":"blake3:abababababababababababababababababababababababababababababababab","verified":{"coherent":{"blocks_checked":5,"blocks_wrong":0,"rays_per_second":4000000},"incoherent":{"blocks_checked":5,"blocks_wrong":0,"rays_per_second":2500000},"upload_bytes_per_second":null}},{"driver":"1.0","exact":false,"failures":["`div`: 1 of 9 vectors differ"],"fast":{"coherent":{"blocks_checked":0,"blocks_wrong":0,"rays_per_second":0},"incoherent":{"blocks_checked":0,"blocks_wrong":0,"rays_per_second":0},"upload_bytes_per_second":null},"memory_bytes":3221225472,"name":"GPU \"é\"","score_rays_per_second":0,"suite":"blake3:abababababababababababababababababababababababababababababababab","verified":{"coherent":{"blocks_checked":5,"blocks_wrong":0,"rays_per_second":4000000},"incoherent":{"blocks_checked":5,"blocks_wrong":2,"rays_per_second":2500000},"upload_bytes_per_second":1250000000}}],"kernel_version":VERSION,"program":"0.1.0","seed":7}"#]].assert_eq(&text);
    }
}
