//! What trading knows of games.

use crate::{
    games::RealmGames,
    items::Holder,
    trade::Whereabouts,
    types::{AccountId, CharacterId, GameId},
};

impl Whereabouts for RealmGames {
    fn game_of(&self, account: AccountId) -> Option<(GameId, CharacterId)> {
        self.seat_of(account)
    }

    fn holder_of(&self, account: AccountId, character: CharacterId) -> Holder {
        self.holder(account, character)
    }
}
