//! Quick match: who wants to play with whomever waits for a match; once a second matches are formed of those who wait.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use realm_protocol::proto;
use realm_world::Difficulty;
use tokio::sync::oneshot;

use crate::{
    hooks::{Formed, FormedMatch, TICKETS_SHOWN_MAX, matchmaking},
    types::{CharacterId, Code, GameName, Refusal},
};

use super::{
    GameReference, GameSettings, Games, Player,
    ground::{Ground, RealmGames},
    listing,
    lobby::Lobby,
    refusals,
};

/// Tickets that wait at most.
const WAITING_MAX: usize = 1_000;
/// The longest wait within one request.
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(20);
/// From the forming of a match to the seats of all its players.
const PLACED_WITHIN: Duration = Duration::from_secs(30);
/// Between two formings of matches.
const FORM_EVERY: Duration = Duration::from_secs(1);
/// Without a rule, whoever has waited so long plays with those who are there, or alone.
const PATIENCE_MS: u64 = 5_000;

/// Somebody who waits.
struct Waiting {
    /// Key of the realm.
    realm: Arc<str>,
    ticket: matchmaking::Ticket,
    player: Player,
    character: CharacterId,
    since: Instant,
    answer: oneshot::Sender<Result<proto::GameTicket, Refusal>>,
}

/// Those who wait, the oldest first.
pub(super) struct Quick {
    /// The longest wait.
    wait_max: Duration,
    waiting: Mutex<Vec<Waiting>>,
}

