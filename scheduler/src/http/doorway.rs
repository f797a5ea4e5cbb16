//! Where the page is, and whom its links let in: those of whoever asks over QUIC let in as far as that one's own link and no
//! farther. Keeps nothing of what it hands out.

use std::net::SocketAddr;

use tessera_scheduler_core::api::Asker;
use tessera_shared::web::{WebAccess, WebPage, WebToken};

use super::token::{Bearer, Tokens, WebRole};

/// Makes links to the page.
#[derive(Clone, Debug)]
pub(crate) struct Doorway {
    pub address: SocketAddr,
    /// The host that links name, if the farm's owner names one.
    pub advertise: Option<String>,
    pub tokens: Tokens,
}

impl Doorway {
    /// The page for who asks. It holds a secret: send it to who asked, never log it.
    pub fn page(&self, by: Asker, access: WebAccess) -> WebPage {
        WebPage {
            host: named(self.advertise.as_deref(), self.address),
            port: self.address.port(),
            token: WebToken(self.tokens.make(bearer(by, access))),
        }
    }
}

/// What a link lets its holder do. An artist's keeps to the artist's key whatever was asked for.
fn bearer(by: Asker, access: WebAccess) -> Bearer {
    match (by, access) {
        (Asker::Artist(key), WebAccess::Own) => Bearer { role: WebRole::Artist, key: Some(key) },
        (Asker::Artist(key), WebAccess::ReadOnly) => Bearer { role: WebRole::ReadOnly, key: Some(key) },
        (Asker::Wrangler, WebAccess::Own) => Bearer { role: WebRole::Wrangler, key: None },
        (Asker::Wrangler, WebAccess::ReadOnly) => Bearer { role: WebRole::ReadOnly, key: None },
    }
}

/// The host of links to what listens at an address: as advertised, or the address; `None` if it is all of the machine's.
pub(crate) fn named(advertise: Option<&str>, address: SocketAddr) -> Option<String> {
    match (advertise, address) {
        (Some(host), _) => Some(host.to_owned()),
        (None, address) if address.ip().is_unspecified() => None,
        (None, SocketAddr::V6(address)) => Some(format!("[{}]", address.ip())),
        (None, SocketAddr::V4(address)) => Some(address.ip().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tessera_shared::ids::NodeKey;

    use super::*;

    fn doorway(address: &str, advertise: Option<&str>) -> Doorway {
        let tokens = Tokens::new(&[7; 32]);
        Doorway { address: address.parse().unwrap(), advertise: advertise.map(str::to_owned), tokens }
    }

    #[test]
    fn a_link_lets_in_as_far_as_who_asked() {
        let doorway = doorway("127.0.0.1:80", None);
        let key = NodeKey([3; 32]);
        for (by, access, role, of) in [
            (Asker::Artist(key), WebAccess::Own, WebRole::Artist, Some(key)),
            (Asker::Artist(key), WebAccess::ReadOnly, WebRole::ReadOnly, Some(key)),
            (Asker::Wrangler, WebAccess::Own, WebRole::Wrangler, None),
            (Asker::Wrangler, WebAccess::ReadOnly, WebRole::ReadOnly, None),
        ] {
            let page = doorway.page(by, access);
            assert_eq!(
                doorway.tokens.read(&page.token.0),
                Some(Bearer { role, key: of }),
                "{by:?} {access:?}"
            );
            assert!(!format!("{page:?}").contains(&page.token.0));
        }
        // A key that no artist should have is no way to see everything.
        let nought = doorway.page(Asker::Artist(NodeKey([0; 32])), WebAccess::ReadOnly);
        let bearer = doorway.tokens.read(&nought.token.0);
        assert_eq!(bearer.map(|bearer| bearer.key), Some(Some(NodeKey([0; 32]))));
    }

    #[test]
    fn a_link_names_a_host_that_leads_there() {
        let host =
            |address, advertise| doorway(address, advertise).page(Asker::Wrangler, WebAccess::Own).host;
        assert_eq!(host("10.0.0.7:80", None).as_deref(), Some("10.0.0.7"));
        assert_eq!(host("[fd00::7]:80", None).as_deref(), Some("[fd00::7]"));
        assert_eq!(host("0.0.0.0:80", Some("farm.studio")).as_deref(), Some("farm.studio"));
        assert_eq!((host("0.0.0.0:80", None), host("[::]:80", None)), (None, None));
    }
}
