//! A realm as its games know it, and the verbs of games that are of one realm alone.

use std::sync::Arc;

use realm_protocol::proto;
use realm_world::Difficulty;
use tokio::sync::watch;

use crate::{
    characters::Characters,
    items::Items,
    ladder::Ladder,
    types::{AccountId, CharacterId, Code, GameId, Refusal, in_task},
};

use super::{GameReference, GameSettings, Games, Player, listing, refusals};

/// A realm as its games know it.
pub struct Ground {
    pub(super) realm: Arc<str>,
    pub(super) characters: Characters,
    /// `None`: its characters get no places.
    pub(super) ladder: Option<Ladder>,
    /// `None`: monsters leave potions and nothing else, and characters wear nothing.
    pub(super) items: Option<Items>,
    difficulty_max: Difficulty,
    /// How many games are open; told when the list has changed.
    pub(super) list: watch::Sender<u32>,
}

impl Ground {
    /// The realm of these characters, with games up to a difficulty.
    #[must_use]
    pub fn new(characters: Characters, ladder: Option<Ladder>, difficulty_max: Difficulty) -> Self {
        let realm = Arc::clone(characters.realm());
        Self { realm, characters, ladder, items: None, difficulty_max, list: watch::Sender::new(0) }
    }

    /// The same, where there are items.
    #[must_use]
    pub fn with_items(self, items: Items) -> Self {
        Self { items: Some(items), ..self }
    }

    /// Refuses games that are harder than the realm has them.
    pub(super) fn check_difficulty(&self, difficulty: Difficulty) -> Result<(), Refusal> {
        if difficulty <= self.difficulty_max {
            return Ok(());
        }
        let (hardest, wanted) = (self.difficulty_max.name(), difficulty.name());
        let problem = format!("This realm has games up to {hardest}, and none in {wanted}; choose another difficulty.");
        Err(Refusal::new(Code::GameSettingsInvalid, problem))
    }

    /// The same difficulty, or the hardest that there is.
    pub(super) fn at_most(&self, difficulty: Difficulty) -> Difficulty {
        difficulty.min(self.difficulty_max)
    }
}

/// The games of one realm; cheap to clone.
#[derive(Clone)]
pub struct RealmGames {
    pub(super) games: Games,
    pub(super) ground: Arc<Ground>,
}

impl RealmGames {
    /// Creates a game and takes the creator's seat in it.
    ///
    /// # Errors
    /// A refusal that says what to do: settings, name taken, too many games, the matchmaking rule, the character.
    pub async fn create(
        &self,
        player: Player,
        character: CharacterId,
        settings: GameSettings,
    ) -> Result<proto::GameTicket, Refusal> {
        let (lobby, ground) = (self.games.running.lobby(), Arc::clone(&self.ground));
        in_task(async move { lobby.create(&ground, player, character, settings).await }).await
    }

    /// Games that are not full, in the order the matchmaking rule decided for this character.
    ///
    /// # Errors
    /// When the account has no such character, or the database does not answer.
    pub async fn list(
        &self,
        account: AccountId,
        character: Option<CharacterId>,
        difficulty: Option<Difficulty>,
    ) -> Result<Vec<proto::Game>, Refusal> {
        self.games.running.lobby().list(&self.ground, account, character, difficulty).await
    }

    /// One game and who is in it.
    ///
    /// # Errors
    /// When no such game is open in this realm.
    pub async fn get(&self, game: GameId) -> Result<(proto::Game, Vec<proto::GamePlayer>), Refusal> {
        let lobby = self.games.running.lobby();
        let directory = lobby.shared.directory();
        let open = directory.game(game).filter(|open| open.listed && open.realm == self.ground.realm);
        let open = open.ok_or_else(refusals::game_unknown)?;
        Ok((listing::game(open), listing::players(open)))
    }

    /// Takes a seat: checks the password, asks the matchmaking rule, takes the character's lease, gives a one-use ticket.
    /// Who has a seat in this game and no connection is given another ticket to it.
    ///
    /// # Errors
    /// A refusal that says what to do.
    pub async fn join(
        &self,
        player: Player,
        character: CharacterId,
        game: GameReference,
        password: &str,
    ) -> Result<proto::GameTicket, Refusal> {
        let (lobby, ground, password) = (self.games.running.lobby(), Arc::clone(&self.ground), password.to_owned());
        in_task(async move { lobby.join(&ground, player, character, game, &password).await }).await
    }

    /// The game of this realm that an account has a seat in, and its character there.
    #[must_use]
    pub fn seat_of(&self, account: AccountId) -> Option<(GameId, CharacterId)> {
        let lobby = self.games.running.lobby();
        let directory = lobby.shared.directory();
        let (game, _) = directory.whereabouts(account)?;
        directory.game(game).filter(|open| open.realm == self.ground.realm)?;
        directory.seat(account).map(|seat| (game, seat.character))
    }

    /// How many games are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.games.running.lobby().shared.directory().listed(&self.ground.realm)
    }

    /// Resolves with the number of open games whenever the list has changed, at most once a second.
    #[must_use]
    pub fn list_changes(&self) -> watch::Receiver<u32> {
        self.ground.list.subscribe()
    }
}
