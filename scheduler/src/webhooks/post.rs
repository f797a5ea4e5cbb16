//! One POST of an event over a connection of its own. Reads of the answer its status and no more, and follows no redirect. Decides
//! nothing about trying again.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{self, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::queue::Attempt;
use super::signature::WebhookSecret;
use super::url::WebhookUrl;

/// From the name's look-up to the answer's status.
const ATTEMPT_MAX: Duration = Duration::from_secs(20);
/// Largest head of an answer that is read.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// What is posted, with its id.
pub(super) struct Message<'a> {
    pub id: &'a str,
    pub body: &'a str,
}

/// Posts, to receivers with certificates that this machine trusts and to those without encryption.
#[derive(Clone)]
pub(super) struct Poster {
    secret: WebhookSecret,
    tls: Option<TlsConnector>,
}

#[derive(Debug, thiserror::Error)]
enum PostError {
    #[error("no answer within {} s", ATTEMPT_MAX.as_secs())]
    Late,
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    #[error("no encrypted connection: {0}")]
    Tls(std::io::Error),
    #[error("its name is none that a certificate can have")]
    Name,
    #[error("no answer: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
}

impl Poster {
    /// Reads the certificates that this machine trusts if a receiver needs them.
    pub fn new(secret: WebhookSecret, encrypted: bool) -> Result<Poster, super::WebhookError> {
        let tls = if encrypted { Some(connector()?) } else { None };
        Ok(Poster { secret, tls })
    }

    /// One attempt, signed as of `now_unix_s`.
    pub async fn post(&self, url: &WebhookUrl, message: &Message<'_>, now_unix_s: u64) -> Attempt {
        let posted = tokio::time::timeout(ATTEMPT_MAX, self.attempt(url, message, now_unix_s));
        match posted.await.unwrap_or(Err(PostError::Late)) {
            Ok(response) => {
                Attempt::Status { code: response.status().as_u16(), retry_after_s: retry_after_s(&response) }
            }
            Err(error) => Attempt::Failed(error.to_string()),
        }
    }

    async fn attempt(
        &self,
        url: &WebhookUrl,
        message: &Message<'_>,
        now_unix_s: u64,
    ) -> Result<Response<hyper::body::Incoming>, PostError> {
        let request = self.request(url, message, now_unix_s)?;
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(PostError::Connect)?;
        match &self.tls {
            Some(tls) if url.encrypted => {
                let name = ServerName::try_from(url.host.clone()).map_err(|_| PostError::Name)?;
                exchange(tls.connect(name, stream).await.map_err(PostError::Tls)?, request).await
            }
            _ => exchange(stream, request).await,
        }
    }

    fn request(
        &self,
        url: &WebhookUrl,
        message: &Message<'_>,
        now_unix_s: u64,
    ) -> Result<Request<String>, PostError> {
        let Message { id, body } = *message;
        let mut request = Request::post(url.path.clone())
            .header(header::HOST, &url.authority)
            .header(header::USER_AGENT, concat!("tessera/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .header("webhook-id", id)
            .header("webhook-timestamp", now_unix_s)
            .header("webhook-signature", self.secret.sign(id, now_unix_s, body));
        if let Some(authorization) = &url.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        Ok(request.body(body.to_owned())?)
    }
}

/// Sends the request and reads the answer's head. What follows it is left unread: the connection is dropped.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<String>,
) -> Result<Response<hyper::body::Incoming>, PostError> {
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let (mut connection, mut answer) =
        (std::pin::pin!(connection), std::pin::pin!(sender.send_request(request)));
    let mut goes_on = true;
    loop {
        tokio::select! {
            biased;
            response = &mut answer => return Ok(response?),
            // What ended it is told by the answer that does not come.
            _ = &mut connection, if goes_on => goes_on = false,
        }
    }
}

fn retry_after_s<T>(response: &Response<T>) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER).map(HeaderValue::to_str)?.ok()?.trim().parse().ok()
}

/// Trusts what this machine's certificate store has; `SSL_CERT_FILE` and `SSL_CERT_DIR` name another.
fn connector() -> Result<TlsConnector, super::WebhookError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = rustls::RootCertStore::empty();
    // A store may hold certificates that nobody can use any more.
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        return Err(super::WebhookError::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
