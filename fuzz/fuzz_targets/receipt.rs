//! A receipt and a package in one file: what is read is written as the same, and what is wrong with it can be told.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_shared::package::archive;
use tessera_shared::receipt::Receipt;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(receipt) = Receipt::from_text(bytes) {
        let _ = receipt.faults(|_, _, _| true);
        let again = Receipt::from_text(receipt.to_text().as_bytes()).expect("what was read is written");
        assert_eq!(again, receipt);
    }
    if let Ok(package) = archive::read(&mut &bytes[..], bytes.len() as u64) {
        let mut written = Vec::new();
        archive::write(&package, &mut written).expect("writing to memory cannot fail");
        assert_eq!(
            archive::read(&mut &written[..], written.len() as u64).map(|read| read.id()).ok(),
            Some(package.id())
        );
    }
});
