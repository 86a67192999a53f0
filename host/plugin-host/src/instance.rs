//! One running instance: its store, its limits and its life. The typed calls of its hooks stand in `calls`.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use wasmtime::{Store, UpdateDeadline};

use crate::{
    answers::check_state,
    bindings::lifecycle::{InitError, StateError},
    error::CallError,
    exports::Guests,
    failure::{explain, shortened},
    limits::{PluginLimits, engine_size},
    meter::Rest,
    plugin::Compiled,
    state::State,
};

/// An instance of a plugin. Owned by one thread at a time; every call has its deadline.
///
/// After a trap, an overrun deadline or refused memory it is dead: every further call answers [`CallError::Dead`].
pub struct Instance {
    compiled: Arc<Compiled>,
    store: Store<State>,
    /// In a box, since lanes and mailboxes hand instances on by value.
    guests: Box<Guests>,
    dead: bool,
    used: Duration,
    /// What its owner says of when it will not call.
    rest: Option<Arc<Rest>>,
}

impl Instance {
    pub(crate) fn new(compiled: Arc<Compiled>, configuration: &str) -> Result<Self, CallError> {
        let limits = &compiled.limits;
        let mut store = Store::new(&compiled.host.engine, State::new(&compiled));
        store.limiter(|state| &mut state.growth);
        store.set_hostcall_fuel(engine_size(limits.handover_bytes_max));
        store.set_max_component_handles(engine_size(limits.handles_max));
        store.epoch_deadline_callback(|mut context| {
            let State { meter, compiled, .. } = context.data_mut();
            Ok(if meter.tick(&compiled.host.pace) { UpdateDeadline::Continue(1) } else { UpdateDeadline::Interrupt })
        });
        let init_deadline = limits.init_deadline();
        let mut this = Self { compiled, store, guests: Box::default(), dead: false, used: Duration::ZERO, rest: None };
        let compiled = Arc::clone(&this.compiled);
        let made = this.run(init_deadline, |store, _| {
            let instance = compiled.instance.instantiate(&mut *store)?;
            Ok(compiled.exports.load(store, &instance))
        });
        let made = made.map_err(|error| match error {
            // Before anything ran there is nothing that could trap: the engine itself said no.
            CallError::Trap { message, backtrace: None } => CallError::NoInstance(message),
            other => other,
        })?;
        this.guests = Box::new(made.map_err(CallError::NoInstance)?);
        let refused = this.run(init_deadline, |store, guests| {
            guests.lifecycle.as_ref().map(|guest| guest.call_init(store, configuration)).transpose()
        })?;
        match refused.unwrap_or(Ok(())) {
            Ok(()) => Ok(this),
            Err(InitError::Configuration(text)) => {
                Err(CallError::InitRefused(format!("wrong configuration: {}", shortened(&text))))
            }
            Err(InitError::Other(text)) => Err(CallError::InitRefused(shortened(&text))),
        }
    }

    /// What of its memory shall live on in the next version: at most 64 KiB, empty when it exports no `lifecycle`.
    /// The instance may go on being called.
    ///
    /// # Errors
    /// When the plugin fails or the state is too large.
    pub fn save_state(&mut self) -> Result<Vec<u8>, CallError> {
        let state = self.run(self.limits().call_deadline(), |store, guests| {
            guests.lifecycle.as_ref().map(|guest| guest.call_save_state(store)).transpose()
        })?;
        let state = state.unwrap_or_default();
        check_state(&state).map(|()| state)
    }

    /// Hands a new instance the state that version `written_by` of the plugin has saved. A plugin that exports no
    /// `lifecycle` takes over an empty state only.
    ///
    /// # Errors
    /// [`CallError::StateRefused`], or when the plugin fails.
    pub fn load_state(&mut self, written_by: &str, state: &[u8]) -> Result<(), CallError> {
        check_state(state)?;
        let taken = self.run(self.limits().call_deadline(), |store, guests| {
            guests.lifecycle.as_ref().map(|guest| guest.call_load_state(store, written_by, state)).transpose()
        })?;
        let refuse = |text: String| Err(CallError::StateRefused(text));
        match taken {
            Some(Ok(())) => Ok(()),
            None if state.is_empty() => Ok(()),
            None => refuse("it exports no `lifecycle` to load a state with".to_owned()),
            Some(Err(StateError::VersionUnknown)) => {
                refuse(format!("it does not read what version {} wrote", shortened(written_by)))
            }
            Some(Err(StateError::Damaged)) => refuse("the state is damaged".to_owned()),
            Some(Err(StateError::Other(text))) => refuse(shortened(&text)),
        }
    }

    /// Tells the instance that it will not be called again. To be called before an instance that lives is dropped.
    ///
    /// # Errors
    /// When the plugin fails.
    pub fn shutdown(&mut self) -> Result<(), CallError> {
        let ended = self.run(self.limits().call_deadline(), |store, guests| {
            guests.lifecycle.as_ref().map(|guest| guest.call_shutdown(store)).transpose()
        });
        self.dead = true;
        ended.map(|_| ())
    }

    /// True when no call will ever be answered again.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// Its owner will not call it before this moment, and neither anything else with a short deadline on its thread: the clock of deadlines may rest
    /// for so long. Whoever has said so once says so again after each call; else nothing rests any more.
    pub fn no_call_before(&mut self, moment: Instant) {
        let pace = &self.compiled.host.pace;
        let rest = self.rest.get_or_insert_with(|| pace.join());
        pace.rest_until(rest, moment);
    }

    /// CPU time of the last call, exact to one epoch.
    #[must_use]
    pub fn used(&self) -> Duration {
        self.used
    }

    /// Linear memory that it holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.store.data().growth.memory_bytes()
    }

    /// The limits that it lives under.
    #[must_use]
    pub fn limits(&self) -> &PluginLimits {
        &self.compiled.limits
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Runs `call` under a deadline; whatever it fails with kills the instance.
    pub(crate) fn run<T>(
        &mut self,
        deadline: Duration,
        call: impl FnOnce(&mut Store<State>, &Guests) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        if self.dead {
            return Err(CallError::Dead);
        }
        self.store.data_mut().begin(deadline);
        self.store.set_epoch_deadline(1);
        let outcome = call(&mut self.store, &self.guests);
        let state = self.store.data_mut();
        // One look at the clock for both: it is a good part of what a small call costs.
        let now = Instant::now();
        self.used = state.meter.used(now);
        state.compiled.log.settle(now);
        outcome.map_err(|error| {
            self.dead = true;
            explain(&error, self.store.data_mut())
        })
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.compiled.manifest;
        formatter.debug_tuple("Instance").field(&manifest.name).field(&manifest.version).field(&self.dead).finish()
    }
}
