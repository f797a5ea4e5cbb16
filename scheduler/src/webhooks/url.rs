//! Where a webhook's events go. A URL may hold secrets in its user, path and query: what is shown of one is its host alone.

use std::str::FromStr;

use data_encoding::BASE64;
use hyper::Uri;
use hyper::header::HeaderValue;

/// Characters of the longest URL.
const URL_MAX: usize = 2048;

/// A receiver of events. `Debug` and `Display` show its host alone.
#[derive(Clone)]
pub struct WebhookUrl {
    pub(crate) encrypted: bool,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As the header `host` has it.
    pub(crate) authority: HeaderValue,
    /// With the query.
    pub(crate) path: Uri,
    /// Of the URL's user and password.
    pub(crate) authorization: Option<HeaderValue>,
}

impl std::fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.host)
    }
}

impl std::fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebhookUrl({}:{}/…)", self.host, self.port)
    }
}

/// Why a text is no URL of a webhook. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("it is longer than {URL_MAX} characters")]
    Long,
    #[error("it begins with neither http:// nor https://")]
    Scheme,
    #[error("it is not of the form https://host/path")]
    Form,
}

impl FromStr for WebhookUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<WebhookUrl, BadUrl> {
        if text.len() > URL_MAX {
            return Err(BadUrl::Long);
        }
        let uri: Uri = text.parse().map_err(|_| BadUrl::Form)?;
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(BadUrl::Scheme),
        };
        let authority = uri.authority().ok_or(BadUrl::Form)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let (user, named) = match authority.as_str().rsplit_once('@') {
            Some((user, named)) => (Some(user), named),
            None => (None, authority.as_str()),
        };
        // A port that is no number is taken for none there.
        let has_port = named.rsplit_once(']').map_or(named, |(_, behind)| behind).contains(':');
        if host.is_empty() || has_port != authority.port_u16().is_some() || authority.port_u16() == Some(0) {
            return Err(BadUrl::Form);
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(WebhookUrl {
            encrypted,
            port: authority.port_u16().unwrap_or(if encrypted { 443 } else { 80 }),
            authority: HeaderValue::from_str(named).map_err(|_| BadUrl::Form)?,
            path: path.parse().map_err(|_| BadUrl::Form)?,
            authorization: user.map(basic).transpose()?,
            host,
        })
    }
}

/// The header of a URL's `user:password`.
fn basic(user: &str) -> Result<HeaderValue, BadUrl> {
    let mut plain = Vec::with_capacity(user.len());
    let mut bytes = user.bytes();
    while let Some(byte) = bytes.next() {
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(BadUrl::Form);
        plain.push(if byte == b'%' { (digit()? * 16 + digit()?) as u8 } else { byte });
    }
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64.encode(&plain)));
    if let Ok(value) = &mut value {
        value.set_sensitive(true);
    }
    value.map_err(|_| BadUrl::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> WebhookUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_url_says_where_to_connect_and_what_to_ask_for() {
        let parts = |text| {
            let url = url(text);
            let authority = url.authority.to_str().unwrap().to_owned();
            (url.encrypted, url.host, url.port, authority, url.path.to_string())
        };
        let expected = |encrypted, host: &str, port, authority: &str, path: &str| {
            (encrypted, host.to_owned(), port, authority.to_owned(), path.to_owned())
        };
        assert_eq!(parts("https://a.studio/x?t=1"), expected(true, "a.studio", 443, "a.studio", "/x?t=1"));
        assert_eq!(parts("http://a.studio:81"), expected(false, "a.studio", 81, "a.studio:81", "/"));
        assert_eq!(parts("http://[::1]:81/x"), expected(false, "::1", 81, "[::1]:81", "/x"));
        assert_eq!(parts("http://[::1]/x#y"), expected(false, "::1", 80, "[::1]", "/x"));
        assert_eq!(url("http://a/").authorization, None);
        let secret = url("http://me:p%40ss@a/").authorization.unwrap();
        assert_eq!(secret, format!("Basic {}", BASE64.encode(b"me:p@ss")));
        assert!(secret.is_sensitive());
    }

    #[test]
    fn of_a_url_the_host_alone_is_shown() {
        let url = url("https://user:password@hooks.studio:81/path?token=secret");
        assert_eq!(format!("{url} {url:?}"), "hooks.studio WebhookUrl(hooks.studio:81/…)");
    }

    #[test]
    fn what_is_no_url_is_refused_and_not_repeated() {
        for (text, why) in [
            ("", BadUrl::Form),
            ("hooks.studio/x", BadUrl::Form),
            ("ftp://a/x", BadUrl::Scheme),
            ("/x", BadUrl::Scheme),
            ("http://", BadUrl::Form),
            ("http://a:port/", BadUrl::Form),
            ("http://a:0/", BadUrl::Form),
            ("http://a:99999/", BadUrl::Form),
            ("http://a b/", BadUrl::Form),
            ("http://a\r\nb/", BadUrl::Form),
            ("http://a%zz@b/", BadUrl::Form),
            (&format!("http://a/{}", "x".repeat(URL_MAX)), BadUrl::Long),
        ] {
            assert_eq!(text.parse::<WebhookUrl>().unwrap_err(), why, "{text}");
        }
    }
}
