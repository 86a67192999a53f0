//! One running instance: its store, its limits, and the typed calls.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::{
    answers::{check_admission, check_findings, check_order, check_score, check_verdict},
    bindings::{anti_cheat, chat_filter, ladder, lifecycle, log, matchmaking},
    error::CallError,
    hook::Hook,
    limits::Limits,
    log::{Level, PluginLog},
    memory::{Growth, GrowthRefused},
    meter::{Meter, Overrun},
    plugin::Compiled,
};

/// Functions shown in the sentence about a trap.
const TRAP_FRAMES_SHOWN: usize = 4;

/// What the host keeps beside one instance.
pub(crate) struct State {
    growth: Growth,
    meter: Meter,
    log: Arc<PluginLog>,
    /// The last error line of this call: a plugin's panic text, if its SDK writes one.
    last_words: Option<String>,
}

impl log::Host for State {
    fn write(&mut self, level: Level, line: String) -> wasmtime::Result<()> {
        let shown = self.log.write(level, &line, Instant::now());
        if level == Level::Error {
            self.last_words = Some(shown);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Guests {
    anti_cheat: Option<anti_cheat::Guest>,
    chat_filter: Option<chat_filter::Guest>,
    ladder: Option<ladder::Guest>,
    matchmaking: Option<matchmaking::Guest>,
}

/// An instance of a plugin. Owned by one thread at a time; every call has its deadline.
///
/// After a trap, an overrun deadline or refused memory it is dead: every further call answers [`CallError::Dead`].
pub struct Instance {
    compiled: Arc<Compiled>,
    store: Store<State>,
    guests: Guests,
    dead: bool,
    used: Duration,
}

impl Instance {
    pub(crate) fn new(compiled: Arc<Compiled>, configuration: &str) -> Result<Self, CallError> {
        let limits = &compiled.host.limits;
        let memory_bytes_max = limits.class(compiled.manifest.class).memory_bytes_max;
        let state = State {
            growth: Growth::new(limits, memory_bytes_max),
            meter: Meter::start(limits.init_deadline),
            log: Arc::clone(&compiled.log),
            last_words: None,
        };
        let mut store = Store::new(&compiled.host.engine, state);
        store.limiter(|state| &mut state.growth);
        store.set_hostcall_fuel(limits.handover_bytes_max);
        store.set_max_component_handles(limits.handles_max);
        store.epoch_deadline_callback(|mut context| {
            Ok(if context.data_mut().meter.tick() { UpdateDeadline::Continue(1) } else { UpdateDeadline::Interrupt })
        });
        let init_deadline = limits.init_deadline;
        let guests = Guests::default();
        let mut this = Self { compiled, store, guests, dead: false, used: Duration::ZERO };
        let compiled = Arc::clone(&this.compiled);
        let made = this.run(init_deadline, |store, _| {
            let instance = compiled.instance.instantiate(&mut *store)?;
            let exports = &compiled.exports;
            let guests = Guests {
                anti_cheat: exports.anti_cheat.as_ref().map(|found| found.load(&mut *store, &instance)).transpose()?,
                chat_filter: exports
                    .chat_filter
                    .as_ref()
                    .map(|found| found.load(&mut *store, &instance))
                    .transpose()?,
                ladder: exports.ladder.as_ref().map(|found| found.load(&mut *store, &instance)).transpose()?,
                matchmaking: exports
                    .matchmaking
                    .as_ref()
                    .map(|found| found.load(&mut *store, &instance))
                    .transpose()?,
            };
            let lifecycle = exports.lifecycle.as_ref().map(|found| found.load(&mut *store, &instance)).transpose()?;
            Ok((guests, lifecycle))
        });
        let (guests, lifecycle) = made.map_err(|error| match error {
            // Before anything ran there is nothing that could trap: the engine itself said no.
            CallError::Trap { message, backtrace: None } => CallError::NoInstance(message),
            other => other,
        })?;
        this.guests = guests;
        if let Some(lifecycle) = lifecycle {
            this.run(init_deadline, |store, _| lifecycle.call_init(store, configuration))?.map_err(
                |error| match error {
                    lifecycle::InitError::Configuration(text) => {
                        CallError::InitRefused(format!("wrong configuration: {}", shortened(&text)))
                    }
                    lifecycle::InitError::Other(text) => CallError::InitRefused(shortened(&text)),
                },
            )?;
        }
        Ok(this)
    }

    /// True when no call will ever be answered again.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// CPU time of the last call, exact to one epoch.
    #[must_use]
    pub fn used(&self) -> Duration {
        self.used
    }

    /// Judges a line of chat.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn filter(&mut self, line: &chat_filter::Line) -> Result<chat_filter::Verdict, CallError> {
        let verdict = self.run(self.call_deadline(), |store, guests| {
            guests.chat_filter.as_ref().map(|guest| guest.call_filter(store, line)).transpose()
        })?;
        let verdict = verdict.ok_or(CallError::NotExported(Hook::ChatFilter))?;
        check_verdict(&verdict).map(|()| verdict)
    }

    /// Judges all acts of one game in one tick.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn check_actions(
        &mut self,
        tick: u32,
        actions: &[anti_cheat::Action],
    ) -> Result<Vec<anti_cheat::Finding>, CallError> {
        let findings = self.run(self.limits().tick_deadline, |store, guests| {
            guests.anti_cheat.as_ref().map(|guest| guest.call_check_actions(store, tick, actions)).transpose()
        })?;
        let findings = findings.ok_or(CallError::NotExported(Hook::AntiCheat))?;
        check_findings(&findings, actions.len()).map(|()| findings)
    }

    /// Judges a character.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn check_character(&mut self, sheet: &anti_cheat::Sheet) -> Result<Vec<anti_cheat::Finding>, CallError> {
        let findings = self.run(self.call_deadline(), |store, guests| {
            guests.anti_cheat.as_ref().map(|guest| guest.call_check_character(store, sheet)).transpose()
        })?;
        let findings = findings.ok_or(CallError::NotExported(Hook::AntiCheat))?;
        check_findings(&findings, 1).map(|()| findings)
    }

