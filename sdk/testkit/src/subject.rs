//! A plugin under test: one running instance.

use std::fmt;

use realm_plugin_host::{
    CallError, FormedMatch, Hook, Instance, LoadError, Plugin, SeasonAward,
    bindings::{anti_cheat, chat_filter, commands, effects, events, ladder, matchmaking},
    tape::{Answer, Question as Call},
};

use crate::{
    FakeRealm, HostCall, Recording,
    budget::{self, Figures},
};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The realm would not take the component.
    Load(LoadError),
    /// The plugin failed as it would in a realm.
    Call(CallError),
    /// It asked the realm for what the test does not expect.
    Unexpected(Vec<HostCall>),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => write!(formatter, "{}: {error}", error.step()),
            Self::Call(error) => write!(formatter, "it {error}"),
            Self::Unexpected(calls) => {
                let shown: Vec<_> = calls.iter().map(|call| format!("`{}`", call.what)).collect();
                let permission = calls.first().map(|call| call.permission.as_str()).unwrap_or_default();
                write!(
                    formatter,
                    "it called the realm unexpectedly: {}; if it may, write `.expect(…)` for `{permission}`",
                    shown.join(", ")
                )
            }
        }
    }
}

impl std::error::Error for Failure {}

/// A running instance, with the realm around it.
pub struct Subject {
    plugin: Plugin,
    instance: Instance,
    realm: FakeRealm,
    configuration: String,
    recording: Recording,
}

impl fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plugin.fmt(formatter)
    }
}

/// One method per function of a hook: asks, notes the answer, gives it.
macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident($($argument:ident: $type:ty),*) -> $answer:ty = $call:expr => $kind:ident;)+) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// When the plugin fails as it would in a realm, or calls what the test does not expect.
            pub fn $method(&mut self, $($argument: $type),*) -> Result<$answer, Failure> {
                match self.call(&$call)? {
                    Answer::$kind(answer) => Ok(answer),
                    other => unreachable!("this call is never answered by {other:?}"),
                }
            }
        )+
    };
}

impl Subject {
    pub(crate) fn new(plugin: Plugin, instance: Instance, realm: FakeRealm, configuration: String) -> Self {
        Self { plugin, instance, realm, configuration, recording: Recording::default() }
    }

    /// The realm around it.
    #[must_use]
    pub fn realm(&self) -> &FakeRealm {
        &self.realm
    }

