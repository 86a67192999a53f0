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
        match self.server().lease_of(account, character) {
            Some(epoch) => Holder::playing(account, character, epoch, None),
            None => Holder::resting(account, character),
        }
    }
}
