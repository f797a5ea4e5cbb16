//! How a client gets from a link to a connection that the scheduler has welcomed. Knows both roles' greetings, not what
//! they do afterwards.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::{ConnectionError, Endpoint, RecvStream, SendStream, VarInt};
use tessera_shared::messages::{CloseCode, Hello, Refusal, Welcome};

use crate::frames::{read_message, write_message};
use crate::identity::Identity;
use crate::link::Link;
use crate::timing::Timing;
use crate::{socket, tls};

/// TLS alerts (RFC 8446 §6) as QUIC transport errors (RFC 9001 §4.8).
const ALERT_ACCESS_DENIED: u64 = 0x100 + 49;
const ALERT_NO_APPLICATION_PROTOCOL: u64 = 0x100 + 120;

/// A connection that the scheduler has welcomed. The endpoint ends with it.
#[derive(Debug)]
pub struct Session {
    pub endpoint: Endpoint,
    pub connection: quinn::Connection,
    pub control_send: SendStream,
    pub control_recv: RecvStream,
    pub welcome: Welcome,
}

/// Why a client is not connected.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the host `{host}` is not found ({reason}); check the link's address")]
    Resolve { host: String, reason: String },
    #[error("no UDP socket can be opened here: {0}")]
    Socket(std::io::Error),
    #[error(
        "nothing answers at {address}; check that `tessera scheduler` runs there and that UDP port {port} reaches it"
    )]
    Unreachable { address: SocketAddr, port: u16 },
    #[error(
        "the scheduler at {address} has another key than the link says; ask the farm's owner for the link that it prints now (a new key means a new data directory, or somebody else's machine)"
    )]
    Fingerprint { address: SocketAddr },
    #[error(
        "what answers at {address} does not speak tessera/1; check the address, or install the farm's version of tessera"
    )]
    Protocol { address: SocketAddr },
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("the connection to {address} broke off: {reason}; try again")]
    Broken { address: SocketAddr, reason: String },
    #[error("this machine's TLS set-up failed: {0}")]
    Tls(#[from] rustls::Error),
}

impl DialError {
    /// Trying again later may help without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            DialError::Resolve { .. } | DialError::Unreachable { .. } | DialError::Broken { .. } => true,
            DialError::Refused(refusal) => matches!(refusal, Refusal::Full | Refusal::Key { .. }),
            DialError::Socket(_) | DialError::Fingerprint { .. } | DialError::Protocol { .. } => false,
            DialError::Tls(_) => false,
        }
    }
}

/// Connects, greets and returns the welcomed session. Every address of the host's name is tried.
pub async fn dial(link: &Link, identity: &Identity, hello: &Hello) -> Result<Session, DialError> {
    dial_within(link, identity, hello, &Timing::default()).await
}

/// As [`dial`], with other times than the usual ones.
pub async fn dial_within(
    link: &Link,
    identity: &Identity,
    hello: &Hello,
    timing: &Timing,
) -> Result<Session, DialError> {
    let mut config = tls::client_config(identity, link.fingerprint)?;
    config.transport_config(Arc::new(tls::transport(timing)));
    let host = link.host.trim_start_matches('[').trim_end_matches(']');
    let resolve = |reason: String| DialError::Resolve { host: host.to_owned(), reason };
    let found =
        tokio::net::lookup_host((host, link.port)).await.map_err(|error| resolve(error.to_string()))?;
    let mut last = resolve("it has no address".to_owned());
    for address in found {
        match dial_address(address, config.clone(), hello, timing).await {
            Err(error @ DialError::Unreachable { .. }) => last = error,
            answered => return answered,
        }
    }
    Err(last)
}

async fn dial_address(
    address: SocketAddr,
    config: quinn::ClientConfig,
    hello: &Hello,
    timing: &Timing,
) -> Result<Session, DialError> {
    let local: SocketAddr = match address {
        SocketAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint = socket::client(local).map_err(DialError::Socket)?;
    let unreachable = || DialError::Unreachable { address, port: address.port() };
    let connecting = tls::connect(&endpoint, config, address).map_err(|_| unreachable())?;
    let greeting = async {
        let connection = connecting.await.map_err(|error| explain(&error, address))?;
        greet(endpoint, connection, hello, address).await
    };
    tokio::time::timeout(timing.connect, greeting).await.unwrap_or_else(|_| Err(unreachable()))
}

async fn greet(
    endpoint: Endpoint,
    connection: quinn::Connection,
    hello: &Hello,
    address: SocketAddr,
) -> Result<Session, DialError> {
    // Where the connection itself is gone, its reason says more than the stream's error.
    let broken = |reason: String| match connection.close_reason() {
        Some(error) => explain(&error, address),
        None => DialError::Broken { address, reason },
    };
    let (mut send, mut recv) = connection.open_bi().await.map_err(|error| explain(&error, address))?;
    write_message(&mut send, hello).await.map_err(|error| broken(error.to_string()))?;
    let welcome = read_message::<Welcome>(&mut recv).await.map_err(|error| broken(error.to_string()))?;
    if let Welcome::Refused(refusal) = welcome {
        connection.close(VarInt::from_u32(CloseCode::Done as u32), b"");
        return Err(DialError::Refused(refusal));
    }
    Ok(Session { endpoint, connection, control_send: send, control_recv: recv, welcome })
}

fn explain(error: &ConnectionError, address: SocketAddr) -> DialError {
    match error {
        ConnectionError::TimedOut => DialError::Unreachable { address, port: address.port() },
        ConnectionError::TransportError(error) if u64::from(error.code) == ALERT_ACCESS_DENIED => {
            DialError::Fingerprint { address }
        }
        ConnectionError::TransportError(error) if u64::from(error.code) == ALERT_NO_APPLICATION_PROTOCOL => {
            DialError::Protocol { address }
        }
        ConnectionError::ConnectionClosed(close)
            if u64::from(close.error_code) == ALERT_NO_APPLICATION_PROTOCOL =>
        {
            DialError::Protocol { address }
        }
        ConnectionError::VersionMismatch => DialError::Protocol { address },
        other => DialError::Broken { address, reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tessera_shared::messages::Token;

    use super::*;
    use crate::link::Fingerprint;

    #[tokio::test]
    async fn another_version_of_the_protocol_is_told_what_to_install() {
        let scheduler = Identity::ephemeral().unwrap();
        let config = tls::server_config(&scheduler).unwrap();
        let server = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = server.local_addr().unwrap();
        let hello = Hello::Artist { token: Token([0; 16]), kernel_version: 1 };
        let later = tls::client_speaking(
            b"tessera/9",
            &Identity::ephemeral().unwrap(),
            Fingerprint::of(&scheduler.key()),
        );
        let timing = Timing::default();
        let greeted = async { server.accept().await.unwrap().await.map(drop) };
        let (refused, theirs) = tokio::join!(dial_address(address, later.unwrap(), &hello, &timing), greeted);
        let refused = refused.unwrap_err();
        assert!(matches!(refused, DialError::Protocol { .. }) && theirs.is_err(), "{refused}");
        assert!(refused.to_string().contains("install the farm's version of tessera"), "{refused}");
        // A worker does not try again what does not go away by itself.
        assert!(!refused.is_transient());
    }
}
