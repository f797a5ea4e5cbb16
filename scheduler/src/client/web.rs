//! Asking for a link to the farm's page, and ending links.

use tessera_shared::messages::Request;
use tessera_shared::web::{WebAccess, WebHolder, WebPage, WebReply};
use tessera_transport::frames::read_message;

use super::{Client, ClientError};

impl Client {
    /// The page's address with a token for who asks, good for so many days or until it is ended. It holds a secret: show it to who
    /// asked, never log it.
    pub async fn page(&self, access: WebAccess, days: Option<u16>) -> Result<String, ClientError> {
        let (_send, mut recv) = self.request(&Request::WebLink { access, days }).await?;
        match read_message(&mut recv).await? {
            WebReply::Page(page) => link(page, &self.host)
                .ok_or_else(|| ClientError::Answer("it names no address of a page".to_owned())),
            WebReply::Refused(refusal) => Err(refusal.into()),
            WebReply::Ended => Err(unasked()),
        }
    }

    /// Ends links to the page: nobody gets in with them any more.
    pub async fn end_pages(&self, whose: WebHolder) -> Result<(), ClientError> {
        let (_send, mut recv) = self.request(&Request::WebEnd { whose }).await?;
        match read_message(&mut recv).await? {
            WebReply::Ended => Ok(()),
            WebReply::Refused(refusal) => Err(refusal.into()),
            WebReply::Page(_) => Err(unasked()),
        }
    }
}

fn unasked() -> ClientError {
    ClientError::Answer("it is the answer to something else".to_owned())
}

/// The address as a browser takes it, on the farm's host if the page is on all of its addresses; `None` if it would be no
/// address.
fn link(page: WebPage, farm: &str) -> Option<String> {
    let WebPage { host, port, token } = page;
    let host = host.as_deref().unwrap_or(farm);
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let whole = !host.is_empty() && host.bytes().all(named) && port != 0;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let valid = whole && !token.0.is_empty() && token.0.bytes().all(plain);
    valid.then(|| format!("http://{host}:{port}/#token={}", token.0))
}

#[cfg(test)]
mod tests {
    use tessera_shared::web::WebToken;

    use super::*;

    #[test]
    fn a_link_holds_what_belongs_in_one_and_nothing_else() {
        let page = |host: Option<&str>, port, token: &str| {
            let page = WebPage { host: host.map(str::to_owned), port, token: WebToken(token.to_owned()) };
            link(page, "farm.studio")
        };
        assert_eq!(page(None, 80, "tsw_a").as_deref(), Some("http://farm.studio:80/#token=tsw_a"));
        assert_eq!(page(Some("[::1]"), 80, "tsw_a").as_deref(), Some("http://[::1]:80/#token=tsw_a"));
        for (host, port, token) in [
            (Some(""), 80, "tsw_a"),
            (Some("a/b"), 80, "tsw_a"),
            (Some("\u{1b}[2J"), 80, "tsw_a"),
            (None, 0, "tsw_a"),
            (None, 80, ""),
            (None, 80, "a\nb"),
            (None, 80, "\u{1b}[2J"),
        ] {
            assert_eq!(page(host, port, token), None, "{host:?} {port} {token:?}");
        }
    }
}
