//! Which realm a request means: the one that it names, or that of the character or game that it is about.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::IntoParams;

use super::{Features, problem::Refused};
use crate::{
    accounts::Identity,
    realms::Home,
    types::{CharacterId, Code, GameId, Refusal},
};

/// The realm that is meant, where nothing else says it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct RealmQuery {
    /// Key or name of the realm, as `GET /realms` lists them; absent for the first.
    pub(super) realm: Option<String>,
}

impl Features {
    /// The realm that is named, or the first, for everybody to look at.
    pub(super) fn shown_home(&self, named: Option<&str>) -> Result<Arc<Home>, Refused> {
        Ok(Arc::clone(self.realms.named(named.unwrap_or_default())?))
    }

    /// The realm that is named, or the first, when it lets the speaker in.
    pub(super) fn home(&self, speaker: &Identity, named: Option<&str>) -> Result<Arc<Home>, Refused> {
        let home = self.shown_home(named)?;
        home.admit(speaker.role.is_staff())?;
        Ok(home)
    }

    /// The realm of a character, when it lets the speaker in. Of a closed one only who owns the character is told that it is.
    pub(super) async fn home_of(&self, speaker: &Identity, character: CharacterId) -> Result<Arc<Home>, Refused> {
        let home = Arc::clone(self.realms.of_character(character).await?);
        if let Err(closed) = home.admit(speaker.role.is_staff()) {
            home.characters.details(speaker.account, character).await?;
            return Err(closed.into());
        }
        Ok(home)
    }

    /// The realm of an open game, when it lets the speaker in; of a closed one nobody is told that the game is there.
    pub(super) fn home_of_game(&self, speaker: &Identity, game: GameId) -> Result<Arc<Home>, Refused> {
        let key = self.games.realm_of(game)?;
        let home = self.realms.of_key(&key).unwrap_or_else(|| self.realms.first());
        let unknown = |_| Refusal::new(Code::GameUnknown, "No such game is open; ask for the list of games again.");
        home.admit(speaker.role.is_staff()).map_err(unknown)?;
        Ok(Arc::clone(home))
    }
}
