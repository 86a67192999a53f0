//! Calls as values: what a plugin can be asked, and what can come back.

use serde::{Deserialize, Serialize};

use crate::{
    answers::{FormedMatch, SeasonAward},
    bindings::{anti_cheat, chat_filter, commands, effects, events, ladder, matchmaking},
    error::CallError,
    hook::Hook,
    instance::Instance,
};

/// One call of a hook with all it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the function of its name in wit/")]
pub enum Question {
    Filter(chat_filter::Line),
    CheckActions(anti_cheat::Actions),
    CheckCharacter(anti_cheat::Sheet),
    CheckItem(anti_cheat::Item, anti_cheat::ItemOccasion),
    Admit(matchmaking::Player, matchmaking::Game),
    Order(matchmaking::Player, Vec<matchmaking::Game>),
    Form(Vec<matchmaking::Ticket>, u64),
    Eligible(ladder::Character),
    Score(ladder::Character),
    TieBreak(ladder::Character),
    /// As a realm ranks: `eligible`, and when it is, `score` and `tie-break`.
    Rank(ladder::Character),
    SeasonEnd(ladder::Season, Vec<ladder::Standing>),
    ListCommands,
    RunCommand(commands::Caller, String, Vec<String>),
    Interests,
    Handle(Vec<events::Event>),
}

/// Where a ladder puts a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rank {
    /// Higher is better.
    pub score: u64,
    /// Orders characters of the same score, higher first.
    pub tie_break: u64,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the answer of its question")]
pub enum Answer {
    Verdict(chat_filter::Verdict),
    Findings(Vec<anti_cheat::Finding>),
    Admission(matchmaking::Admission),
    Order(Vec<u64>),
    Matches(Vec<FormedMatch>),
    Eligibility(ladder::Eligibility),
    /// A score, or what orders equal scores.
    Number(u64),
    /// `None` when the character takes no part.
    Rank(Option<Rank>),
    Awards(Vec<SeasonAward>),
    Commands(Vec<commands::Command>),
    Ran(Result<Vec<effects::Effect>, commands::CommandError>),
    Interests(#[serde(with = "kinds")] events::Kinds),
    Effects(Vec<effects::Effect>),
}

impl Question {
    /// The hook that is asked.
    #[must_use]
    pub fn hook(&self) -> Hook {
        match self {
            Self::Filter(_) => Hook::ChatFilter,
            Self::CheckActions(_) | Self::CheckCharacter(_) | Self::CheckItem(..) => Hook::AntiCheat,
            Self::Admit(..) | Self::Order(..) | Self::Form(..) => Hook::Matchmaking,
            Self::Eligible(_) | Self::Score(_) | Self::TieBreak(_) | Self::Rank(_) | Self::SeasonEnd(..) => {
                Hook::Ladder
            }
            Self::ListCommands | Self::RunCommand(..) => Hook::Commands,
            Self::Interests | Self::Handle(_) => Hook::Events,
        }
    }

    /// The function that is asked, as `wit/` names it.
    #[must_use]
    pub fn function(&self) -> &'static str {
        match self {
            Self::Filter(_) => "filter",
            Self::CheckActions(_) => "check-actions",
            Self::CheckCharacter(_) => "check-character",
            Self::CheckItem(..) => "check-item",
            Self::Admit(..) => "admit",
            Self::Order(..) => "order",
            Self::Form(..) => "form",
            Self::Eligible(_) => "eligible",
            Self::Score(_) | Self::Rank(_) => "score",
            Self::TieBreak(_) => "tie-break",
            Self::SeasonEnd(..) => "season-end",
            Self::ListCommands => "list-commands",
            Self::RunCommand(..) => "run",
            Self::Interests => "interests",
            Self::Handle(_) => "handle",
        }
    }
}

