//! The sentences of games' refusals, each once.

use crate::types::{Code, GameName, Refusal};

/// When a full realm is worth another try, in milliseconds.
const FULL_RETRY_MS: u64 = 10_000;
/// When a busy thread or table is worth another try, in milliseconds.
const BUSY_RETRY_MS: u64 = 1_000;

pub(super) fn name_taken(name: &GameName) -> Refusal {
    Refusal::new(
        Code::GameNameTaken,
        format!("A game named \"{name}\" is open already; choose another name or join it."),
    )
}

pub(super) fn game_limit(games_max: usize) -> Refusal {
    let sentence = format!("The realm runs {games_max} games and no more; join one, or try again soon.");
    Refusal::retry(Code::GameLimit, sentence, FULL_RETRY_MS)
}

pub(super) fn game_unknown() -> Refusal {
    Refusal::new(Code::GameUnknown, "No such game is open; ask for the list of games again.")
}

pub(super) fn game_full() -> Refusal {
    Refusal::retry(Code::GameFull, "The game is full; wait for a seat or choose another one.", FULL_RETRY_MS)
}

pub(super) fn joined_already() -> Refusal {
    Refusal::new(Code::GameJoinedAlready, "This account is in a game already; leave it first.")
}

pub(super) fn not_joined() -> Refusal {
    Refusal::new(Code::GameNotJoined, "This account is in no game; join one first.")
}

pub(super) fn not_host() -> Refusal {
    Refusal::new(Code::GameNotHost, "Only the game's host or staff may close it; you can leave it.")
}

pub(super) fn ticket_invalid() -> Refusal {
    Refusal::new(Code::TicketInvalid, "The ticket is unknown, used or out of time; join the game again for a new one.")
}

pub(super) fn tickets_full() -> Refusal {
    Refusal::retry(Code::RealmFull, "Too many players wait to enter games; try again in a moment.", BUSY_RETRY_MS)
}

pub(super) fn busy() -> Refusal {
    Refusal::retry(Code::RealmFull, "The game's thread has too much to do; try again in a moment.", BUSY_RETRY_MS)
}

pub(super) fn stopping() -> Refusal {
    Refusal::retry(Code::RealmStopping, "The realm is stopping; come back when it is up again.", FULL_RETRY_MS)
}

pub(super) fn players_max(allowed: u32) -> Refusal {
    Refusal::new(Code::GameSettingsInvalid, format!("A game has 1 to {allowed} players; choose a number among them."))
}

pub(super) fn character_dead() -> Refusal {
    Refusal::new(Code::CharacterDead, "This hardcore character is dead for good; select another one.")
}

pub(super) fn not_saved_in_time() -> Refusal {
    Refusal::retry(
        Code::StorageUnavailable,
        "The character has left the game but is not saved yet; the realm keeps trying. Try again soon.",
        5_000,
    )
}

pub(super) fn fault() -> Refusal {
    Refusal::new(Code::Internal, "The realm has a fault; nothing was changed. The operator's log has more.")
}
