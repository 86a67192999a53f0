//! What stands behind WASI's handles: nothing but a number that says what it is of.

use wasmtime::{
    Result,
    component::{ComponentType, Lift, LinkerInstance, Lower, Resource, ResourceType},
};

use crate::state::State;

/// One type for every resource: a plugin has only those that it was given.
pub(super) enum Handle {}

/// Where a plugin's standard output goes.
pub(super) const OUTPUT: u32 = 1;
/// Where its standard error goes: with it a runtime tells of a panic.
pub(super) const ERROR: u32 = 2;
/// Standard input, and what can be waited for.
pub(super) const OTHER: u32 = 3;

/// A handle for the plugin.
pub(super) fn give(of: u32) -> Resource<Handle> {
    Resource::new_own(of)
}

/// Why a stream gives nothing.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
#[allow(dead_code, reason = "a case of the type in WASI; no stream of ours ends so")]
pub(super) enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<Handle>),
    #[component(name = "closed")]
    Closed,
}

/// A moment of the wall clock.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Datetime {
    pub(super) seconds: u64,
    pub(super) nanoseconds: u32,
}

/// Defines a resource; nothing is to be done when its handle is dropped.
pub(super) fn define(offered: &mut LinkerInstance<'_, State>, name: &str) -> Result<()> {
    offered.resource(name, ResourceType::host::<Handle>(), |_, _| Ok(()))
}
