//! Where the page is, and whom its links let in: those of whoever asks over QUIC let in as far as that one's own link and no
//! farther. Keeps nothing of what it hands out.

use std::net::SocketAddr;

use tessera_scheduler_core::api::Asker;
use tessera_shared::web::{WebAccess, WebHolder, WebPage, WebToken};

use super::revocations::Whose;
use super::token::{Bearer, Tokens, WebRole};
use crate::clock::unix_time;

const DAY_S: u64 = 86_400;

/// Makes links to the page.
#[derive(Clone, Debug)]
pub(crate) struct Doorway {
    pub address: SocketAddr,
    /// The host that links name, if the farm's owner names one.
    pub advertise: Option<String>,
    pub tokens: Tokens,
}

impl Doorway {
    /// The page for who asks, for so many days or without end. It holds a secret: send it to who asked, never log it.
    pub fn page(&self, by: Asker, access: WebAccess, days: Option<u16>) -> WebPage {
        let until_s = days.map(|days| unix_time().as_secs() + u64::from(days) * DAY_S);
        WebPage {
            host: named(self.advertise.as_deref(), self.address),
            port: self.address.port(),
            token: WebToken(self.tokens.make(bearer(by, access), until_s)),
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

/// Whose tokens who asks may end; `None` if not those.
pub(crate) fn whose(by: Asker, holder: WebHolder) -> Option<Whose> {
    match (by, holder) {
        (Asker::Artist(key), WebHolder::Own) => Some(Whose::Of(Some(key))),
        (Asker::Artist(key), WebHolder::Key(of)) => (of == key).then_some(Whose::Of(Some(key))),
        (Asker::Artist(_), WebHolder::Everybody) => None,
        (Asker::Wrangler, WebHolder::Own) => Some(Whose::Of(None)),
        (Asker::Wrangler, WebHolder::Key(of)) => Some(Whose::Of(Some(of))),
        (Asker::Wrangler, WebHolder::Everybody) => Some(Whose::Everybody),
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
    use std::sync::Arc;

    use tessera_shared::ids::NodeKey;

    use super::super::revocations::Registry;
    use super::*;

    fn doorway(address: &str, advertise: Option<&str>) -> Doorway {
        let directory = tempfile::tempdir().unwrap();
        let revoked = Arc::new(Registry::open(directory.path()).unwrap());
        let tokens = Tokens::new(&[7; 32], revoked);
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
            let page = doorway.page(by, access, Some(1));
            let pass = doorway.tokens.read(&page.token.0, unix_time().as_secs()).unwrap();
            assert_eq!(pass.bearer, Bearer { role, key: of }, "{by:?} {access:?}");
            let left_s = pass.until_s.unwrap() - unix_time().as_secs();
            assert!(left_s <= DAY_S && left_s > DAY_S - 60, "{left_s}");
            assert!(!format!("{page:?}").contains(&page.token.0));
        }
        // A key that no artist should have is no way to see everything.
        let nought = doorway.page(Asker::Artist(NodeKey([0; 32])), WebAccess::ReadOnly, None);
        let pass = doorway.tokens.read(&nought.token.0, u64::MAX).unwrap();
        assert_eq!((pass.bearer.key, pass.until_s), (Some(NodeKey([0; 32])), None));
    }

    #[test]
    fn an_artist_ends_its_own_links_alone() {
        let (own, other) = (NodeKey([3; 32]), NodeKey([4; 32]));
        let (artist, of) = (Asker::Artist(own), |key| Some(Whose::Of(key)));
        for (by, holder, expected) in [
            (artist, WebHolder::Own, of(Some(own))),
            (artist, WebHolder::Key(own), of(Some(own))),
            (artist, WebHolder::Key(other), None),
            (artist, WebHolder::Everybody, None),
            (Asker::Wrangler, WebHolder::Own, of(None)),
            (Asker::Wrangler, WebHolder::Key(other), of(Some(other))),
            (Asker::Wrangler, WebHolder::Everybody, Some(Whose::Everybody)),
        ] {
            assert_eq!(whose(by, holder), expected, "{by:?} {holder:?}");
        }
    }

    #[test]
    fn a_link_names_a_host_that_leads_there() {
        let host =
            |address, advertise| doorway(address, advertise).page(Asker::Wrangler, WebAccess::Own, None).host;
        assert_eq!(host("10.0.0.7:80", None).as_deref(), Some("10.0.0.7"));
        assert_eq!(host("[fd00::7]:80", None).as_deref(), Some("[fd00::7]"));
        assert_eq!(host("0.0.0.0:80", Some("farm.studio")).as_deref(), Some("farm.studio"));
        assert_eq!((host("0.0.0.0:80", None), host("[::]:80", None)), (None, None));
    }
}
