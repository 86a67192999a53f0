//! A town crier: slash commands, words about what happens, and everything else that a plugin may bring about.

use std::collections::BTreeMap;

use realm_plugin::{
    InitError, Plugin,
    commands::{Argument, ArgumentKind, Caller, Command, CommandError, Commands, Role},
    effects::{Announce, Effect, Flag, Kick, Mute, Say, Whisper},
    events::{Event, Events, Kinds, Occurrence},
    kv, metrics, random, realm_info,
};
use serde::Deserialize;

/// Longest mute that answers an event.
const MUTE_MS: u64 = 60_000;

/// `[plugins.configuration.crier]` in `realm.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How each kind of event is answered, by its name in `wit/events.wit`; a kind that is not here is announced.
    pub answers: BTreeMap<String, Vec<Answer>>,
    /// Channel in which `say` answers.
    pub channel: String,
}

/// What may come of an event: for everybody, for a channel, or for whom it happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A line to everybody.
    Announce,
    /// A line in the channel.
    Say,
    /// A line to whom it happened to.
    Whisper,
    /// Who it happened to shall not talk for a minute.
    Mute,
    /// Its session ends.
    Kick,
    /// The moderators are told.
    Flag,
}

/// Has nothing to remember: what it keeps is with the realm.
pub struct Crier {
    settings: Settings,
}

impl Plugin for Crier {
    fn init(configuration: &str) -> Result<Self, InitError> {
        Ok(Self { settings: realm_plugin::read_configuration(configuration)? })
    }
}

impl Crier {
    /// What comes of one event.
    fn answer(&self, event: &Event) -> Vec<Effect> {
        let (kind, text) = tale(event);
        let account = event.who.account_name.clone();
        let answers = self.settings.answers.get(kind).map_or(&[Answer::Announce][..], Vec::as_slice);
        let effect = |answer: &Answer| {
            let (account, text) = (account.clone(), text.clone());
            match answer {
                Answer::Announce => Effect::Announce(Announce { text }),
                Answer::Say => Effect::Say(Say { channel: self.settings.channel.clone(), text }),
                Answer::Whisper => Effect::Whisper(Whisper { account, text }),
                Answer::Mute => Effect::Mute(Mute { account, duration_ms: MUTE_MS, reason: text }),
                Answer::Kick => Effect::Kick(Kick { account, reason: text }),
                Answer::Flag => Effect::Flag(Flag { account, reason: text }),
            }
        };
        answers.iter().map(effect).collect()
    }
}

/// The kind of an event, and a sentence about it.
fn tale(event: &Event) -> (&'static str, String) {
    let who = &event.who;
    let hero = &who.character_name;
    match &event.what {
        Occurrence::LogIn => ("log-in", format!("{} has come.", who.account_name)),
        Occurrence::LogOut => ("log-out", format!("{} has gone.", who.account_name)),
        Occurrence::Join(place) => ("join", format!("{hero} enters {}.", place.game_name)),
        Occurrence::Leave(place) => ("leave", format!("{hero} leaves {}.", place.game_name)),
        Occurrence::Kill(fight) => ("kill", format!("{hero} has slain {}.", fight.opponent)),
        Occurrence::Death(fight) => ("death", format!("{hero} was slain by {}.", fight.opponent)),
        Occurrence::Drop(find) => ("drop", format!("{} ({}) drops before {hero}.", find.base_type, find.quality)),
        Occurrence::LevelUp(level) => ("level-up", format!("{hero} is of level {level} now.")),
    }
}

fn argument(name: &str, kind: ArgumentKind, required: bool, help: &str) -> Argument {
    Argument { name: name.into(), kind, required, help: help.into() }
}

fn command(name: &str, help: &str, arguments: Vec<Argument>) -> Command {
    Command { name: name.into(), help: help.into(), arguments }
}

fn whisper(account: String, text: String) -> Vec<Effect> {
    vec![Effect::Whisper(Whisper { account, text })]
}

fn other(error: impl std::fmt::Debug) -> CommandError {
    CommandError::Other(format!("It cannot be kept: {error:?}.").chars().take(200).collect())
}

/// Counts under a key that outlives restarts.
fn count(key: &str) -> Result<u64, CommandError> {
    let before = kv::get(key).map_err(other)?;
    let before = before.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    kv::set(key, &(before + 1).to_le_bytes()).map_err(other)?;
    Ok(before + 1)
}

/// Bytes of a pile when nothing is said of it.
const PILE_BYTES: usize = 8 << 10;

fn pile(number: &str) -> String {
    format!("pile-{number:0>6}")
}

/// Puts a pile of coins by, all stamped alike.
fn hoard(number: &str, stamp: &str, bytes: Option<&str>) -> Result<(), CommandError> {
    let wrong = || CommandError::Usage("Say a number, a stamp of 0 to 255, and how many bytes.".into());
    let stamp: u8 = stamp.parse().map_err(|_| wrong())?;
    let bytes = bytes.map_or(Ok(PILE_BYTES), str::parse).map_err(|_| wrong())?;
    kv::set(&pile(number), &vec![stamp; bytes]).map_err(other)
}

/// How many piles there are, how many of them hold coins of different stamps, and up to which number from 1 on they bear this one.
fn piles(stamp: &str) -> Result<(usize, usize, usize), CommandError> {
    let stamp: u8 = stamp.parse().map_err(|_| CommandError::Usage("A stamp is 0 to 255.".into()))?;
    let (mut count, mut mixed, mut up_to, mut after) = (0, 0, 0, String::new());
    loop {
        let keys = kv::list_keys("pile-", &after).map_err(other)?;
        let Some(last) = keys.last() else { return Ok((count, mixed, up_to)) };
        after.clone_from(last);
        for key in keys {
            let coins = kv::get(&key).map_err(other)?.unwrap_or_default();
            count += 1;
            mixed += usize::from(coins.iter().any(|coin| *coin != coins[0]));
            up_to +=
                usize::from(up_to + 1 == count && coins.first() == Some(&stamp) && key == pile(&count.to_string()));
        }
    }
}

