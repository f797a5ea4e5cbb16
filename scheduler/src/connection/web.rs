//! Links to the farm's page, handed to artists and the wrangler who ask for them. What a link is worth is not decided here.

use quinn::SendStream;
use tessera_scheduler_core::api::Asker;
use tessera_shared::web::{WebAccess, WebRefusal, WebReply};

use super::{ConnectionEnd, Farm};

pub(super) async fn page(
    farm: &Farm,
    mut send: SendStream,
    by: Asker,
    access: WebAccess,
) -> Result<(), ConnectionEnd> {
    let reply = match &farm.doorway {
        None => WebReply::Refused(WebRefusal::NotServed),
        Some(doorway) => {
            farm.warn(|unsaid| tracing::info!(?by, ?access, unsaid, "a link to the page is handed out"));
            WebReply::Page(doorway.page(by, access))
        }
    };
    farm.tell(&mut send, &reply).await
}
