//! Sessions: log-in, one session an account, resuming, the ends of a connection.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod coming_back;
mod ends;
mod log_in;
mod playing;

use std::time::Duration;

use realm_client::{Arrival, ClientError, Connection, Door, GameUpdate, Lobby, Login, ServerMessage, proto};

use crate::harness::{DEADLINE, PASSWORD, Player, TestRealm, eventually};

const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

fn by_password(account: &str, password: &str) -> Login {
    Login::Password { account: account.to_owned(), password: password.to_owned() }
}

/// The refusal of a log-in, over a connection of its own.
async fn login_refused(realm: &TestRealm, door: Door, request: proto::AuthRequest) -> (String, Lobby) {
    let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
    let error = lobby.hello(request).await.expect_err("a refusal");
    (error.code().unwrap_or_else(|| panic!("no code: {error}")).to_owned(), lobby)
}

/// Reads a connection to its end: its goodbye, and the close frame of a WebSocket.
async fn ended(connection: &mut Connection) -> (proto::Goodbye, Option<(u16, String)>) {
    loop {
        match connection.next(DEADLINE).await {
            Ok(_) => {}
            Err(ClientError::Closed(goodbye)) => {
                return (goodbye.expect("a goodbye before the end"), connection.close_frame());
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// What the end looks like on this door.
fn close_frame(door: Door, close_code: u16, code: &str) -> Option<(u16, String)> {
    (door != Door::Frames).then(|| (close_code, code.to_owned()))
}

async fn line(lobby: &mut Lobby) -> String {
    lobby.line(DEADLINE).await.expect("a line of chat").text
}

/// Waits until the realm counts so many players online.
async fn online(realm: &TestRealm, players: usize) {
    eventually("the number of players online", async || {
        (realm.realm().sessions().figures().online == players).then_some(())
    })
    .await;
}

/// A new session that continues, as far as it can, what `token` and `event` name.
async fn come_back(player: &Player, door: Door, token: &str, event: u64) -> Lobby {
    let mut lobby = Lobby::connect(&player.endpoint, door).await.unwrap();
    lobby.resume(Login::Token(player.token.clone()), token, event).await.unwrap();
    lobby
}
