//! A peer's certificate: its key or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;
use tessera_transport::tls::certificate_key;

fuzz_target!(|bytes: &[u8]| drop(certificate_key(&CertificateDer::from(bytes))));
