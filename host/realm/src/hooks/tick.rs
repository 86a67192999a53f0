//! The lane of a tick thread: in-game hooks inside a budget, never a wait.

use std::{sync::Arc, time::Duration};

use realm_plugin_host::{Hook, bindings::anti_cheat};

use super::{
    figures::{Function, unasked},
    lane::Lane,
};

/// CPU time of all plugins of a lane in one tick of 40 ms.
const TICK_BUDGET: Duration = Duration::from_millis(8);

/// The in-game plugins of one tick thread. Not shared: the thread calls it directly.
pub struct TickLane {
    lane: Option<Lane>,
    budget: Duration,
    /// Who answers, as long as all of them do.
    rule: Option<Arc<str>>,
}

/// What the batched anti-cheat call gave.
#[derive(Debug, Clone, Default)]
pub struct ActionVerdicts {
    /// The findings; empty when nothing was found or no plugin could answer.
    pub findings: Vec<anti_cheat::Finding>,
    /// Name and version of the rule that answered, for the game's log; `None` when none could. Several are joined by ` + `.
    pub rule: Option<Arc<str>>,
}

impl TickLane {
    pub(super) fn new(lane: Option<Lane>) -> Self {
        let mut this = Self { lane, budget: TICK_BUDGET, rule: None };
        this.pick_up();
        this
    }

    /// Takes over a new version of a plugin if one is ready; called once per tick, before any game of the thread is stepped.
    /// Returns true when a version changed.
    pub fn pick_up(&mut self) -> bool {
        let Some(lane) = &mut self.lane else { return false };
        let changed = lane.pick_up();
        if changed {
            let labels: Vec<String> = lane.answering(Hook::AntiCheat).map(|place| lane.label(place)).collect();
            self.rule = (!labels.is_empty()).then(|| labels.join(" + ").into());
        }
        changed
    }

    /// Starts a new tick: the budget of all plugins for this tick (8 of 40 ms) is full again.
    pub fn begin_tick(&mut self) {
        self.budget = TICK_BUDGET;
    }

    /// Asks the anti-cheat rule about all acts of one game in one tick; nobody is asked about no acts.
    pub fn check_actions(&mut self, tick: u32, actions: &[anti_cheat::Action]) -> ActionVerdicts {
        let (Some(lane), false) = (&mut self.lane, actions.is_empty()) else { return ActionVerdicts::default() };
        let mut findings = Vec::new();
        let mut answered = 0_u64;
        let mut all_answered = true;
        for place in lane.answering(Hook::AntiCheat) {
            let answer = if self.budget.is_zero() {
                unasked("anti-cheat", "budget");
                None
            } else {
                let (answer, used) =
                    lane.call(place, Function::CheckActions, |instance| instance.check_actions(tick, actions));
                self.budget = self.budget.saturating_sub(used);
                answer
            };
            match answer {
                Some(found) => {
                    findings.extend(found);
                    answered |= 1 << place;
                }
                None => all_answered = false,
            }
        }
        let rule = if all_answered {
            self.rule.clone()
        } else {
            let labels: Vec<String> =
                (0..64).filter(|place| answered & 1 << place != 0).map(|place| lane.label(place)).collect();
            (!labels.is_empty()).then(|| labels.join(" + ").into())
        };
        ActionVerdicts { findings, rule }
    }
}
