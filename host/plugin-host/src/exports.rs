//! Where the hooks of a component stand, and where those of one instance of it do.

use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use crate::{
    bindings::{anti_cheat, commands, events, ladder, lifecycle, matchmaking},
    hook::{Hook, INTERFACE_VERSION, LIFECYCLE, PACKAGE},
    misfit,
    state::State,
    versions::{ChatFilter, ChatFilterIndices},
};

/// Where the functions of each interface stand in a component; `None` for those that it does not export.
#[derive(Default)]
pub(crate) struct Exports {
    lifecycle: Option<lifecycle::GuestIndices>,
    anti_cheat: Option<anti_cheat::GuestIndices>,
    chat_filter: Option<ChatFilterIndices>,
    commands: Option<commands::GuestIndices>,
    events: Option<events::GuestIndices>,
    ladder: Option<ladder::GuestIndices>,
    matchmaking: Option<matchmaking::GuestIndices>,
}

/// The same of one instance.
#[derive(Default)]
pub(crate) struct Guests {
    pub(crate) lifecycle: Option<lifecycle::Guest>,
    pub(crate) anti_cheat: Option<anti_cheat::Guest>,
    pub(crate) chat_filter: Option<ChatFilter>,
    pub(crate) commands: Option<commands::Guest>,
    pub(crate) events: Option<events::Guest>,
    pub(crate) ladder: Option<ladder::Guest>,
    pub(crate) matchmaking: Option<matchmaking::Guest>,
}

impl Exports {
    /// Looks up the functions of the hooks, each by its name. Their types are compared when an instance is made.
    pub(crate) fn find(instance: &InstancePre<State>, hooks: &[Hook]) -> wasmtime::Result<Self> {
        let lifecycle_name = format!("{PACKAGE}/{LIFECYCLE}@{INTERFACE_VERSION}");
        let mut exports = Self::default();
        if instance.component().get_export_index(None, &lifecycle_name).is_some() {
            exports.lifecycle = Some(lifecycle::GuestIndices::new(instance)?);
        }
        for hook in hooks {
            match hook {
                Hook::AntiCheat => exports.anti_cheat = Some(anti_cheat::GuestIndices::new(instance)?),
                Hook::ChatFilter => exports.chat_filter = Some(ChatFilterIndices::find(instance)?),
                Hook::Commands => exports.commands = Some(commands::GuestIndices::new(instance)?),
                Hook::Events => exports.events = Some(events::GuestIndices::new(instance)?),
                Hook::Ladder => exports.ladder = Some(ladder::GuestIndices::new(instance)?),
                Hook::Matchmaking => exports.matchmaking = Some(matchmaking::GuestIndices::new(instance)?),
            }
        }
        Ok(exports)
    }

    /// True when the plugin wants to be told of its start and end.
    pub(crate) fn has_lifecycle(&self) -> bool {
        self.lifecycle.is_some()
    }

    /// The functions of a new instance.
    ///
    /// # Errors
    /// When one of them has other types than the contract; the text names its interface.
    pub(crate) fn load(&self, store: &mut Store<State>, instance: &Instance) -> Result<Guests, String> {
        macro_rules! load {
            ($($hook:ident = $name:expr),+ $(,)?) => {
                Guests {
                    $($hook: self.$hook.as_ref().map(|found| found.load(&mut *store, instance)).transpose()
                        .map_err(|error| misfit::other_types($name, &format!("{error:#}")))?),+
                }
            };
        }
        Ok(load!(
            lifecycle = LIFECYCLE,
            anti_cheat = Hook::AntiCheat.as_str(),
            chat_filter = Hook::ChatFilter.as_str(),
            commands = Hook::Commands.as_str(),
            events = Hook::Events.as_str(),
            ladder = Hook::Ladder.as_str(),
            matchmaking = Hook::Matchmaking.as_str(),
        ))
    }
}
