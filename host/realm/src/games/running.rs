//! Everything of games that runs: the tick threads, the saver, the referee and the caretakers; how they start and stop.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use realm_world::Content;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::AbortHandle,
};

use crate::{
    hooks::Hooks,
    moderation::Moderation,
    storage::Storage,
    types::{AccountId, Code, GameId, Urgency, spawn_thread},
};

use super::{
    Config, Games, GamesStartError, TICK, TickFigures,
    command::Command,
    directory::Directory,
    figures::Counters,
    ground::Ground,
    listing,
    load::Loads,
    lobby::Lobby,
    log::Logs,
    quick::{self, Quick},
    referee::{Measures, Referee, SUSPICIONS_MAX},
    repeats::Repeats,
    reports::Reports,
    saver::{REPORTS_MAX, Saver, SaverMessage},
    shared::{COMMANDS_MAX, Shared},
    stage::Patience,
    ticker::{Place, Ticker},
    tickets::Tickets,
};

/// Between two announcements that the list of games has changed, and two looks for tickets that ran out.
const CARE_EVERY: Duration = Duration::from_secs(1);
/// Bans that wait for a slow listener.
const BANS_MAX: usize = 256;
/// How long each of the two halves of a stop may take: the threads' end, and the last saves.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// What games are built on.
pub(super) struct Parts {
    pub(super) storage: Storage,
    pub(super) hooks: Hooks,
    /// The realms, at least one.
    pub(super) grounds: Vec<Arc<Ground>>,
    pub(super) moderation: Moderation,
}

/// The running games.
pub(super) struct Running {
    lobby: Arc<Lobby>,
    counters: Arc<Counters>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// `None` when games are not logged.
    logs: Option<Arc<Logs>>,
    caretakers: Vec<AbortHandle>,
}

impl Running {
    pub(super) fn start(
        config: &Config,
        data: &Path,
        door: (String, u16),
        parts: Parts,
    ) -> Result<Self, GamesStartError> {
        let Parts { storage, hooks, grounds, moderation } = parts;
        let content = load_content(config)?;
        let counters = Arc::new(Counters::default());
        let (saver, saver_messages) = mpsc::channel(REPORTS_MAX);
        let (referee, suspicions) = mpsc::channel(SUSPICIONS_MAX);
        let ticks = |seconds: u32| seconds.saturating_mul(1_000 / realm_world::TICK_MS);
        let patience = Patience {
            reconnect_ticks: ticks(config.reconnect_seconds),
            autosave_ticks: ticks(config.autosave_seconds),
        };
        let tick_threads = config.tick_threads.max(1);
        let logs = config.logs.then(|| Logs::start(data, config.logs_days, config.logs_bytes_max, tick_threads));
        let (logs, desks) = logs.transpose().map_err(GamesStartError::Logs)?.unzip();
        let mut desks = desks.into_iter().flatten();
        let loads = Arc::new(Loads::new(tick_threads));
        let (mut threads, mut commands, mut in_play) = (Vec::new(), Vec::new(), Vec::new());
        for thread in 0..tick_threads {
            let (sender, receiver) = mpsc::channel(COMMANDS_MAX);
            let lane = hooks.tick_lane();
            in_play.push(lane.in_play());
            let ticker = Ticker::new(Place {
                thread,
                commands: receiver,
                lane,
                reports: Reports::new(saver.clone(), referee.clone()),
                counters: Arc::clone(&counters),
                loads: Arc::clone(&loads),
                desk: desks.next(),
                patience,
            });
            commands.push(sender);
            threads.push(spawn_thread(format!("tick-{thread}"), Urgency::Tick, move || ticker.run())?);
        }
        let tickets_max = config.games_max.saturating_mul(Games::PLAYERS_MAX as usize);
        let tickets = Tickets::new(tickets_max, Duration::from_secs(config.ticket_seconds.into()));
        let shared = Arc::new(Shared::new(
            Directory::new(config.games_max, tickets),
            commands,
            loads,
            in_play,
            hooks.happenings().clone(),
        ));
        let bans = broadcast::Sender::new(BANS_MAX);
        tokio::spawn(
            Saver { grounds: grounds.clone(), shared: Arc::downgrade(&shared), counters: Arc::clone(&counters) }
                .run(saver_messages),
        );
        tokio::spawn(
            Referee {
                moderation,
                storage: storage.clone(),
                shared: Arc::downgrade(&shared),
                bans: bans.clone(),
                measures: Measures::of(config),
                ban_hours: config.ban_hours,
            }
            .run(suspicions),
        );
        let lobby = Arc::new(Lobby {
            shared,
            door,
            storage,
            hooks,
            grounds,
            content,
            logs: config.logs,
            saver,
            bans,
            quick: Quick::new(Duration::from_secs(config.match_seconds.into())),
            repeats: Repeats::default(),
        });
        let caretakers = vec![
            tokio::spawn(announce_list(Arc::downgrade(&lobby))).abort_handle(),
            tokio::spawn(free_expired_seats(Arc::downgrade(&lobby))).abort_handle(),
            tokio::spawn(quick::form_matches(Arc::downgrade(&lobby))).abort_handle(),
        ];
        Ok(Self { lobby, counters, threads: Mutex::new(threads), logs: logs.map(Arc::new), caretakers })
    }

