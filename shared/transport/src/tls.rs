//! Mutual TLS 1.3 over QUIC: a client pins the scheduler's key fingerprint, a server takes any client's key as its name.
//! Names, dates and authorities in certificates mean nothing here; the handshake's signature proves the key.

use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{IdleTimeout, TransportConfig, VarInt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use tessera_shared::ids::NodeKey;
use tessera_shared::messages::ALPN;

use crate::identity::{Identity, SERVER_NAME};
use crate::link::Fingerprint;
use crate::timing::Timing;

/// Streams of each direction that a peer may have open at once.
pub const STREAMS_MAX: u32 = 16;
/// Bytes of one stream that may be under way unread.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
/// Bytes of one connection that may be under way unread.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// What DER puts before the 32 bytes of an ed25519 public key (RFC 8410).
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The ed25519 key of a certificate.
pub fn certificate_key(certificate: &CertificateDer<'_>) -> Result<NodeKey, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let info = parsed.subject_public_key_info();
    let key = info.strip_prefix(&ED25519_SPKI_PREFIX).and_then(|key| key.try_into().ok());
    key.map(NodeKey).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// The key that the other end of a connection has proved to hold. `None` before the handshake's end.
pub fn peer_key(connection: &quinn::Connection) -> Option<NodeKey> {
    let certificates = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    certificate_key(certificates.first()?).ok()
}

/// How a scheduler answers connections.
pub fn server_config(identity: &Identity) -> Result<quinn::ServerConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(AnyKey { provider: provider.clone() });
    let (chain, secret) = identity.chain();
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, secret)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // A session that is resumed would skip the check of the client's key.
    tls.send_tls13_tickets = 0;
    let quic = QuicServerConfig::try_from(tls).map_err(|error| Error::General(error.to_string()))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(quic));
    config.transport_config(Arc::new(transport(&Timing::default())));
    Ok(config)
}

/// How an artist or a worker connects to the scheduler whose key has `fingerprint`.
pub fn client_config(identity: &Identity, fingerprint: Fingerprint) -> Result<quinn::ClientConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(PinnedKey { fingerprint, provider: provider.clone() });
    let (chain, secret) = identity.chain();
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, secret)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.resumption = rustls::client::Resumption::disabled();
    let quic = QuicClientConfig::try_from(tls).map_err(|error| Error::General(error.to_string()))?;
    let mut config = quinn::ClientConfig::new(Arc::new(quic));
    config.transport_config(Arc::new(transport(&Timing::default())));
    Ok(config)
}

/// Starts the handshake. The server's name is a constant, as its key is what counts.
pub fn connect(
    endpoint: &quinn::Endpoint,
    config: quinn::ClientConfig,
    address: std::net::SocketAddr,
) -> Result<quinn::Connecting, quinn::ConnectError> {
    endpoint.connect_with(config, address, SERVER_NAME)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// How either end's connections behave. An idle time of more milliseconds than QUIC's integers hold is none.
pub fn transport(timing: &Timing) -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .max_idle_timeout(IdleTimeout::try_from(timing.idle).ok())
        .keep_alive_interval(Some(timing.keep_alive))
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(STREAMS_MAX))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(u64::from(CONNECTION_WINDOW_BYTES))
        .datagram_receive_buffer_size(None);
    config
}

fn no_tls12() -> Error {
    Error::General("only TLS 1.3 is spoken".to_owned())
}

/// The half that both verifiers share, in an `impl` for a type with a `provider`: the handshake's signature is TLS 1.3's and
/// ed25519's, or none.
macro_rules! ed25519_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _cert: &CertificateDer<'_>,
            _dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(no_tls12())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }
    };
}

/// Accepts the one server whose key has the fingerprint.
#[derive(Debug)]
struct PinnedKey {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match Fingerprint::of(&certificate_key(end_entity)?) == self.fingerprint {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    ed25519_signatures!();
}

/// Accepts any client that proves to hold the ed25519 key of its certificate.
#[derive(Debug)]
struct AnyKey {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        certificate_key(end_entity).map(|_| ClientCertVerified::assertion())
    }

    ed25519_signatures!();
}
