//! Games and seats as others see them: on the wire, to the matchmaking rule, and in events.

use std::{sync::Arc, time::Duration};

use realm_plugin_host::bindings::matchmaking;
use realm_protocol::{Encoded, ServerMessage, proto};
use realm_world::Difficulty;

use crate::{
    characters::Character,
    types::{AccountId, CloseReason},
};

use super::{
    directory::OpenGame,
    seat::{Seat, SeatState},
};

/// A player as others see it.
pub(super) fn player(seat: &Seat) -> proto::GamePlayer {
    proto::GamePlayer {
        account: seat.player.account_name.to_string(),
        character: seat.character_name.to_string(),
        class: seat.sheet.class.name().to_owned(),
        level: seat.sheet.level,
    }
}

/// The players that others know of, in the order of their arrival.
pub(super) fn players(game: &OpenGame) -> Vec<proto::GamePlayer> {
    game.seats.iter().filter(|seat| seat.state != SeatState::Reserved).map(player).collect()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn milliseconds(moment: i64) -> u64 {
    u64::try_from(moment).unwrap_or(0)
}

/// A game in the list.
pub(super) fn game(game: &OpenGame) -> proto::Game {
    let host = game.seats.iter().find(|seat| seat.player.account == game.host);
    proto::Game {
        id: game.id.raw(),
        name: game.name.to_string(),
        difficulty: game.difficulty.name().to_owned(),
        players: count(game.seats.len()),
        players_max: count(game.players_max),
        password_required: game.password.is_some(),
        creator_level: game.creator_level,
        host: host.map(|seat| seat.player.account_name.to_string()).unwrap_or_default(),
        created_ms: milliseconds(game.created_ms),
    }
}

/// The answer to a join; address and port are the caller's to fill in.
pub(super) fn ticket(open: &OpenGame, text: String, valid: Duration) -> proto::GameTicket {
    proto::GameTicket {
        game: Some(game(open)),
        address: String::new(),
        port: 0,
        ticket: text,
        valid_ms: u32::try_from(valid.as_millis()).unwrap_or(u32::MAX),
        players: players(open),
    }
}

/// A game as the matchmaking rule sees it. `asking` has a kept seat in it that does not count.
pub(super) fn for_matchmaking(game: &OpenGame, asking: Option<AccountId>) -> matchmaking::Game {
    matchmaking::Game {
        id: game.id.raw(),
        difficulty: shown_difficulty(game.difficulty),
        players: count(game.seats.iter().filter(|seat| Some(seat.player.account) != asking).count()),
        players_max: count(game.players_max),
        creator_level: game.creator_level,
        hardcore: game.hardcore,
        password_required: game.password.is_some(),
        created_ms: milliseconds(game.created_ms),
    }
}

/// A difficulty in the words of the matchmaking rule.
pub(super) fn shown_difficulty(difficulty: Difficulty) -> matchmaking::Difficulty {
    match difficulty {
        Difficulty::Normal => matchmaking::Difficulty::Normal,
        Difficulty::Nightmare => matchmaking::Difficulty::Nightmare,
        Difficulty::Hell => matchmaking::Difficulty::Hell,
    }
}

/// The same the other way round.
pub(super) fn own_difficulty(difficulty: matchmaking::Difficulty) -> Difficulty {
    match difficulty {
        matchmaking::Difficulty::Normal => Difficulty::Normal,
        matchmaking::Difficulty::Nightmare => Difficulty::Nightmare,
        matchmaking::Difficulty::Hell => Difficulty::Hell,
    }
}

/// A player as the matchmaking rule sees it.
pub(super) fn seeker(character: &Character) -> matchmaking::Player {
    matchmaking::Player {
        account: character.account.raw(),
        character: character.id.raw(),
        class: character.sheet.class.name().to_owned(),
        level: character.sheet.level,
        hardcore: character.sheet.hardcore,
    }
}

/// Tells every other player of the game, encoded once. Streams never wait, so this is done under the directory's lock:
/// everybody sees the events of a game in one order.
pub(super) fn tell_others(game: &OpenGame, except: AccountId, message: impl Into<ServerMessage>) {
    let encoded = Arc::new(Encoded::from(&message.into()));
    for seat in game.seats.iter().filter(|seat| seat.player.account != except && seat.state != SeatState::Reserved) {
        if let Some(events) = &seat.player.events {
            events.send(&encoded);
        }
    }
}

/// Makes the first remaining player host, and tells all that remain.
pub(super) fn pass_host(game: &mut OpenGame) {
    let known = game.seats.iter().find(|seat| !matches!(seat.state, SeatState::Reserved | SeatState::Leaving));
    let Some(next) = known.or(game.seats.first()) else { return };
    let (host, name) = (next.player.account, next.player.account_name.to_string());
    let former = std::mem::replace(&mut game.host, host);
    tell_others(game, former, proto::GameHostChanged { game_id: game.id.raw(), host: name, event: 0 });
}

/// Why a link is closed, from code and sentence.
pub(super) fn reason(code: crate::types::Code, message: &str, reconnect_after_ms: u64) -> CloseReason {
    CloseReason { code, message: message.to_owned(), reconnect_after_ms }
}
