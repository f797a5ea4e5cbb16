//! UDP sockets of endpoints, with room in the kernel for bursts of many peers: what does not fit is lost and sent again after a pause.

use std::io::Result;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn_proto::HashedConnectionIdGenerator;
use socket2::{Domain, Protocol, Socket, Type};

/// Bytes that may wait in the kernel each way; it grants what `net.core.rmem_max` and `wmem_max` allow. At the usual 208 KiB a scheduler
/// with a hundred busy workers loses one packet in twelve.
const BUFFER_BYTES: usize = 4 << 20;

/// Least time between two resets: ten thousand workers of a scheduler that starts again are told within ten seconds, and nobody can make
/// it send more than this. A reset is shorter than the packet that it answers.
const RESET_INTERVAL: Duration = Duration::from_millis(1);

/// A socket bound to the address; one of IPv6 serves IPv4 as well where the system lets it.
pub fn bind(address: SocketAddr) -> Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // A system without it still serves IPv6.
        let _ = socket.set_only_v6(false);
    }
    socket.bind(&address.into())?;
    // Smaller ones serve fewer.
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    Ok(socket.into())
}

/// A client's endpoint on such a socket. Called within a tokio runtime.
pub fn client(address: SocketAddr) -> Result<quinn::Endpoint> {
    endpoint(address, quinn::EndpointConfig::default(), None)
}

/// A server's endpoint on such a socket. One that is started again with the same secret tells the peers of its last life, as soon as
/// they send, that their connections are gone (stateless reset, RFC 9000 §10.3); else they would wait for their idle time.
/// Called within a tokio runtime.
pub fn server(
    address: SocketAddr,
    config: quinn::ServerConfig,
    secret: &[u8; 32],
) -> Result<quinn::Endpoint> {
    endpoint(address, remembering(secret), Some(config))
}

fn endpoint(
    address: SocketAddr,
    config: quinn::EndpointConfig,
    server: Option<quinn::ServerConfig>,
) -> Result<quinn::Endpoint> {
    let runtime = quinn::default_runtime().ok_or_else(|| std::io::Error::other("no async runtime"))?;
    quinn::Endpoint::new(config, server, bind(address)?, runtime)
}

/// Connection ids that a later life recognises, and reset tokens that it can say again.
fn remembering(secret: &[u8; 32]) -> quinn::EndpointConfig {
    let reset = blake3::derive_key("tessera quic stateless reset 1", secret);
    let ids = blake3::derive_key("tessera quic connection ids 1", secret);
    let ids = u64::from_le_bytes([ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6], ids[7]]);
    let mut config =
        quinn::EndpointConfig::new(Arc::new(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &reset)));
    config
        .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)))
        .min_reset_interval(RESET_INTERVAL);
    config
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};

    use super::*;
    use crate::identity::Identity;
    use crate::link::Fingerprint;
    use crate::timing::Timing;
    use crate::tls;

    #[test]
    fn a_socket_on_every_interface_serves_both_families() {
        let six = bind("[::]:0".parse().unwrap()).unwrap();
        let four = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        four.send_to(b"x", ("127.0.0.1", six.local_addr().unwrap().port())).unwrap();
        assert_eq!(six.recv(&mut [0; 8]).unwrap(), 1);
        let usual = Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap()).recv_buffer_size().unwrap();
        assert!(Socket::from(four).recv_buffer_size().unwrap() >= usual);
    }

    /// A server in a runtime of its own, which dies with it and says nothing to anybody.
    fn live(address: SocketAddr, identity: &Identity, secret: [u8; 32]) -> (Runtime, SocketAddr) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = tls::server_config(identity).unwrap();
        let server = {
            let _within = runtime.enter();
            server(address, config, &secret).unwrap()
        };
        let address = server.local_addr().unwrap();
        runtime.spawn(async move {
            while let Some(incoming) = server.accept().await {
                let connection = incoming.await.unwrap();
                tokio::spawn(async move { connection.closed().await });
            }
        });
        (runtime, address)
    }

    /// Why a client's connection ended whose server died and came again with the second secret.
    fn end_after_a_death(secrets: [[u8; 32]; 2], idle: Duration) -> quinn::ConnectionError {
        let identity = Identity::ephemeral().unwrap();
        let (first, address) = live(([127, 0, 0, 1], 0).into(), &identity, secrets[0]);
        let timing = Timing { idle, keep_alive: Duration::from_millis(50), ..Timing::default() };
        let fingerprint = Fingerprint::of(&identity.key());
        let mut config = tls::client_config(&Identity::ephemeral().unwrap(), fingerprint).unwrap();
        config.transport_config(Arc::new(tls::transport(&timing)));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let connection = runtime.block_on(async {
            let client = client(([127, 0, 0, 1], 0).into()).unwrap();
            tls::connect(&client, config, address).unwrap().await.unwrap()
        });
        first.shutdown_timeout(Duration::from_secs(60));
        let _second = live(address, &identity, secrets[1]);
        runtime.block_on(connection.closed())
    }

    #[test]
    fn a_server_that_died_tells_its_peers_when_it_is_back() {
        let same = end_after_a_death([[7; 32]; 2], Duration::from_secs(30));
        assert_eq!(same, quinn::ConnectionError::Reset);
        let other = end_after_a_death([[7; 32], [8; 32]], Duration::from_secs(1));
        assert_eq!(other, quinn::ConnectionError::TimedOut);
    }
}
