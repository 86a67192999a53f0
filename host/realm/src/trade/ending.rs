//! How a trade ends, and how both are told.

use serde::{Deserialize, Serialize};

use crate::types::{AccountId, CharacterId, Code, ItemId, Refusal};

/// What a trade has moved. It is kept with its effect, so that whoever asks again hears the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    /// Host and guest.
    pub(super) sides: [Given; 2],
}

/// What one of them has given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Given {
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) items: Vec<ItemId>,
    pub(super) gold: i64,
}

impl Done {
    /// What an account has received; `None` when the trade was of others.
    pub(super) fn received_by(&self, account: AccountId) -> Option<&Given> {
        let [host, guest] = &self.sides;
        if host.account == account {
            return Some(guest);
        }
        (guest.account == account).then_some(host)
    }
}

/// Why a trade is over. Names are those of accounts.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    /// It was carried out.
    Done(Done),
    /// One of them did not want it.
    Cancelled { by: String },
    /// The connection of one of them was lost.
    Disconnected { who: String },
    /// One of them went elsewhere, or took another character.
    Apart { who: String },
    /// Nothing happened for too long.
    TimedOut,
    /// Something that one of them offered is no longer what or where it was.
    Changed { whose: String },
    /// The inventory of one of them has no room for what was to come.
    NoRoom { whose: String },
    /// One of them has less gold than offered.
    NoGold { whose: String },
    /// A rule of the realm does not let an item change hands.
    Ruled { whose: String },
    /// What belongs to one of them does not let it be carried out, for this reason.
    Barred { whose: String, why: Refusal },
    /// It could not be carried out.
    Refused(Refusal),
    /// Nobody knows whether it was carried out: the database did not confirm it, and does not answer. Whoever asks later is told.
    Unsure,
}

impl Ending {
    /// The stable code; `None` when it was carried out.
    pub(super) fn code(&self) -> Option<Code> {
        match self {
            Ending::Done(_) => None,
            Ending::Cancelled { .. } => Some(Code::TradeCancelled),
            Ending::Disconnected { .. } => Some(Code::TradeDisconnected),
            Ending::Apart { .. } => Some(Code::TradeApart),
            Ending::TimedOut => Some(Code::TradeTimedOut),
            Ending::Changed { .. } => Some(Code::ItemMoved),
            Ending::NoRoom { .. } => Some(Code::ItemNoRoom),
            Ending::NoGold { .. } => Some(Code::NotEnoughGold),
            Ending::Ruled { .. } => Some(Code::ItemRefused),
            Ending::Barred { why, .. } => Some(why.code),
            Ending::Refused(refusal) => Some(refusal.code),
            Ending::Unsure => Some(Code::StorageUnavailable),
        }
    }

    /// The sentence for people.
    pub(super) fn sentence(&self) -> String {
        let why = match self {
            Ending::Done(_) => return "The trade is done.".to_owned(),
            Ending::Refused(refusal) => return refusal.message.clone(),
            Ending::Unsure => {
                return "The realm's database did not confirm in time: ask again whether the trade was carried out."
                    .to_owned();
            }
            Ending::Barred { whose, why } => {
                format!("The character of {whose} cannot trade this now ({})", why.message.trim_end_matches('.'))
            }
            Ending::Cancelled { by } => format!("{by} has ended the trade"),
            Ending::Disconnected { who } => format!("The connection of {who} was lost"),
            Ending::Apart { who } => format!("{who} went elsewhere, or took another character"),
            Ending::TimedOut => "Nothing happened for too long".to_owned(),
            Ending::Changed { whose } => format!("Something that {whose} offered is no longer there as it was shown"),
            Ending::NoRoom { whose } => format!("The inventory of {whose} has no room for what was to come"),
            Ending::NoGold { whose } => format!("{whose} has less gold than was offered"),
            Ending::Ruled { whose } => {
                format!("A rule of the realm does not let something change hands that {whose} offered")
            }
        };
        format!("{why}; nothing was moved, and everybody has what they had.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_but_the_good_one_has_a_code_and_says_that_nothing_was_moved() {
        let who = || "Ann".to_owned();
        for ending in [
            Ending::Cancelled { by: who() },
            Ending::Disconnected { who: who() },
            Ending::Apart { who: who() },
            Ending::TimedOut,
            Ending::Changed { whose: who() },
            Ending::NoRoom { whose: who() },
            Ending::NoGold { whose: who() },
            Ending::Ruled { whose: who() },
            Ending::Barred { whose: who(), why: Refusal::new(Code::CharacterBusy, "It is in a game.") },
        ] {
            assert!(ending.code().is_some() && ending.sentence().contains("nothing was moved"), "{ending:?}");
        }
    }

    #[test]
    fn what_was_done_is_read_as_it_was_written_and_tells_each_what_the_other_gave() {
        let given = |account: u64, item: u64, gold| Given {
            account: AccountId::from_raw(account),
            character: CharacterId::from_raw(account + 10),
            items: vec![ItemId::from_raw(item)],
            gold,
        };
        let done = Done { sides: [given(1, 7, 0), given(2, 8, 30)] };
        let text = serde_json::to_string(&done).unwrap();
        assert_eq!(serde_json::from_str::<Done>(&text).unwrap(), done);
        assert_eq!(done.received_by(AccountId::from_raw(1)).map(|given| given.gold), Some(30));
        assert_eq!(done.received_by(AccountId::from_raw(3)), None);
    }
}
