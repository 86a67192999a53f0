//! The typed calls of an instance: one method per function of `wit/`, each under its deadline, each answer checked.

use crate::{
    answers::{
        FormedMatch, SeasonAward, awarded, check_admission, check_commands, check_effects, check_eligibility,
        check_findings, check_rank, check_refusal, check_verdict, formed, ordered,
    },
    bindings::{anti_cheat, chat_filter, commands, effects, events, ladder, matchmaking},
    error::CallError,
    hook::Hook,
    instance::Instance,
    manifest::Permission,
};

/// Calls a function of a hook: `ask!(self, deadline, hook = Hook::Variant, guest => call)`.
macro_rules! ask {
    ($this:ident, $deadline:ident, $field:ident = $hook:ident, |$guest:ident, $store:ident| $call:expr) => {{
        let deadline = $this.limits().$deadline();
        let answer = $this.run(deadline, |$store, guests| guests.$field.as_ref().map(|$guest| $call).transpose())?;
        answer.ok_or(CallError::NotExported(Hook::$hook))?
    }};
}

impl Instance {
    /// Judges a line of chat.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn filter(&mut self, line: &chat_filter::Line) -> Result<chat_filter::Verdict, CallError> {
        let verdict =
            ask!(self, call_deadline, chat_filter = ChatFilter, |guest, store| guest.call_filter(store, line));
        check_verdict(&verdict).map(|()| verdict)
    }

    /// Judges a batch of acts.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn check_actions(&mut self, actions: &anti_cheat::Actions) -> Result<Vec<anti_cheat::Finding>, CallError> {
        debug_assert!(actions.is_whole(), "plugins are promised all numbers of each act");
        let findings =
            ask!(self, tick_deadline, anti_cheat = AntiCheat, |guest, store| guest.call_check_actions(store, actions));
        check_findings(&findings, actions.len()).map(|()| findings)
    }

    /// Judges a character.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn check_character(&mut self, sheet: &anti_cheat::Sheet) -> Result<Vec<anti_cheat::Finding>, CallError> {
        let findings =
            ask!(self, call_deadline, anti_cheat = AntiCheat, |guest, store| guest.call_check_character(store, sheet));
        check_findings(&findings, 1).map(|()| findings)
    }

    /// Judges an item that has just been made or is about to change hands.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn check_item(
        &mut self,
        item: &anti_cheat::Item,
        occasion: anti_cheat::ItemOccasion,
    ) -> Result<Vec<anti_cheat::Finding>, CallError> {
        let findings = ask!(self, call_deadline, anti_cheat = AntiCheat, |guest, store| guest
            .call_check_item(store, item, occasion));
        check_findings(&findings, 1).map(|()| findings)
    }

    /// Decides whether a player may join a game.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn admit(
        &mut self,
        player: &matchmaking::Player,
        game: &matchmaking::Game,
    ) -> Result<matchmaking::Admission, CallError> {
        let admission =
            ask!(self, call_deadline, matchmaking = Matchmaking, |guest, store| guest.call_admit(store, player, *game));
        check_admission(&admission).map(|()| admission)
    }

    /// Orders a list of games for a player; keys that were not in the list may come back.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn order(&mut self, player: &matchmaking::Player, games: &[matchmaking::Game]) -> Result<Vec<u64>, CallError> {
        let places =
            ask!(self, call_deadline, matchmaking = Matchmaking, |guest, store| guest.call_order(store, player, games));
        ordered(&places, games)
    }

    /// Forms matches from waiting tickets, of which at most 200 are shown at once.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn form(&mut self, tickets: &[matchmaking::Ticket], now_ms: u64) -> Result<Vec<FormedMatch>, CallError> {
        let matches = ask!(self, call_deadline, matchmaking = Matchmaking, |guest, store| guest
            .call_form(store, tickets, now_ms));
        formed(&matches, tickets)
    }

    /// Asks whether a character takes part in the ladder.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn eligible(&mut self, character: &ladder::Character) -> Result<ladder::Eligibility, CallError> {
        let eligibility =
            ask!(self, call_deadline, ladder = Ladder, |guest, store| guest.call_eligible(store, character));
        check_eligibility(&eligibility).map(|()| eligibility)
    }

    /// Scores a character that takes part.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn score(&mut self, character: &ladder::Character) -> Result<u64, CallError> {
        let score = ask!(self, call_deadline, ladder = Ladder, |guest, store| guest.call_score(store, character));
        check_rank("score", score).map(|()| score)
    }

    /// Orders characters of the same score: higher first.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn tie_break(&mut self, character: &ladder::Character) -> Result<u64, CallError> {
        let order = ask!(self, call_deadline, ladder = Ladder, |guest, store| guest.call_tie_break(store, character));
        check_rank("tie-break", order).map(|()| order)
    }

    /// Says what the best of a season that has ended carry away.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn season_end(
        &mut self,
        season: &ladder::Season,
        standings: &[ladder::Standing],
    ) -> Result<Vec<SeasonAward>, CallError> {
        let awards =
            ask!(self, call_deadline, ladder = Ladder, |guest, store| guest.call_season_end(store, season, standings));
        awarded(awards, standings)
    }

    /// The slash commands of the plugin.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn list_commands(&mut self) -> Result<Vec<commands::Command>, CallError> {
        let list = ask!(self, call_deadline, commands = Commands, |guest, store| guest.call_list_commands(store));
        check_commands(&list).map(|()| list)
    }

    /// Carries out a slash command.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn run_command(
        &mut self,
        caller: &commands::Caller,
        name: &str,
        arguments: &[String],
    ) -> Result<Result<Vec<effects::Effect>, commands::CommandError>, CallError> {
        let answer = ask!(self, call_deadline, commands = Commands, |guest, store| guest
            .call_run(store, caller, name, arguments));
        match &answer {
            Ok(effects) => self.check_effects(effects)?,
            Err(refusal) => check_refusal(refusal)?,
        }
        Ok(answer)
    }

    /// The kinds of events that the plugin wants to hear of.
    ///
    /// # Errors
    /// When the plugin fails.
    pub fn interests(&mut self) -> Result<events::Kinds, CallError> {
        Ok(ask!(self, call_deadline, events = Events, |guest, store| guest.call_interests(store)))
    }

    /// Tells the plugin of events, of which at most 64 are handed over at once.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn handle(&mut self, events: &[events::Event]) -> Result<Vec<effects::Effect>, CallError> {
        let effects = ask!(self, call_deadline, events = Events, |guest, store| guest.call_handle(store, events));
        self.check_effects(&effects).map(|()| effects)
    }

    fn check_effects(&self, effects: &[effects::Effect]) -> Result<(), CallError> {
        check_effects(effects, self.compiled().manifest.permits(Permission::Moderate))
    }
}
