//! How much is answered: so much to each account, and so much to each network for what needs no account.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts as _, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Features, admin::ByOperator, extract::Peer, problem::Refused};
use crate::{
    accounts, session,
    types::{AccountId, Allowances, Code, Network, Refusal, UsedUp},
};

/// The allowances of REST; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    allowances: Arc<(Allowances<AccountId>, Allowances<Network>)>,
}

impl Gate {
    /// An account may ask here as much as in a session, and a network without an account what `[accounts]` says.
    #[must_use]
    pub fn new(accounts: &accounts::Config, session: &session::Config) -> Self {
        let of_accounts = Allowances::per_minute(session.request_burst, session.request_per_minute);
        let of_networks = Allowances::per_minute(accounts.anonymous_burst, accounts.anonymous_per_minute);
        Self { allowances: Arc::new((of_accounts, of_networks)) }
    }
}

/// The access token of a request, if it carries one.
fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Finds out who speaks, counts the request, and hands it on with the identity for the handler. A token that proves nothing counts as
/// none.
pub(super) async fn admit(State(features): State<Features>, request: Request, next: Next) -> Response {
    let identity = token(request.headers()).and_then(|token| features.accounts.authenticate(token).ok());
    let (mut parts, body) = request.into_parts();
    if let (None, Some(bearer)) = (&identity, token(&parts.headers).map(str::to_owned))
        && let Ok(Peer(peer)) = Peer::from_request_parts(&mut parts, &features).await
        && features.admin.is_operator(&bearer, peer)
    {
        // Whoever runs the realm is not counted.
        parts.extensions.insert(ByOperator);
        return next.run(Request::from_parts(parts, body)).await;
    }
    let (of_accounts, of_networks) = &*features.gate.allowances;
    let taken = match identity {
        Some(identity) => {
            let taken = of_accounts.take(&identity.account);
            parts.extensions.insert(identity);
            taken
        }
        None => match Peer::from_request_parts(&mut parts, &features).await {
            Ok(Peer(peer)) => of_networks.take(&Network::of(peer)),
            Err(refused) => return refused.into_response(),
        },
    };
    match taken {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(used_up) => Refused(too_many(used_up)).into_response(),
    }
}

fn too_many(UsedUp { retry_after_ms, .. }: UsedUp) -> Refusal {
    let seconds = retry_after_ms.div_ceil(1_000);
    Refusal::retry(Code::RateLimited, format!("Too many requests; try again in {seconds} seconds."), retry_after_ms)
}
