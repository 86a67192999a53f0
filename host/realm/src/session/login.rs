//! Before log-in: AUTH_REQUEST, a sign of life, and nothing else.

use std::{net::IpAddr, sync::Arc};

use realm_protocol::{ClientMessage, proto};

use super::{
    Shared,
    arrival::{Arrival, Login},
    sentence,
};
use crate::{
    accounts::Proof,
    types::{CloseReason, Code, Connection, Incoming, Outbox, Outgoing, Refusal},
};

/// Signs of life that a connection may send before it says who it is.
const MESSAGES_BEFORE_LOGIN_MAX: u32 = 16;

/// Longest nonce, in characters.
const NONCE_CHARACTERS_MAX: usize = 64;

/// Reads a connection until it has logged in. `None` when it is gone or was closed: `net/` keeps the deadline, and closes a connection
/// that says nothing.
pub(super) async fn log_in(shared: &Shared, connection: &mut Connection) -> Option<Login> {
    for _ in 0..MESSAGES_BEFORE_LOGIN_MAX {
        let (sequence, refusal) = match *connection.incoming.recv().await? {
            Incoming::Unreadable { sequence, problem } => (sequence, Refusal::new(Code::MessageInvalid, problem)),
            Incoming::Message { message: ClientMessage::AuthRequest(request), .. } => {
                return answer(shared, connection.peer.ip(), &connection.outbox, request).await;
            }
            Incoming::Message { message: ClientMessage::Ping(ping), .. } => {
                connection.outbox.try_send(Outgoing::answer(proto::Pong { token: ping.token })).ok()?;
                continue;
            }
            Incoming::Message { message: ClientMessage::Pong(_), .. } => continue,
            Incoming::Message { sequence, message } => {
                let sentence = format!("{} has to wait: log in with AUTH_REQUEST first.", message.name());
                (sequence, Refusal::new(Code::NotLoggedIn, sentence))
            }
        };
        shared.refuse(&connection.outbox, None, sequence, &refusal);
        connection.outbox.close(close_reason(refusal));
        return None;
    }
    let late = Refusal::new(Code::NotLoggedIn, "Nobody logged in; connect again and send AUTH_REQUEST first.");
    connection.outbox.close(close_reason(late));
    None
}

async fn answer(shared: &Shared, peer: IpAddr, outbox: &Outbox, request: proto::AuthRequest) -> Option<Login> {
    let known_nonce = request.nonce.chars().count() <= NONCE_CHARACTERS_MAX;
    let nonce = if known_nonce { request.nonce.clone() } else { String::new() };
    match judge(shared, peer, request).await {
        Ok(login) => Some(login),
        Err(refusal) => {
            fail(shared, outbox, nonce, refusal);
            None
        }
    }
}

/// The realm does not let in who has logged in: a log-in by password leaves no session behind, one with a token keeps its token.
pub(super) async fn turn_away(shared: &Shared, arrival: Arrival, refusal: Refusal) {
    let Arrival { connection, login, .. } = arrival;
    if !login.access_token.is_empty()
        && let Err(error) = shared.features.accounts.logout(login.identity.session).await
    {
        tracing::warn!(account = %login.identity.account, %error, "the log-in to a closed realm could not be taken back");
    }
    fail(shared, &connection.outbox, login.nonce, refusal);
}

/// Tells a connection that it is not let in, and closes it.
pub(super) fn fail(shared: &Shared, outbox: &Outbox, nonce: String, refusal: Refusal) {
    shared.count(None, 0, &refusal);
    // An outbox that cannot take it is closing already.
    let _ = outbox.try_send(Outgoing::answer(proto::AuthFailure {
        code: refusal.code.as_str().to_owned(),
        message: refusal.message.clone(),
        nonce,
        retry_after_ms: refusal.retry_after_ms.unwrap_or(0),
    }));
    outbox.close(close_reason(refusal));
}

fn close_reason(refusal: Refusal) -> CloseReason {
    CloseReason {
        code: refusal.code,
        message: refusal.message,
        reconnect_after_ms: refusal.retry_after_ms.unwrap_or(0),
    }
}

