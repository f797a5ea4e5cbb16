//! `tessera web`: a link to the farm's page for whoever asks, and the end of links.

use tessera_shared::web::{WebAccess, WebHolder};

use crate::args::{Revoked, WebArguments};
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};

pub fn run(arguments: &WebArguments) -> Result<Outcome, Failure> {
    if let Some(Revoked(whose)) = arguments.revoke {
        super::with_client(&arguments.farm, async |client| {
            client.end_pages(whose).await.or_exit(Exit::Farm)
        })?;
        console::note(format_args!("note: {}", ended(whose)));
        return Ok(Outcome::Done);
    }
    let days = Some(arguments.days).filter(|days| *days != 0);
    let access = if arguments.read_only { WebAccess::ReadOnly } else { WebAccess::Own };
    let page = super::with_client(&arguments.farm, async |client| {
        client.page(access, days).await.or_exit(Exit::Farm)
    })?;
    console::print(format_args!("{page}"));
    Ok(Outcome::Done)
}

fn ended(whose: WebHolder) -> String {
    match whose {
        WebHolder::Own => "your links to the page are worth nothing any more".to_owned(),
        WebHolder::Key(key) => format!("links of {key} to the page are worth nothing any more"),
        WebHolder::Everybody => {
            "no link to the page is worth anything any more, nor the one that the scheduler printed"
                .to_owned()
        }
    }
}