impl Commands for Crier {
    fn list_commands(&mut self) -> Vec<Command> {
        let text = |help| vec![argument("text", ArgumentKind::Rest, true, help)];
        vec![
            command(
                "cry",
                "Cries a line in a channel.",
                vec![
                    argument("channel", ArgumentKind::Text, true, "The channel."),
                    argument("text", ArgumentKind::Rest, true, "The line."),
                ],
            ),
            command(
                "roll",
                "Throws a die.",
                vec![argument("sides", ArgumentKind::Number, false, "2 to 1000; 6 when left out.")],
            ),
            command("count", "Counts how often it was asked.", vec![]),
            command(
                "wave",
                "Waves to a player.",
                vec![argument("player", ArgumentKind::Player, true, "Who is waved to.")],
            ),
            command("where", "Tells of the realm.", vec![]),
            command(
                "hoard",
                "Puts a pile of coins by.",
                vec![
                    argument("number", ArgumentKind::Number, true, "Which pile."),
                    argument("stamp", ArgumentKind::Number, true, "0 to 255."),
                    argument("bytes", ArgumentKind::Number, false, "8192 when left out."),
                ],
            ),
            command("spend", "Takes a pile away.", vec![argument("number", ArgumentKind::Number, true, "Which pile.")]),
            command("piles", "Counts the piles.", vec![argument("stamp", ArgumentKind::Number, true, "0 to 255.")]),
            command("proclaim", "Tells everybody; for moderators.", text("What everybody is told.")),
            command("hush", "Mutes oneself.", vec![argument("minutes", ArgumentKind::Number, true, "1 to 60.")]),
            command("begone", "Ends one's own session.", vec![]),
            command("alarm", "Calls the moderators.", text("What is the matter.")),
            command("stumble", "Fails.", vec![]),
            // The realm has these names: they are not given away.
            command("help", "Never asked.", vec![]),
        ]
    }

    fn run(&mut self, caller: Caller, name: String, arguments: Vec<String>) -> Result<Vec<Effect>, CommandError> {
        let account = caller.account_name.clone();
        let _ = metrics::add("commands", 1);
        let first = arguments.first().map_or("", String::as_str);
        Ok(match name.as_str() {
            "cry" => {
                let [channel, text] =
                    arguments.try_into().map_err(|_| CommandError::Usage("Say where and what.".into()))?;
                vec![Effect::Say(Say { channel, text })]
            }
            "roll" => {
                let sides: u64 = if first.is_empty() { 6 } else { first.parse().unwrap_or(0) };
                if !(2..=1_000).contains(&sides) {
                    return Err(CommandError::Usage("A die has 2 to 1000 sides.".into()));
                }
                whisper(account, format!("You throw {}.", random::get_u64() % sides + 1))
            }
            "count" => whisper(account, format!("That was number {}.", count("asked")?)),
            "wave" => whisper(account, format!("{} waves to {first}.", caller.account_name)),
            "where" => {
                let known = realm_info::find_account(&account);
                let playing =
                    known.and_then(|known| known.character).and_then(|hero| realm_info::find_character(&hero));
                let playing = playing.map_or("nobody".into(), |hero| format!("{} of level {}", hero.name, hero.level));
                let (realm, online) = (realm_info::name(), realm_info::players_online());
                whisper(account, format!("This is {realm} with {online} online; you play {playing}."))
            }
            "hoard" => {
                hoard(first, &arguments[1], arguments.get(2).map(String::as_str))?;
                whisper(account, format!("Pile {first} is put by."))
            }
            "spend" => {
                kv::delete(&pile(first)).map_err(other)?;
                whisper(account, format!("Pile {first} is spent."))
            }
            "piles" => {
                let (count, mixed, up_to) = piles(first)?;
                whisper(account, format!("{count} piles, {mixed} mixed, stamped {first} up to {up_to}."))
            }
            "proclaim" if caller.role == Role::Player => {
                return Err(CommandError::Refused("Only moderators proclaim.".into()));
            }
            "proclaim" => vec![Effect::Announce(Announce { text: first.into() })],
            "hush" => {
                let minutes = first.parse::<u64>().unwrap_or(0).clamp(1, 60);
                vec![Effect::Mute(Mute { account, duration_ms: minutes * 60_000, reason: "wished so".into() })]
            }
            "begone" => vec![Effect::Kick(Kick { account, reason: "wished so".into() })],
            "alarm" => vec![Effect::Flag(Flag { account, reason: first.into() })],
            _ => panic!("stumbled over {name}"),
        })
    }
}

impl Events for Crier {
    fn interests(&mut self) -> Kinds {
        let people = Kinds::LOG_IN | Kinds::LOG_OUT | Kinds::JOIN | Kinds::LEAVE;
        people | Kinds::KILL | Kinds::DEATH | Kinds::DROP | Kinds::LEVEL_UP
    }

    fn handle(&mut self, events: Vec<Event>) -> Vec<Effect> {
        // An answer holds at most 32 effects.
        events.iter().flat_map(|event| self.answer(event)).take(32).collect()
    }
}

realm_plugin::plugin! {
    rule: Crier,
    name: "crier",
    description: "Cries commands, arrivals and deeds.",
    permissions: ["log", "metrics", "kv", "random", "realm-info", "moderate"],
}
realm_plugin::export_commands!(Crier);
realm_plugin::export_events!(Crier);