impl Quick {
    /// Nobody waits yet; nobody will longer than this.
    pub(super) fn new(wait_max: Duration) -> Self {
        Self { wait_max, waiting: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets who has gone, and shows who waits in a realm.
    fn tickets(&self, realm: &str) -> Vec<matchmaking::Ticket> {
        let mut waiting = self.lock();
        waiting.retain(|waiting| !waiting.answer.is_closed());
        for waiting in waiting.iter_mut() {
            waiting.ticket.waited_ms = u64::try_from(waiting.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
        let here = waiting.iter().filter(|waiting| *waiting.realm == *realm);
        here.take(TICKETS_SHOWN_MAX).map(|waiting| waiting.ticket.clone()).collect()
    }

    /// Nobody waits any more; everybody is told.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn take(&self, tickets: &[u64]) -> Vec<Waiting> {
        self.lock().extract_if(.., |waiting| tickets.contains(&waiting.ticket.id)).collect()
    }
}

/// The realm's own way, where no rule matches: the same difficulty and the same danger, eight together at once, fewer when the
/// oldest has waited long enough.
pub(super) fn form_without_rule(tickets: &[matchmaking::Ticket]) -> Vec<FormedMatch> {
    let mut matches = Vec::new();
    let mut left: Vec<&matchmaking::Ticket> = tickets.iter().collect();
    while let Some(oldest) = left.first().copied() {
        let fits = |ticket: &matchmaking::Ticket| {
            ticket.difficulty == oldest.difficulty && ticket.player.hardcore == oldest.player.hardcore
        };
        let together: Vec<u64> = left
            .iter()
            .filter(|ticket| fits(ticket))
            .take(Games::PLAYERS_MAX as usize)
            .map(|ticket| ticket.id)
            .collect();
        if together.len() >= Games::PLAYERS_MAX as usize || oldest.waited_ms >= PATIENCE_MS {
            left.retain(|ticket| !together.contains(&ticket.id));
            matches.push(FormedMatch { tickets: together, difficulty: oldest.difficulty });
        } else {
            left.retain(|ticket| !fits(ticket));
        }
    }
    matches
}

impl Lobby {
    /// Begins to wait for a match.
    async fn search(
        self: &Arc<Self>,
        ground: &Ground,
        player: Player,
        character: CharacterId,
        difficulty: Difficulty,
    ) -> Result<Search, Refusal> {
        ground.check_difficulty(difficulty)?;
        let known = ground.characters.get(player.account, character).await.map_err(Refusal::from)?;
        if known.sheet.hardcore && known.sheet.dead {
            return Err(refusals::character_dead());
        }
        if self.shared.directory().whereabouts(player.account).is_some() {
            return Err(refusals::joined_already());
        }
        let (answer, answered) = oneshot::channel();
        let id = self.storage.ids().next::<crate::types::kind::Game>(self.storage.now_ms()).raw();
        let ticket = matchmaking::Ticket {
            id,
            player: listing::seeker(&known),
            difficulty: listing::shown_difficulty(difficulty),
            waited_ms: 0,
        };
        let mut waiting = self.quick.lock();
        // Whoever asks again waits anew, and the earlier request is told so.
        for earlier in waiting.extract_if(.., |waiting| waiting.player.account == player.account) {
            let sentence = "Another request of this account waits for a match now.";
            let _ = earlier.answer.send(Err(Refusal::new(Code::MatchNone, sentence)));
        }
        if waiting.len() >= WAITING_MAX {
            let sentence = "So many players look for a match that no more can; try again in a moment.";
            return Err(Refusal::retry(Code::RealmFull, sentence, 1_000));
        }
        let realm = Arc::clone(&ground.realm);
        waiting.push(Waiting { realm, ticket, player, character, since: Instant::now(), answer });
        let here = waiting.iter().filter(|waiting| waiting.realm == ground.realm).count();
        let (waiting, wait_max) = (here, self.quick.wait_max);
        let deadline = tokio::time::Instant::now() + wait_max;
        Ok(Search { lobby: Arc::clone(self), ticket: id, answered, deadline, waiting, wait_max })
    }

    async fn form_matches(&self) {
        for ground in &self.grounds {
            self.form_matches_in(ground).await;
        }
    }

    async fn form_matches_in(&self, ground: &Ground) {
        let tickets = self.quick.tickets(&ground.realm);
        if tickets.is_empty() {
            return;
        }
        let matches = match self.hooks.form_matches(tickets.clone(), self.storage.now_ms()).await {
            Formed::Matches(matches) => matches,
            Formed::NoRule => form_without_rule(&tickets),
            Formed::NoAnswer => return,
        };
        for formed in matches {
            let together = self.quick.take(&formed.tickets);
            // A rule may know nothing of what a realm allows.
            let difficulty = ground.at_most(listing::own_difficulty(formed.difficulty));
            self.play_together(ground, together, difficulty).await;
        }
    }

    /// Opens a game for them; everybody gets a seat of their own, or learns why not.
    async fn play_together(&self, ground: &Ground, together: Vec<Waiting>, difficulty: Difficulty) {
        let mut game = None;
        for Waiting { player, character, answer, .. } in together {
            if answer.is_closed() {
                continue;
            }
            let account = player.account;
            let outcome = match &game {
                Some(game) => self.join(ground, player, character, GameReference::Id(*game), "").await,
                None => match self.quick_settings(difficulty) {
                    Ok(settings) => self.create(ground, player, character, settings).await,
                    Err(refusal) => Err(refusal),
                },
            };
            if game.is_none() && outcome.is_ok() {
                game = self.shared.directory().whereabouts(account).map(|(game, _)| game);
            }
            // Who has gone meanwhile leaves the seat again when the ticket runs out.
            let _ = answer.send(outcome);
        }
    }

    fn quick_settings(&self, difficulty: Difficulty) -> Result<GameSettings, Refusal> {
        let key = self.storage.ids().next::<crate::types::kind::Game>(self.storage.now_ms());
        let name = GameName::new(format!("Quick {key}")).map_err(|error| {
            tracing::error!(%error, "a quick match got no name");
            refusals::fault()
        })?;
        Ok(GameSettings { name, password: None, difficulty, players_max: Games::PLAYERS_MAX })
    }
}

/// Forms matches until the games are gone.
pub(super) async fn form_matches(lobby: Weak<Lobby>) {
    loop {
        tokio::time::sleep(FORM_EVERY).await;
        let Some(lobby) = lobby.upgrade() else { return };
        lobby.form_matches().await;
    }
}

/// Somebody's wait for a match; it ends when this is dropped.
pub struct Search {
    lobby: Arc<Lobby>,
    ticket: u64,
    answered: oneshot::Receiver<Result<proto::GameTicket, Refusal>>,
    deadline: tokio::time::Instant,
    waiting: usize,
    wait_max: Duration,
}

impl Search {
    /// How many waited when it began, this one included.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How long it goes on at most.
    #[must_use]
    pub fn wait_max(&self) -> Duration {
        self.wait_max
    }

    /// Waits no more. False when a match was formed already, or the search has ended otherwise: its outcome says how.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        !self.lobby.quick.take(&[self.ticket]).is_empty()
    }

    /// The seat in a game, or why there is none. Safe to drop at any wait, and to begin again until it has answered.
    ///
    /// # Errors
    /// A refusal that says what to do.
    pub async fn outcome(&mut self) -> Result<proto::GameTicket, Refusal> {
        let answer = match tokio::time::timeout_at(self.deadline, &mut self.answered).await {
            Err(_) if self.withdraw() => {
                let sentence = "Nobody was found to play with; try again, or create a game.";
                return Err(Refusal::retry(Code::MatchNone, sentence, 1_000));
            }
            // A seat is being taken.
            Err(_) => tokio::time::timeout_at(self.deadline + PLACED_WITHIN, &mut self.answered).await,
            answer => answer,
        };
        match answer {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(refusals::stopping()),
            Err(_) => Err(refusals::busy()),
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        let _ = self.withdraw();
    }
}

impl RealmGames {
    /// Begins to wait for others who want to play, at most `[games] match_seconds`.
    ///
    /// # Errors
    /// A refusal that says what to do: the character is dead, the account is in a game, too many wait.
    pub async fn search(
        &self,
        player: Player,
        character: CharacterId,
        difficulty: Difficulty,
    ) -> Result<Search, Refusal> {
        let lobby: Arc<Lobby> = self.games.running.lobby();
        lobby.search(&self.ground, player, character, difficulty).await
    }

    /// The same, at most twenty seconds, and waits for what comes of it. When the returned future is dropped, nobody waits any more.
    ///
    /// # Errors
    /// A refusal that says what to do.
    pub async fn quick(
        &self,
        player: Player,
        character: CharacterId,
        difficulty: Difficulty,
    ) -> Result<proto::GameTicket, Refusal> {
        let mut search = self.search(player, character, difficulty).await?;
        search.deadline = search.deadline.min(tokio::time::Instant::now() + REQUEST_WAIT_MAX);
        search.outcome().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(id: u64, difficulty: matchmaking::Difficulty, hardcore: bool, waited_ms: u64) -> matchmaking::Ticket {
        let class = "Druid".to_owned();
        let player = matchmaking::Player { account: id, character: id, class, level: 1, hardcore };
        matchmaking::Ticket { id, player, difficulty, waited_ms }
    }

    #[test]
    fn without_a_rule_equals_play_together() {
        use matchmaking::Difficulty::{Hell, Normal};
        let nine: Vec<_> = (0..9).map(|id| ticket(id, Normal, false, 0)).collect();
        let formed = form_without_rule(&nine);
        assert_eq!((formed.len(), formed[0].tickets.len()), (1, 8), "the ninth waits");

        let mixed = [
            ticket(1, Hell, false, PATIENCE_MS),
            ticket(2, Normal, false, 0),
            ticket(3, Hell, true, PATIENCE_MS),
            ticket(4, Hell, false, 0),
        ];
        let formed: Vec<_> = form_without_rule(&mixed).into_iter().map(|formed| formed.tickets).collect();
        assert_eq!(formed, [vec![1, 4], vec![3]]);
    }

    #[test]
    fn who_has_gone_waits_no_more() {
        let quick = Quick::new(Duration::from_secs(20));
        let (answer, gone) = oneshot::channel();
        let (other, _stays) = oneshot::channel();
        for (id, answer) in [(1, answer), (2, other)] {
            let player = Player {
                account: crate::types::AccountId::from_raw(id),
                account_name: crate::types::AccountName::new("Ann").unwrap(),
                staff: false,
                events: None,
            };
            let ticket = ticket(id, matchmaking::Difficulty::Normal, false, 0);
            let character = CharacterId::from_raw(id);
            let realm = "main".into();
            quick.lock().push(Waiting { realm, ticket, player, character, since: Instant::now(), answer });
        }
        assert_eq!((quick.tickets("main").len(), quick.tickets("hard").len()), (2, 0));
        drop(gone);
        assert_eq!(quick.tickets("main").iter().map(|ticket| ticket.id).collect::<Vec<_>>(), [2]);
        assert_eq!(quick.take(&[1, 2]).len(), 1);
    }
}
