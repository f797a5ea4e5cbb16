//! How a page ends whose token is worth nothing any more, and begins again.

use crate::farm::Farm;
use crate::page::Page;

#[test]
fn who_holds_a_revoked_link_is_told_so_and_gets_in_with_a_new_one() {
    let farm = Farm::new();
    let first = farm.artist_page();
    let Some(mut page) = Page::open(&first, "the login after a link was revoked") else { return };
    page.wait("text('h1') === 'Queue'");
    farm.sandbox.succeed("web --revoke");
    let told = "text('.login .error') === 'This token is revoked; `tessera web` prints another.'";
    page.wait(told);
    page.wait("!button('Log out')");
    // The same link again.
    page.go("about:blank");
    page.go(&first);
    page.wait(told);
    page.go("about:blank");
    page.go(&farm.artist_page());
    page.wait("text('h1') === 'Queue'");
}
