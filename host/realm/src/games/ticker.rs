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
    figures::{Counters, Meters, Phase},
    game::Game,
    load::{Cost, Loads},
    log::Desk,
    pace::{Pace, Steps},
    phases::{self, Phases},
    player::Parting,
    reports::Reports,
    save_book::Progress,
    stage::{Patience, Scratch, Stage, TickTools},
};

/// Between two warnings about ticks left out.
const WARNING_EVERY: Duration = Duration::from_secs(10);
/// How long a stopping thread tries to hand over its last reports.
const HAND_OVER_DEADLINE: Duration = Duration::from_secs(10);
/// Between two tries to hand them over.
const HAND_OVER_PAUSE: Duration = Duration::from_millis(5);
/// Games that are stepped together at most: what the first of them took waits for the last.
const TOGETHER_MAX: usize = 16;

struct Scheduled {
    game: Game,
    pace: Pace,
    phase: phases::Phase,
    cost: Cost,
}

/// A game in its tick, taken off the list of games meanwhile.
struct Ticking {
    id: GameId,
    due: Instant,
    steps: Steps,
    scheduled: Box<Scheduled>,
}

/// What a tick thread works with.
pub(super) struct Place {
    /// Its number.
    pub(super) thread: usize,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) lane: TickLane,
    pub(super) reports: Reports,
    pub(super) counters: Arc<Counters>,
    pub(super) loads: Arc<Loads>,
    /// Where logs are handed over; `None` when games are not logged.
    pub(super) desk: Option<Desk>,
    pub(super) patience: Patience,
}

/// A tick thread.
pub(super) struct Ticker {
    place: Place,
    meters: Meters,
    games: HashMap<GameId, Box<Scheduled>>,
    /// When each game is due, the first first.
    schedule: BTreeSet<(Instant, GameId)>,
    /// Start of the thread's round of 40 ms, in which each game has one tick.
    round: Instant,
    phases: Phases,
    scratch: Scratch,
    // Kept between ticks for its memory alone.
    together: Vec<Ticking>,
    skipped_unsaid: u64,
    warned: Option<Instant>,
}