    pub(super) fn whereabouts(&self, account: AccountId) -> Option<GameId> {
        self.lobby.shared.directory().whereabouts(account).map(|(game, _)| game)
    }

    pub(super) fn lobby(&self) -> Arc<Lobby> {
        Arc::clone(&self.lobby)
    }

    pub(super) fn figures(&self) -> TickFigures {
        let (games, players) = self.lobby.shared.directory().count();
        let counters = &self.counters;
        TickFigures {
            games,
            players,
            ticks: counters.ticks.load(Ordering::Relaxed),
            ticks_skipped: counters.ticks_skipped.load(Ordering::Relaxed),
            lateness_us: counters.lateness.figures(),
            findings: counters.findings.load(Ordering::Relaxed),
            saves: counters.saves.load(Ordering::Relaxed),
        }
    }

    /// The order matters: nobody comes in, the threads hand over what they have, the saver writes it.
    pub(super) async fn stop(&self) {
        let message = "The realm is stopping; your character is saved. Come back when it is up again.";
        let reason = listing::reason(Code::RealmStopping, message, 10_000);
        let waiting = self.lobby.shared.directory().stop();
        self.lobby.quick.clear();
        for thread in 0..self.lobby.shared.threads.len() {
            self.lobby.shared.command(thread, Command::Stop { reason: reason.clone() }).await;
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return;
        }
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(|thread| {
                if thread.join().is_err() {
                    tracing::error!("a tick thread had ended by a fault");
                }
            });
        });
        if tokio::time::timeout(STOP_DEADLINE, joined).await.is_err() {
            tracing::error!("a tick thread did not stop in time");
        }
        if let Some(logs) = self.logs.clone() {
            let stored = tokio::task::spawn_blocking(move || logs.stop());
            if tokio::time::timeout(STOP_DEADLINE, stored).await.is_err() {
                tracing::error!("the logs of games could not be stored in time; the next start finishes them");
            }
        }
        // What players laid down goes back to them, while there is a database.
        let mut keepers = self.lobby.shared.keepers.subscribe();
        if tokio::time::timeout(STOP_DEADLINE, keepers.wait_for(|keepers| *keepers == 0)).await.is_err() {
            tracing::error!("what lies on the grounds of games goes back with the next start");
        }
        // Who has a ticket and never came in is with no thread; who was in a game departs when it is saved.
        if self.lobby.leave_all(waiting, &reason).await.is_err() {
            tracing::error!("some seats could not be given up in time");
        }
        let (done, stopped) = oneshot::channel();
        let asked = self.lobby.saver.send(SaverMessage::Stop { done }).await.is_ok();
        if asked && tokio::time::timeout(STOP_DEADLINE, stopped).await.is_err() {
            tracing::error!("not every character could be saved before the stop; see the warnings before");
        }
        self.caretakers.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.caretakers.iter().for_each(AbortHandle::abort);
    }
}

/// Tells the listeners that the list has changed: the first change at once, further ones at most once a second.
async fn announce_list(lobby: Weak<Lobby>) {
    loop {
        let Some(shared) = lobby.upgrade().map(|lobby| Arc::clone(&lobby.shared)) else { return };
        shared.list_changed.notified().await;
        let Some(lobby) = lobby.upgrade() else { return };
        let changed = shared.take_changed();
        for ground in lobby.grounds.iter().filter(|ground| changed.contains(&ground.realm)) {
            let games = shared.directory().listed(&ground.realm);
            ground.list.send_replace(u32::try_from(games).unwrap_or(u32::MAX));
        }
        drop((lobby, shared));
        tokio::time::sleep(CARE_EVERY).await;
    }
}

async fn free_expired_seats(lobby: Weak<Lobby>) {
    loop {
        tokio::time::sleep(CARE_EVERY).await;
        let Some(lobby) = lobby.upgrade() else { return };
        lobby.free_expired_seats().await;
    }
}

/// Keeps the arithmetic of ticks honest: a second has a whole number of them.
const _: () = assert!(TICK.as_millis() > 0 && 1_000 % TICK.as_millis() == 0);

/// Reads the content pack that the configuration names.
pub(super) fn load_content(config: &Config) -> Result<Arc<Content>, GamesStartError> {
    match config.content.as_str() {
        "" => Ok(Content::builtin()),
        folder => Content::load(Path::new(folder)).map_err(|error| GamesStartError::Content(error.to_string())),
    }
}

#[cfg(test)]
#[path = "running_tests.rs"]
mod tests;