    /// The plugin: manifest, hooks, sizes.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Linear memory that the instance holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.instance.memory_bytes()
    }

    /// All calls until now, to be repeated with another version.
    #[must_use]
    pub fn recording(&self) -> Recording {
        self.recording.clone()
    }

    methods! {
        /// Judges a line of chat.
        filter(line: &chat_filter::Line) -> chat_filter::Verdict = Call::Filter(line.clone()) => Verdict;
        /// Judges the acts of a tick, of one game or of several.
        check_actions(actions: &[anti_cheat::Action]) -> Vec<anti_cheat::Finding>
            = Call::CheckActions(actions.into()) => Findings;
        /// Judges a character.
        check_character(sheet: &anti_cheat::Sheet) -> Vec<anti_cheat::Finding> = Call::CheckCharacter(sheet.clone()) => Findings;
        /// Judges an item.
        check_item(item: &anti_cheat::Item, occasion: anti_cheat::ItemOccasion) -> Vec<anti_cheat::Finding>
            = Call::CheckItem(item.clone(), occasion) => Findings;
        /// May the player join?
        admit(player: &matchmaking::Player, game: &matchmaking::Game) -> matchmaking::Admission
            = Call::Admit(player.clone(), *game) => Admission;
        /// Orders a list of games.
        order(player: &matchmaking::Player, games: &[matchmaking::Game]) -> Vec<u64>
            = Call::Order(player.clone(), games.to_vec()) => Order;
        /// Forms matches of those who wait.
        form(tickets: &[matchmaking::Ticket], now_ms: u64) -> Vec<FormedMatch>
            = Call::Form(tickets.to_vec(), now_ms) => Matches;
        /// Does a character take part in the ladder?
        eligible(character: &ladder::Character) -> ladder::Eligibility = Call::Eligible(character.clone()) => Eligibility;
        /// Scores a character.
        score(character: &ladder::Character) -> u64 = Call::Score(character.clone()) => Number;
        /// Orders characters of one score.
        tie_break(character: &ladder::Character) -> u64 = Call::TieBreak(character.clone()) => Number;
        /// What the best of a season carry away.
        season_end(season: &ladder::Season, standings: &[ladder::Standing]) -> Vec<SeasonAward>
            = Call::SeasonEnd(season.clone(), standings.to_vec()) => Awards;
        /// The slash commands.
        list_commands() -> Vec<commands::Command> = Call::ListCommands => Commands;
        /// Carries out a slash command.
        run_command(caller: &commands::Caller, name: &str, arguments: &[String])
            -> Result<Vec<effects::Effect>, commands::CommandError>
            = Call::RunCommand(caller.clone(), name.to_owned(), arguments.to_vec()) => Ran;
        /// The events that it wants to hear of.
        interests() -> events::Kinds = Call::Interests => Interests;
        /// Tells it of events.
        handle(batch: &[events::Event]) -> Vec<effects::Effect> = Call::Handle(batch.to_vec()) => Effects;
    }

    /// Makes one call, given as a value.
    ///
    /// # Errors
    /// As the method of its name.
    pub fn call(&mut self, call: &Call) -> Result<Answer, Failure> {
        let now_ms = self.realm.now();
        let answer = self.call_quietly(call);
        self.recording.push(now_ms, call.clone(), answer.clone());
        answer
    }

    /// The same without a note: for calls by the thousand.
    pub(crate) fn call_quietly(&mut self, call: &Call) -> Result<Answer, Failure> {
        let answer = self.instance.answer(call).map_err(Failure::Call);
        let surprises = self.realm.take_unexpected();
        if surprises.is_empty() { answer } else { Err(Failure::Unexpected(surprises)) }
    }

    /// Carries the memory over to another instance of this plugin or of another version, as a swap does.
    ///
    /// # Errors
    /// When either fails or the other refuses the state: then a realm would keep this one.
    pub fn hand_over_to(&mut self, other: &mut Self) -> Result<(), Failure> {
        let state = self.instance.save_state().map_err(Failure::Call)?;
        let version = &self.plugin.manifest().version;
        other.instance.load_state(version, &state).map_err(Failure::Call)
    }

    /// A second instance of the same plugin in the same realm, as another lane has it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn another(&self) -> Result<Self, Failure> {
        let instance = self.plugin.instantiate(&self.configuration).map_err(Failure::Call)?;
        Self::new(self.plugin.clone(), instance, self.realm.clone(), self.configuration.clone()).without_surprise()
    }

    /// Asserts that a call, the quickest of twenty, uses at most so much time of the processor. Twenty, because the first is
    /// slower than any other; the quickest, because a machine has other things to do.
    ///
    /// # Panics
    /// When it uses more, or fails; the message says how much.
    pub fn assert_within_ms<T>(
        &mut self,
        budget_ms: u64,
        what: &str,
        mut call: impl FnMut(&mut Self) -> Result<T, Failure>,
    ) {
        let figures = budget::measure(self, 20, |subject| call(subject).map(drop))
            .unwrap_or_else(|failure| panic!("{what}: {failure}"));
        let Figures { quickest, .. } = figures;
        assert!(
            quickest.as_nanos() <= u128::from(budget_ms) * 1_000_000,
            "{what}: uses {:.3} ms of the processor, its budget is {budget_ms} ms",
            quickest.as_secs_f64() * 1_000.0
        );
    }

    /// True when it answers the hook.
    #[must_use]
    pub fn answers(&self, hook: Hook) -> bool {
        self.plugin.hooks().contains(&hook)
    }

    pub(crate) fn without_surprise(self) -> Result<Self, Failure> {
        let surprises = self.realm.take_unexpected();
        if surprises.is_empty() { Ok(self) } else { Err(Failure::Unexpected(surprises)) }
    }
}