async fn judge(shared: &Shared, peer: IpAddr, request: proto::AuthRequest) -> Result<Login, Refusal> {
    check(&shared.config.client_version_min, &request)?;
    let home = Arc::clone(shared.features.realms.named(&request.realm)?);
    let accounts = &shared.features.accounts;
    let (identity, access_token) = if request.access_token.is_empty() {
        let proof = Proof { second_factor: request.second_factor, ..Proof::default() };
        let tokens = accounts.login_with(&request.account, &request.password, &proof, peer).await?;
        (tokens.identity, tokens.access)
    } else {
        let identity = accounts.authenticate(&request.access_token)?;
        accounts.used_from(identity.session, peer);
        (identity, String::new())
    };
    // The connection may have waited here since before the ban, which looked for sessions and found none.
    if let Some(ban) = shared.features.moderation.network_ban(peer) {
        accounts.logout(identity.session).await?;
        return Err(Refusal::new(Code::AddressBanned, ban.sentence()));
    }
    Ok(Login {
        home,
        names_realm: !request.realm.is_empty(),
        identity,
        access_token,
        nonce: request.nonce,
        resume_token: request.resume_token,
        resume_event: request.resume_event,
    })
}

/// What can be refused without asking anybody.
fn check(version_min: &str, request: &proto::AuthRequest) -> Result<(), Refusal> {
    if request.nonce.chars().count() > NONCE_CHARACTERS_MAX {
        let problem = format!("A nonce has at most {NONCE_CHARACTERS_MAX} characters; send a shorter one.");
        return Err(Refusal::new(Code::RequestInvalid, problem));
    }
    if is_too_old(&request.client_version, version_min) {
        let problem = format!("This realm asks for version {version_min} of the client or a newer one; update it.");
        return Err(Refusal::new(Code::ClientTooOld, problem));
    }
    if request.access_token.is_empty() && request.account.is_empty() {
        let problem = sentence("send account name and password, or an access token");
        return Err(Refusal::new(Code::InvalidCredentials, problem));
    }
    Ok(())
}

/// Numbers of a version such as "1.4.0"; what follows '-' or '+' does not count. `None` when it is no version.
pub(super) fn version(text: &str) -> Option<[u32; 3]> {
    let numbers = text.split(['-', '+']).next()?;
    let mut version = [0; 3];
    let mut parts = numbers.split('.');
    for (place, part) in version.iter_mut().zip(&mut parts) {
        *place = part.parse().ok()?;
    }
    parts.next().is_none().then_some(version)
}

/// A client that does not say its version, or says something else, is too old for a realm that asks for one.
fn is_too_old(client: &str, version_min: &str) -> bool {
    version(version_min).is_some_and(|min| version(client).is_none_or(|client| client < min))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(request: &proto::AuthRequest, version_min: &str) -> Option<Code> {
        check(version_min, request).err().map(|refusal| refusal.code)
    }

    fn request() -> proto::AuthRequest {
        proto::AuthRequest { account: "Ada".into(), password: "secret".into(), ..Default::default() }
    }

    #[test]
    fn nonces_are_counted_in_characters() {
        assert_eq!(refused(&proto::AuthRequest { nonce: "é".repeat(64), ..request() }, ""), None);
        let long = proto::AuthRequest { nonce: "n".repeat(65), ..request() };
        assert_eq!(refused(&long, ""), Some(Code::RequestInvalid));
    }

    #[test]
    fn somebody_has_to_be_named() {
        assert_eq!(refused(&proto::AuthRequest::default(), ""), Some(Code::InvalidCredentials));
        let token = proto::AuthRequest { access_token: "token".into(), ..Default::default() };
        assert_eq!(refused(&token, ""), None);
    }

    #[test]
    fn versions_compare_as_numbers() {
        for (client, min, too_old) in [
            ("1.2.0", "1.2.0", false),
            ("1.10.0", "1.9.9", false),
            ("1.2", "1.2.0", false),
            ("1.2.0-beta.1", "1.2.0", false),
            ("1.1.9", "1.2.0", true),
            ("", "1.2.0", true),
            ("newest", "1.2.0", true),
            ("1.2.3.4", "1.2.0", true),
            ("", "", false),
            ("0.0.1", "", false),
        ] {
            let request = proto::AuthRequest { client_version: client.into(), ..request() };
            assert_eq!(refused(&request, min) == Some(Code::ClientTooOld), too_old, "{client} against {min}");
        }
    }
}