impl Instance {
    /// Puts a question that was kept as a value.
    ///
    /// # Errors
    /// As the method of the function that it asks.
    pub fn answer(&mut self, question: &Question) -> Result<Answer, CallError> {
        Ok(match question {
            Question::Filter(line) => self.filter(line)?.into(),
            Question::CheckActions(actions) => self.check_actions(actions)?.into(),
            Question::CheckCharacter(sheet) => self.check_character(sheet)?.into(),
            Question::CheckItem(item, occasion) => self.check_item(item, *occasion)?.into(),
            Question::Admit(player, game) => self.admit(player, game)?.into(),
            Question::Order(player, games) => self.order(player, games)?.into(),
            Question::Form(tickets, now_ms) => self.form(tickets, *now_ms)?.into(),
            Question::Eligible(character) => Answer::Eligibility(self.eligible(character)?),
            Question::Score(character) => Answer::Number(self.score(character)?),
            Question::TieBreak(character) => Answer::Number(self.tie_break(character)?),
            Question::Rank(character) => self.rank(character)?.into(),
            Question::SeasonEnd(season, standings) => self.season_end(season, standings)?.into(),
            Question::ListCommands => self.list_commands()?.into(),
            Question::RunCommand(caller, name, arguments) => self.run_command(caller, name, arguments)?.into(),
            Question::Interests => self.interests()?.into(),
            Question::Handle(batch) => self.handle(batch)?.into(),
        })
    }

    /// Ranks a character as a realm does: `None` when it takes no part.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn rank(&mut self, character: &ladder::Character) -> Result<Option<Rank>, CallError> {
        match self.eligible(character)? {
            ladder::Eligibility::Eligible => {
                let (score, tie_break) = (self.score(character)?, self.tie_break(character)?);
                Ok(Some(Rank { score, tie_break }))
            }
            ladder::Eligibility::NotEligible(_) => Ok(None),
        }
    }
}

/// One conversion for each answer that only one function gives, or several that mean the same.
macro_rules! answers {
    ($($kind:ident of $type:ty),+ $(,)?) => {
        $(impl From<$type> for Answer {
            fn from(answer: $type) -> Self {
                Self::$kind(answer)
            }
        })+
    };
}

answers! {
    Verdict of chat_filter::Verdict,
    Findings of Vec<anti_cheat::Finding>,
    Admission of matchmaking::Admission,
    Order of Vec<u64>,
    Matches of Vec<FormedMatch>,
    Rank of Option<Rank>,
    Awards of Vec<SeasonAward>,
    Commands of Vec<commands::Command>,
    Ran of Result<Vec<effects::Effect>, commands::CommandError>,
    Interests of events::Kinds,
    Effects of Vec<effects::Effect>,
}

/// A set of flags as the bits of their order.
mod kinds {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::bindings::events::Kinds;

    const ALL: [Kinds; 8] = [
        Kinds::LOG_IN,
        Kinds::LOG_OUT,
        Kinds::JOIN,
        Kinds::LEAVE,
        Kinds::KILL,
        Kinds::DEATH,
        Kinds::DROP,
        Kinds::LEVEL_UP,
    ];

    pub(super) fn serialize<S: Serializer>(kinds: &Kinds, to: S) -> Result<S::Ok, S::Error> {
        let bit = |(place, kind): (usize, &Kinds)| u8::from(kinds.contains(*kind)) << place;
        to.serialize_u8(ALL.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Kinds, D::Error> {
        let bits = u8::deserialize(from)?;
        let set = ALL.iter().enumerate().filter(|(place, _)| bits & 1 << place != 0);
        Ok(set.fold(Kinds::default(), |kinds, (_, kind)| kinds | *kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interests_keep_their_flags_on_a_tape() {
        let wanted = events::Kinds::LOG_IN | events::Kinds::DROP | events::Kinds::LEVEL_UP;
        for kinds in [events::Kinds::default(), wanted] {
            let bytes = postcard::to_allocvec(&Answer::Interests(kinds)).unwrap();
            assert_eq!(postcard::from_bytes::<Answer>(&bytes).unwrap(), Answer::Interests(kinds));
        }
    }
}
