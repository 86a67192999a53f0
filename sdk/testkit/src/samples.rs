//! What hooks are asked in an ordinary realm: to be used as they are, or changed where a test wants something else.

use realm_plugin_host::bindings::{
    anti_cheat::{Action, ActionKind, Affix, Item, Quality, Sheet},
    chat_filter::{Destination, Line},
    commands::{Caller, Role},
    events::{Event, Occurrence, Person},
    ladder, matchmaking,
};

/// The time at which samples happen, in milliseconds since 1970.
pub const NOW_MS: u64 = 1_700_000_000_000;

/// A line that somebody says in the channel Lobby.
#[must_use]
pub fn line(account_name: &str, text: &str) -> Line {
    Line {
        account: 7,
        account_name: account_name.to_owned(),
        destination: Destination::Channel,
        target: "Lobby".to_owned(),
        text: text.to_owned(),
        now_ms: NOW_MS,
    }
}

/// A step of a living character.
#[must_use]
pub fn step(dx: i32, dy: i32) -> Action {
    Action {
        tick: 1,
        character: 8,
        kind: ActionKind::Move,
        x: 320,
        y: 320,
        dx,
        dy,
        step_max: 8,
        vision: 640,
        life: 50,
        mana_left: 20,
        cooldown: 0,
    }
}

/// A character of this level that has broken no rule.
#[must_use]
pub fn sheet(level: u32) -> Sheet {
    Sheet {
        character: 8,
        level,
        experience: u64::from(level) * 1_000,
        strength: 20 + 5 * level.saturating_sub(1),
        dexterity: 20,
        vitality: 20,
        energy: 20,
        skill_levels: level.saturating_sub(1),
        items: vec![ring(1)],
    }
}

/// A magic ring with so many affixes.
#[must_use]
pub fn ring(affixes: usize) -> Item {
    let affix = Affix { name: "life".to_owned(), value: 5, value_min: 1, value_max: 10 };
    Item { id: 9, base_type: "ring".to_owned(), quality: Quality::Magic, affixes: vec![affix; affixes] }
}

/// A player of this level who looks for a game.
#[must_use]
pub fn player(level: u32) -> matchmaking::Player {
    matchmaking::Player { account: 7, character: 8, class: "Sorceress".to_owned(), level, hardcore: false }
}

/// An open game, made by a character of this level.
#[must_use]
pub fn game(id: u64, creator_level: u32) -> matchmaking::Game {
    matchmaking::Game {
        id,
        difficulty: matchmaking::Difficulty::Normal,
        players: 2,
        players_max: 8,
        creator_level,
        hardcore: false,
        password_required: false,
        created_ms: NOW_MS + id,
    }
}

/// A player of this level who waits for a match.
#[must_use]
pub fn ticket(id: u64, level: u32) -> matchmaking::Ticket {
    let difficulty = matchmaking::Difficulty::Normal;
    matchmaking::Ticket { id, player: player(level), difficulty, waited_ms: 1_000 * id }
}

/// A character as it was just stored.
#[must_use]
pub fn ranked(level: u32, experience: u64) -> ladder::Character {
    ladder::Character {
        id: 8,
        class: "Sorceress".to_owned(),
        level,
        experience,
        hardcore: false,
        dead: false,
        play_time_ms: 3_600_000,
    }
}

/// A season that has just ended.
#[must_use]
pub fn season() -> ladder::Season {
    ladder::Season { number: 1, name: "First".to_owned(), began_ms: NOW_MS, ended_ms: NOW_MS + 1 }
}

/// A player who calls a command.
#[must_use]
pub fn caller(account_name: &str) -> Caller {
    Caller { account: 7, account_name: account_name.to_owned(), role: Role::Player, character: Some(8), now_ms: NOW_MS }
}

/// Something that has happened to the character Aldora of the account Anna.
#[must_use]
pub fn event(what: Occurrence) -> Event {
    let who = Person {
        account: 7,
        account_name: "Anna".to_owned(),
        character: 8,
        character_name: "Aldora".to_owned(),
        level: 10,
    };
    Event { at_ms: NOW_MS, who, what }
}
