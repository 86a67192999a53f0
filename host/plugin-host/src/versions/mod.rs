//! The versions of an interface that the host serves side by side. Every one is turned into the newest types of ours here,
//! so that whoever calls an instance does not know which version its plugin was built for.
//!
//! A version is added as a variant with its own bindings, and named in [`served`]. So far there is one of each; that a second
//! has its place is proven with a made-up 0.2 of `chat-filter`, which exists in tests only.

#[cfg(test)]
mod next;
#[cfg(test)]
mod tests;

use wasmtime::{
    Result, Store,
    component::{Instance, InstancePre},
};

use crate::{bindings::chat_filter, hook::INTERFACE_VERSION, state::State};

/// The versions of an interface that the host serves; a plugin's patch version does not matter.
pub(crate) fn served(interface: &str) -> &'static [&'static str] {
    match interface {
        #[cfg(test)]
        "chat-filter" => &[INTERFACE_VERSION, next::VERSION],
        _ => &[INTERFACE_VERSION],
    }
}

/// Where the functions of `chat-filter` stand in a component.
pub(crate) enum ChatFilterIndices {
    Version01(chat_filter::GuestIndices),
    #[cfg(test)]
    Version02(next::chat_filter::GuestIndices),
}

/// The functions of `chat-filter` of an instance.
pub(crate) enum ChatFilter {
    Version01(chat_filter::Guest),
    #[cfg(test)]
    Version02(next::chat_filter::Guest),
}

impl ChatFilterIndices {
    /// The newest version that the component exports.
    pub(crate) fn find(instance: &InstancePre<State>) -> Result<Self> {
        #[cfg(test)]
        if instance.component().get_export_index(None, next::CHAT_FILTER).is_some() {
            return next::chat_filter::GuestIndices::new(instance).map(Self::Version02);
        }
        chat_filter::GuestIndices::new(instance).map(Self::Version01)
    }

    pub(crate) fn load(&self, store: &mut Store<State>, instance: &Instance) -> Result<ChatFilter> {
        match self {
            Self::Version01(found) => found.load(store, instance).map(ChatFilter::Version01),
            #[cfg(test)]
            Self::Version02(found) => found.load(store, instance).map(ChatFilter::Version02),
        }
    }
}

impl ChatFilter {
    pub(crate) fn call_filter(
        &self,
        store: &mut Store<State>,
        line: &chat_filter::Line,
    ) -> Result<chat_filter::Verdict> {
        match self {
            Self::Version01(guest) => guest.call_filter(store, line),
            #[cfg(test)]
            Self::Version02(guest) => guest.call_filter(store, &next::line(line)).map(next::verdict),
        }
    }
}
