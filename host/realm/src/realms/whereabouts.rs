//! What trading knows of games.

use crate::{
    games::Games,
    items::Hold,
    trade::Whereabouts,
    types::{AccountId, CharacterId, GameId},
};

impl Whereabouts for Games {
    fn game_of(&self, account: AccountId) -> Option<GameId> {
        self.current(account)
    }

    fn hold_of(&self, account: AccountId, character: CharacterId) -> Hold {
        self.lease_of(account, character).map_or(Hold::Free, Hold::Leased)
    }
}
