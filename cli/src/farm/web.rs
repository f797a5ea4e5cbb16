//! `tessera web`: a link to the farm's page for whoever asks.

use tessera_shared::web::WebAccess;

use crate::args::WebArguments;
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};

pub fn run(arguments: &WebArguments) -> Result<Outcome, Failure> {
    let access = if arguments.read_only { WebAccess::ReadOnly } else { WebAccess::Own };
    let page =
        super::with_client(&arguments.farm, async |client| client.page(access).await.or_exit(Exit::Farm))?;
    console::print(format_args!("{page}"));
    Ok(Outcome::Done)
}