impl Ticker {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            meters: Meters::new(),
            games: HashMap::new(),
            schedule: BTreeSet::new(),
            round: Instant::now(),
            phases: Phases::default(),
            scratch: Scratch::default(),
            together: Vec::new(),
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
                self.place.lane.pick_up();
                self.place.lane.begin_tick();
                self.meters.record(Phase::PickUp, now.elapsed());
                self.publish_load();
                self.round += TICK;
                if self.round <= now {
                    self.round = now + TICK;
                }
            }
            self.tick_due_games();
            self.place.reports.flush();
            let next = self.schedule.first().map_or(self.round, |(due, _)| (*due).min(self.round));
            self.place.lane.no_call_before(next);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Ticks what is due until the round ends; what has waited longest comes first.
    fn tick_due_games(&mut self) {
        let mut together = std::mem::take(&mut self.together);
        loop {
            let now = Instant::now();
            together.clear();
            while let Some((due, id)) = self.schedule.first().copied()
                && due <= now
                && now < self.round
                && together.len() < TOGETHER_MAX
            {
                self.schedule.pop_first();
                if let Some(mut scheduled) = self.games.remove(&id) {
                    let steps = scheduled.pace.advance(now);
                    scheduled.game.begin_tick(steps.made);
                    together.push(Ticking { id, due, steps, scheduled });
                }
            }
            if together.is_empty() {
                break;
            }
            self.tick(&mut together, now);
        }
        self.together = together;
    }

    /// Does each stage for all of these games; one that breaks off is taken out, and the others go on.
    fn tick(&mut self, together: &mut Vec<Ticking>, begun: Instant) {
        self.scratch.bodies.clear();
        self.scratch.judge.open();
        for stage in Stage::ALL {
            together.retain_mut(|ticking| self.run_stage(ticking, stage));
            if stage == Stage::Collect {
                self.scratch.judge.ask(&mut self.place.lane);
                let own = together.iter().map(|ticking| ticking.scheduled.pace.due());
                let others = self.schedule.first().map(|(due, _)| *due);
                self.place.lane.no_call_before(own.chain(others).fold(self.round, Instant::min));
            }
        }
        let took = begun.elapsed() / u32::try_from(together.len().max(1)).unwrap_or(u32::MAX);
        for Ticking { id, steps, mut scheduled, .. } in together.drain(..) {
            scheduled.cost.add(took, steps.made);
            let findings = scheduled.game.end_tick(&self.meters);
            self.place.counters.findings.fetch_add(findings, Ordering::Relaxed);
            self.place.counters.ticks.fetch_add(u64::from(steps.made), Ordering::Relaxed);
            self.schedule.insert((scheduled.pace.due(), id));
            self.games.insert(id, scheduled);
            self.count_skipped(steps.left_out, begun);
        }
    }

    /// Does a stage for one game; false when the game has broken off.
    fn run_stage(&mut self, ticking: &mut Ticking, stage: Stage) -> bool {
        let Ticking { id, due, scheduled, .. } = ticking;
        if stage == Stage::Take {
            let lateness = due.elapsed();
            self.place.counters.lateness.record(u64::try_from(lateness.as_micros()).unwrap_or(u64::MAX));
            self.meters.lateness.record(lateness);
        }
        let mut tools = TickTools {
            scratch: &mut self.scratch,
            lane: &mut self.place.lane,
            reports: &mut self.place.reports,
            desk: self.place.desk.as_ref(),
            patience: self.place.patience,
        };
        if catch_unwind(AssertUnwindSafe(|| scheduled.game.run(stage, &mut tools))).is_ok() {
            return true;
        }
        tracing::error!(game = %id, "a game broke off by a fault; its players are as they were last saved");
        scheduled.game.end_log("The game broke off by a fault.", self.place.desk.as_ref());
        scheduled.game.abandon(&mut self.place.reports);
        self.phases.leave(scheduled.phase);
        false
    }

    /// Says what the games of this thread cost.
    fn publish_load(&self) {
        let sum_ns = self.games.values().map(|scheduled| scheduled.cost.average_ns()).sum();
        self.place.loads.measured(self.place.thread, sum_ns);
    }

    /// Counts ticks left out, and says so once in a while.
    fn count_skipped(&mut self, ticks: u32, now: Instant) {
        if ticks == 0 {
            return;
        }
        self.place.counters.ticks_skipped.fetch_add(u64::from(ticks), Ordering::Relaxed);
        metrics::counter!("realm_ticks_skipped_total").increment(u64::from(ticks));
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
            match self.place.commands.try_recv() {
                Ok(Command::Start { game, world, header, keeper }) => {
                    let header = header.filter(|_| self.place.desk.is_some());
                    self.start(game, Game::new(game, *world, header.as_deref(), keeper));
                }
                Ok(Command::Hear { game, word }) => {
                    if let Some(scheduled) = self.games.get_mut(&game) {
                        scheduled.game.hear(*word);
                    }
                }
                Ok(Command::Wear { game, character, brought }) => {
                    if let Some(scheduled) = self.games.get_mut(&game) {
                        scheduled.game.wear(character, &brought);
                    }
                }
                Ok(Command::Enter { game, player }) => match self.games.get_mut(&game) {
                    Some(scheduled) => scheduled.game.enter(player),
                    None => self.turn_away(player),
                },
                Ok(Command::Leave { game, account, reason }) => {
                    if let Some(scheduled) = self.games.get_mut(&game) {
                        scheduled.game.leave(account, &parting(&reason), &mut self.place.reports);
                    }
                }
                Ok(Command::End { game }) => {
                    if let Some(mut ended) = self.games.remove(&game) {
                        self.schedule.remove(&(ended.pace.due(), game));
                        self.phases.leave(ended.phase);
                        ended.game.end_log("The game was over.", self.place.desk.as_ref());
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
        let character = player.character;
        self.place.reports.save(Progress { character, sheet: None, place: None, play_ticks: 0, last: true });
        let message = "The game broke off by a fault of the realm; join another one.";
        player.link.close(Code::Internal.as_str(), message);
    }

    fn start(&mut self, id: GameId, game: Game) {
        let phase = self.phases.enter();
        let due = self.round + phase.offset();
        self.games.insert(id, Box::new(Scheduled { game, pace: Pace::new(due), phase, cost: Cost::default() }));
        self.schedule.insert((due, id));
        self.publish_load();
        self.place.loads.arrived(self.place.thread);
    }

    /// Takes everybody out of every game and hands the last reports over.
    fn stop(mut self, reason: &CloseReason) {
        for scheduled in self.games.values_mut() {
            scheduled.game.leave_all(&parting(reason), &mut self.place.reports);
            scheduled.game.end_log("The realm was stopped.", self.place.desk.as_ref());
        }
        let deadline = Instant::now() + HAND_OVER_DEADLINE;
        while !self.place.reports.flush() {
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
