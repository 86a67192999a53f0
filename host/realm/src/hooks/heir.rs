//! How the state of an instance lives on in the next version, lane by lane.
//!
//! Two phases. In the first every lane, at a quiet point, lets its instance save its state and the new one load it, and votes; it
//! goes on with the old. When all have voted for it, the set is published, and each lane hands over, at its next quiet point, what has
//! changed since. When one votes against it, or does not vote in time, every new instance is thrown away and nothing has happened.

use std::{
    sync::{Arc, mpsc::SyncSender},
    time::Duration,
};

use realm_plugin_host::{CallError, Instance};

use super::{set::Installed, tape};

/// CPU time that a tick lane may spend on one handing over; a tick has 40 ms.
const TICK_LANE_BUDGET: Duration = Duration::from_millis(8);

/// What one lane says to a new version.
pub(super) type Vote = Result<(), String>;

/// How a lane tells its vote.
#[derive(Clone)]
pub(super) struct Ballot {
    pub(super) number: usize,
    pub(super) sender: SyncSender<(usize, Vote)>,
}

impl Ballot {
    pub(super) fn cast(&self, vote: Vote) {
        // Nobody counts any more when it took too long; the heir is withdrawn then.
        let _ = self.sender.try_send((self.number, vote));
    }
}

/// A new instance on its way to a lane that has one of the version before.
pub(super) struct Proposal {
    /// The version at work.
    pub(super) from: Arc<Installed>,
    /// The new one.
    pub(super) to: Arc<Installed>,
    pub(super) instance: Instance,
    pub(super) vote: Ballot,
}

/// A new instance that has taken the state over, and waits until every lane's has.
pub(super) struct Heir {
    pub(super) from: Arc<Installed>,
    pub(super) to: Arc<Installed>,
    pub(super) instance: Instance,
    state: Vec<u8>,
}

impl Heir {
    /// Takes over what `old` has to leave; an instance that has died leaves nothing, and its heir begins anew.
    pub(super) fn prepare(
        proposal: Proposal,
        old: Option<&mut Instance>,
        in_tick: bool,
    ) -> Result<Self, (Box<Instance>, String)> {
        let Proposal { from, to, mut instance, .. } = proposal;
        let Some(old) = old else { return Ok(Self { from, to, instance, state: Vec::new() }) };
        let (version, shadow) = (&from.plugin.manifest().version, from.shadow);
        let state = match tape::shaded_if(shadow, || old.save_state()) {
            Ok(state) => state,
            Err(error) => return Err((Box::new(instance), format!("{version} did not save its state: {error}"))),
        };
        let saving = old.used();
        if let Err(error) = tape::shaded_if(shadow, || instance.load_state(version, &state)) {
            return Err((Box::new(instance), format!("the state of {version} was not taken over: {error}")));
        }
        let used = saving + instance.used();
        if in_tick && used > TICK_LANE_BUDGET {
            let (used_ms, most_ms) = (used.as_millis(), TICK_LANE_BUDGET.as_millis());
            let problem = format!(
                "handing the state of {version} over took {used_ms} ms; a thread that runs games has {most_ms}"
            );
            return Err((Box::new(instance), problem));
        }
        Ok(Self { from, to, instance, state })
    }

    /// Takes the place of `old`, with what has changed since it was prepared.
    pub(super) fn succeed(&mut self, old: &mut Instance) -> Result<(), CallError> {
        let shadow = self.from.shadow;
        let state = tape::shaded_if(shadow, || old.save_state())?;
        if state == self.state {
            return Ok(());
        }
        tape::shaded_if(shadow, || self.instance.load_state(&self.from.plugin.manifest().version, &state))
    }
}
