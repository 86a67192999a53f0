//! `/admin/mail`: letters of staff, with gold and items that are made for them.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use realm_world::items::{ITEM_LEVEL_MAX, Quality};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    admin::Staff,
    again::{RequestKey, Scope, answer},
    extract::Body,
    mail::{LetterView, sent},
    problem::Refused,
};
use crate::{
    accounts::Permission,
    audit::By,
    mail::{Gift, StaffDraft},
    types::{Code, Refusal},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(send))
}

/// An item that is made for the letter.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GiftRequest {
    /// Key of its base.
    base: String,
    /// `normal`, `magic`, `rare`, `set` or `unique`; empty is normal. Where the pack has none, it becomes the best below.
    #[serde(default)]
    quality: String,
    /// 1 to 99.
    level: u32,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StaffLetterRequest {
    /// Key or name of the realm; empty for the first.
    #[serde(default)]
    realm: String,
    /// Name of the character that it goes to.
    to: String,
    /// At most 256 characters in one line; may be left out when something is in it.
    #[serde(default)]
    text: String,
    /// Items that are made for it.
    #[serde(default)]
    items: Vec<GiftRequest>,
    /// Gold that is minted for it.
    #[serde(default)]
    gold: i64,
    /// For the audit log.
    #[serde(default)]
    reason: String,
}

fn gift(wanted: &GiftRequest) -> Result<Gift, Refused> {
    let refused = |sentence: String| Refused(Refusal::new(Code::RequestInvalid, sentence));
    let word = if wanted.quality.is_empty() { Quality::Normal.name() } else { wanted.quality.as_str() };
    let quality = Quality::from_name(word).ok_or_else(|| {
        let names: Vec<&str> = Quality::ALL.iter().map(|quality| quality.name()).collect();
        refused(format!("There is no such quality; write one of {}.", names.join(", ")))
    })?;
    if !(1..=ITEM_LEVEL_MAX).contains(&wanted.level) {
        return Err(refused(format!("The level of an item is 1 to {ITEM_LEVEL_MAX}.")));
    }
    Ok(Gift { base: wanted.base.clone(), quality, level: wanted.level })
}

/// Sends a letter of the realm's staff; it arrives however full the mailbox is.
#[utoipa::path(post, path = "/admin/mail", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("mail.send"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    request_body = StaffLetterRequest,
    responses((status = 201, body = LetterView, headers(("ETag" = String, description = "Version of the letter"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn send(
    State(features): State<Features>,
    Staff(actor): Staff,
    key: RequestKey,
    Body(body): Body<StaffLetterRequest>,
) -> Result<Response, Refused> {
    let by = features.admin.allow(&actor, Permission::MailSend, &body.reason)?;
    let once = key.once(Scope::from(&actor), &body, sent)?;
    let home = Arc::clone(features.realms.named(&body.realm)?);
    let by = By { realm: home.key().into(), ..by };
    let items = body.items.iter().map(gift).collect::<Result<Vec<_>, _>>()?;
    let draft = StaffDraft { to: body.to, text: body.text, items, gold: body.gold };
    Ok(answer(StatusCode::CREATED, home.mail.send_as_staff(by, draft, once).await?, sent))
}
