//! `tessera web`: a link to the farm's page for whoever asks, and the end of links.

use clap::Args;
use tessera_shared::web::{LINK_DAYS, WebAccess, WebHolder};

use crate::args::FarmArguments;
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};

#[derive(Debug, Args)]
pub struct WebArguments {
    /// A link that looks and orders nothing; into every job with the wrangler link as --to, else into your own
    #[arg(long)]
    pub read_only: bool,
    /// Days that the link is good; 0 is until it is revoked
    #[arg(long, value_name = "N", default_value_t = LINK_DAYS)]
    pub days: u16,
    /// Ends links instead: your own, or with the wrangler link those of wranglers; WHOSE is `all` or an artist's key, for a wrangler
    #[arg(long, value_name = "WHOSE", num_args = 0..=1, default_missing_value = "own", conflicts_with_all = ["read_only", "days"])]
    pub revoke: Option<Revoked>,
    #[command(flatten)]
    pub farm: FarmArguments,
}

/// Whose links are ended.
#[derive(Clone, Copy, Debug)]
pub struct Revoked(pub WebHolder);

impl std::str::FromStr for Revoked {
    type Err = String;

    fn from_str(text: &str) -> Result<Revoked, String> {
        Ok(Revoked(match text {
            "own" => WebHolder::Own,
            "all" => WebHolder::Everybody,
            key => WebHolder::Key(
                key.parse().map_err(|_| "neither `own`, `all` nor an artist's key".to_owned())?,
            ),
        }))
    }
}

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
