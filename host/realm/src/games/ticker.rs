//! A tick thread: owns its games and their connections outright, and steps each 25 times a second.
//!
//! Nothing here waits for a database, a socket or a lock. Commands come by a bounded queue and are carried out between ticks.

use std::{
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::{
    hooks::TickLane,
    types::{CloseReason, Code, GameId},
};

use super::{
    TICK,
    command::{Command, EnteringPlayer},
    figures::{Counters, Meters},
    game::{Game, Patience, TickTools},
    player::Parting,
    reports::Reports,
    save_book::Progress,
};

/// A game that is later than this many ticks leaves out what it missed.
const CATCH_UP_TICKS_MAX: u32 = 5;
/// Between two warnings about ticks left out.
const WARNING_EVERY: Duration = Duration::from_secs(10);
/// How long a stopping thread tries to hand over its last reports.
const HAND_OVER_DEADLINE: Duration = Duration::from_secs(10);
/// Between two tries to hand them over.
const HAND_OVER_PAUSE: Duration = Duration::from_millis(5);
/// Each new game starts this much later within the 40 ms than the one before: 40 ms times the golden ratio, so that however
/// many there are, they stand evenly.
const PHASE_STEP_US: u64 = 24_721;

struct Scheduled {
    game: Game,
    due: Instant,
}

/// A tick thread.
pub(super) struct Ticker {
    commands: mpsc::Receiver<Command>,
    lane: TickLane,
    reports: Reports,
    counters: Arc<Counters>,
    meters: Meters,
    patience: Patience,
    games: HashMap<GameId, Scheduled>,
    /// When each game is due, the first first.
    schedule: BTreeSet<(Instant, GameId)>,
    /// Start of the thread's round of 40 ms, in which each game has one tick.
    round: Instant,
    games_started: u64,
    skipped_unsaid: u64,
    warned: Option<Instant>,
}

impl Ticker {
    pub(super) fn new(
        commands: mpsc::Receiver<Command>,
        lane: TickLane,
        reports: Reports,
        counters: Arc<Counters>,
        patience: Patience,
    ) -> Self {
        Self {
            commands,
            lane,
            reports,
            counters,
            meters: Meters::new(),
            patience,
            games: HashMap::new(),
            schedule: BTreeSet::new(),
            round: Instant::now(),
            games_started: 0,
            skipped_unsaid: 0,
            warned: None,
        }
    }

    /// Runs until it is told to stop, or nobody can command it any more.
    pub(super) fn run(mut self) {
        loop {
            if let Some(stop) = self.carry_out_commands() {
                self.stop(&stop);
                return;
            }
            let now = Instant::now();
            if now >= self.round {
                // A new version of a rule is taken over here, before any game of the round is stepped.
                self.lane.pick_up();
                self.lane.begin_tick();
                self.round += TICK;
                if self.round <= now {
                    self.round = now + TICK;
                }
            }
            self.tick_due_games();
            self.reports.flush();
            let next = self.schedule.first().map_or(self.round, |(due, _)| (*due).min(self.round));
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Ticks what is due until the round ends; what has waited longest comes first.
    fn tick_due_games(&mut self) {
        while let Some((due, id)) = self.schedule.first().copied() {
            let now = Instant::now();
            if due > now || now >= self.round {
                return;
            }
            self.schedule.pop_first();
            self.tick(id, due, now);
        }
    }

    fn tick(&mut self, id: GameId, due: Instant, now: Instant) {
        let Some(scheduled) = self.games.get_mut(&id) else { return };
        let lateness = now.saturating_duration_since(due);
        self.counters.lateness.record(u64::try_from(lateness.as_micros()).unwrap_or(u64::MAX));
        self.meters.lateness.record(lateness);
        let mut tools = TickTools {
            lane: &mut self.lane,
            reports: &mut self.reports,
            meters: &self.meters,
            patience: self.patience,
        };
        let Ok(findings) = catch_unwind(AssertUnwindSafe(|| scheduled.game.tick(&mut tools))) else {
            tracing::error!(game = %id, "a game broke off by a fault; its players are as they were last saved");
            if let Some(mut broken) = self.games.remove(&id) {
                broken.game.abandon(&mut self.reports);
            }
            return;
        };
        self.counters.findings.fetch_add(findings, Ordering::Relaxed);
        self.counters.ticks.fetch_add(1, Ordering::Relaxed);
        let mut missed = 0;
        if lateness > TICK * CATCH_UP_TICKS_MAX {
            missed = u32::try_from(lateness.as_nanos() / TICK.as_nanos()).unwrap_or(u32::MAX);
        }
        scheduled.due = due + TICK * missed.saturating_add(1);
        self.schedule.insert((scheduled.due, id));
        self.count_skipped(missed, now);
    }

    /// Counts ticks left out, and says so once in a while.
    fn count_skipped(&mut self, ticks: u32, now: Instant) {
        if ticks == 0 {
            return;
        }
        self.counters.ticks_skipped.fetch_add(u64::from(ticks), Ordering::Relaxed);
        self.skipped_unsaid += u64::from(ticks);
        if self.warned.is_none_or(|warned| now.duration_since(warned) >= WARNING_EVERY) {
            tracing::warn!(
                ticks = self.skipped_unsaid,
                games = self.games.len(),
                "games were too late and left ticks out; give them more cores, or raise [games] tick_threads"
            );
            (self.skipped_unsaid, self.warned) = (0, Some(now));
        }
    }

    /// Carries out what was commanded; answers with the reason when the thread shall stop.
    fn carry_out_commands(&mut self) -> Option<CloseReason> {
        // Bounded by the queue's length, so that a stream of commands cannot keep the games from their ticks.
        for _ in 0..super::shared::COMMANDS_MAX {
            match self.commands.try_recv() {
                Ok(Command::Start { game, world }) => self.start(game, Game::new(game, *world)),
                Ok(Command::Enter { game, player }) => match self.games.get_mut(&game) {
                    Some(scheduled) => scheduled.game.enter(player),
                    None => self.turn_away(player),
                },
                Ok(Command::Leave { game, account, reason }) => {
                    if let Some(scheduled) = self.games.get_mut(&game) {
                        scheduled.game.leave(account, &parting(&reason), &mut self.reports);
                    }
                }
                Ok(Command::End { game }) => {
                    if let Some(ended) = self.games.remove(&game) {
                        self.schedule.remove(&(ended.due, game));
                    }
                }
                Ok(Command::Stop { reason }) => return Some(reason),
                Err(mpsc::error::TryRecvError::Empty) => return None,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    let message = "The realm is stopping; come back when it is up again.".to_owned();
                    let code = Code::RealmStopping;
                    return Some(CloseReason { code, message, reconnect_after_ms: 0 });
                }
            }
        }
        None
    }

    /// The game broke off before this player came in: the lease goes back, the player is told.
    fn turn_away(&mut self, mut player: EnteringPlayer) {
        self.reports.save(Progress { character: player.character, sheet: None, play_ticks: 0, last: true });
        let message = "The game broke off by a fault of the realm; join another one.";
        player.link.close(Code::Internal.as_str(), message);
    }

    fn start(&mut self, id: GameId, game: Game) {
        let phase_us = self.games_started.wrapping_mul(PHASE_STEP_US) % TICK.as_micros().try_into().unwrap_or(u64::MAX);
        self.games_started += 1;
        let due = self.round + Duration::from_micros(phase_us);
        self.games.insert(id, Scheduled { game, due });
        self.schedule.insert((due, id));
    }

    /// Takes everybody out of every game and hands the last reports over.
    fn stop(mut self, reason: &CloseReason) {
        for scheduled in self.games.values_mut() {
            scheduled.game.leave_all(&parting(reason), &mut self.reports);
        }
        let deadline = Instant::now() + HAND_OVER_DEADLINE;
        while !self.reports.flush() {
            if Instant::now() >= deadline {
                tracing::error!("the last saves of a tick thread could not be handed over in time");
                return;
            }
            std::thread::sleep(HAND_OVER_PAUSE);
        }
    }
}

fn parting(reason: &CloseReason) -> Parting {
    Parting { code: reason.code, message: reason.message.clone() }
}

#[cfg(test)]
#[path = "ticker_tests.rs"]
mod tests;