    /// Decides whether a player may join a game.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn admit(
        &mut self,
        player: &matchmaking::Player,
        game: &matchmaking::Game,
    ) -> Result<matchmaking::Admission, CallError> {
        let admission = self.run(self.call_deadline(), |store, guests| {
            guests.matchmaking.as_ref().map(|guest| guest.call_admit(store, player, *game)).transpose()
        })?;
        let admission = admission.ok_or(CallError::NotExported(Hook::Matchmaking))?;
        check_admission(&admission).map(|()| admission)
    }

    /// Orders a list of games for a player; keys that were not in the list may come back.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn order(&mut self, player: &matchmaking::Player, games: &[matchmaking::Game]) -> Result<Vec<u64>, CallError> {
        let keys = self.run(self.call_deadline(), |store, guests| {
            guests.matchmaking.as_ref().map(|guest| guest.call_order(store, player, games)).transpose()
        })?;
        let keys = keys.ok_or(CallError::NotExported(Hook::Matchmaking))?;
        check_order(&keys).map(|()| keys)
    }

    /// Scores a character.
    ///
    /// # Errors
    /// When the plugin fails or its answer makes no sense.
    pub fn score(&mut self, character: &ladder::Character) -> Result<Option<u64>, CallError> {
        let score = self.run(self.call_deadline(), |store, guests| {
            guests.ladder.as_ref().map(|guest| guest.call_score(store, character)).transpose()
        })?;
        let score = score.ok_or(CallError::NotExported(Hook::Ladder))?;
        check_score(score).map(|()| score)
    }

    fn limits(&self) -> &Limits {
        &self.compiled.host.limits
    }

    fn call_deadline(&self) -> Duration {
        self.limits().call_deadline
    }

    /// Runs `call` under a deadline; whatever it fails with kills the instance.
    fn run<T>(
        &mut self,
        deadline: Duration,
        call: impl FnOnce(&mut Store<State>, &Guests) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        if self.dead {
            return Err(CallError::Dead);
        }
        self.store.data_mut().meter = Meter::start(deadline);
        self.store.data_mut().last_words = None;
        self.store.set_epoch_deadline(1);
        let outcome = call(&mut self.store, &self.guests);
        let state = self.store.data_mut();
        // One look at the clock for both: it is a good part of what a small call costs.
        let now = Instant::now();
        self.used = state.meter.used(now);
        state.log.settle(now);
        outcome.map_err(|error| {
            self.dead = true;
            explain(&error, self.store.data_mut(), self.compiled.host.limits.handover_bytes_max)
        })
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.compiled.manifest;
        formatter.debug_tuple("Instance").field(&manifest.name).field(&manifest.version).field(&self.dead).finish()
    }
}

/// Says why a call failed, in words for the operator.
fn explain(error: &wasmtime::Error, state: &mut State, handover_bytes_max: usize) -> CallError {
    match state.meter.overrun() {
        Some(Overrun::Cpu) => return CallError::Deadline(state.meter.deadline()),
        Some(Overrun::Wall) => return CallError::WallClock(Limits::wall(state.meter.deadline())),
        None => {}
    }
    if let Some(refused) = error.downcast_ref::<GrowthRefused>() {
        return CallError::Memory(refused.to_string());
    }
    let cause = error.root_cause().to_string();
    if cause.contains("hostcalls has been exhausted") {
        return CallError::TooMuch(handover_bytes_max);
    }
    let trap = error.downcast_ref::<Trap>().map_or(cause, ToString::to_string);
    let message = match state.last_words.take() {
        Some(words) => format!("{} ({trap})", shortened(&words)),
        None => shortened(&trap),
    };
    CallError::Trap { message, backtrace: error.downcast_ref::<WasmBacktrace>().and_then(innermost) }
}

/// The innermost functions of a backtrace that have names.
fn innermost(backtrace: &WasmBacktrace) -> Option<String> {
    let names = backtrace.frames().iter().filter_map(|frame| {
        let symbol = frame.symbols().first().and_then(|symbol| {
            let line = symbol.line().map(|line| format!(":{line}")).unwrap_or_default();
            symbol.file().map(|file| format!("{file}{line}"))
        });
        symbol.or_else(|| frame.func_name().map(str::to_owned))
    });
    let shown: Vec<String> = names.take(TRAP_FRAMES_SHOWN).collect();
    (!shown.is_empty()).then(|| shortened(&shown.join(", ")))
}

/// A plugin's text inside a sentence of ours: one line, not too long.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 400;
    let mut shown: String = text.chars().take(CHARACTERS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
