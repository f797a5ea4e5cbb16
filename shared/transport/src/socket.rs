//! UDP sockets of endpoints, with room in the kernel for bursts of many peers: what does not fit is lost and sent again after a pause.

use std::io::Result;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Bytes that may wait in the kernel each way; it grants what `net.core.rmem_max` and `wmem_max` allow. At the usual 208 KiB a scheduler
/// with a hundred busy workers loses one packet in twelve.
const BUFFER_BYTES: usize = 4 << 20;

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

/// An endpoint on such a socket; a server's with a configuration. Called within a tokio runtime.
pub fn endpoint(address: SocketAddr, server: Option<quinn::ServerConfig>) -> Result<quinn::Endpoint> {
    let runtime = quinn::default_runtime().ok_or_else(|| std::io::Error::other("no async runtime"))?;
    quinn::Endpoint::new(quinn::EndpointConfig::default(), server, bind(address)?, runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_on_every_interface_serves_both_families() {
        let six = bind("[::]:0".parse().unwrap()).unwrap();
        let four = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        four.send_to(b"x", ("127.0.0.1", six.local_addr().unwrap().port())).unwrap();
        assert_eq!(six.recv(&mut [0; 8]).unwrap(), 1);
        let usual = Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap()).recv_buffer_size().unwrap();
        assert!(Socket::from(four).recv_buffer_size().unwrap() >= usual);
    }
}
