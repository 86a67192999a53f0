//! The lane of a tick thread: in-game hooks inside a budget, never a wait.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use realm_plugin_host::{Hook, bindings::anti_cheat, tape::Question};

use super::{
    Happenings,
    figures::{Function, unasked},
    lane::Lane,
};

/// CPU time of all plugins of a lane in one tick of 40 ms.
const TICK_BUDGET: Duration = Duration::from_millis(8);

/// The rules that the games of one tick thread are played under, for whoever wants to show them; cheap to clone.
#[derive(Clone, Default)]
pub struct RulesInPlay {
    labels: Arc<ArcSwap<Vec<String>>>,
}

impl RulesInPlay {
    /// Name and version of each, in the order in which they are asked.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        self.labels.load().to_vec()
    }
}

/// The in-game plugins of one tick thread. Not shared: the thread calls it directly.
pub struct TickLane {
    lane: Option<Lane>,
    budget: Duration,
    /// Who answers, as long as all of them do.
    rule: Option<Arc<str>>,
    /// The operator lets no act pass that was not judged.
    closed: bool,
    in_play: RulesInPlay,
    happenings: Happenings,
}

/// What the batched anti-cheat call gave.
#[derive(Debug, Clone, Default)]
pub struct ActionVerdicts {
    /// The findings in the order of the acts; empty when nothing was found or no plugin could answer.
    pub findings: Vec<anti_cheat::Finding>,
    /// Name and version of the rule that answered, for the game's log; `None` when none could. Several are joined by ` + `.
    pub rule: Option<Arc<str>>,
    /// A rule gave no answer, or none is at work, and the operator has closed `check-actions`: the acts are not carried out.
    pub held_back: bool,
}

impl ActionVerdicts {
    /// What was found in these acts of the batch.
    #[must_use]
    pub fn of(&self, acts: Range<u32>) -> &[anti_cheat::Finding] {
        let from = self.findings.partition_point(|finding| finding.index < acts.start);
        let to = self.findings.partition_point(|finding| finding.index < acts.end);
        &self.findings[from..to.max(from)]
    }
}

impl TickLane {
    pub(super) fn new(lane: Option<Lane>, closed: bool, happenings: Happenings) -> Self {
        let in_play = RulesInPlay::default();
        let mut this = Self { lane, budget: TICK_BUDGET, rule: None, closed, in_play, happenings };
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
            self.in_play.labels.store(Arc::new(labels));
        }
        changed
    }

    /// Where the games of this thread tell what has happened.
    #[must_use]
    pub fn happenings(&self) -> &Happenings {
        &self.happenings
    }

    /// What the games of this thread are played under, kept up to date while the lane lives.
    #[must_use]
    pub fn in_play(&self) -> RulesInPlay {
        self.in_play.clone()
    }

    /// Starts a new tick: the budget of all plugins for this tick (8 of 40 ms) is full again.
    pub fn begin_tick(&mut self) {
        self.budget = TICK_BUDGET;
    }

    /// The thread asks nothing before this moment: the clock of the rules' deadlines may rest until then.
    pub fn no_call_before(&mut self, moment: Instant) {
        if let Some(lane) = &mut self.lane {
            lane.instances().for_each(|instance| instance.no_call_before(moment));
        }
    }

    /// Asks the anti-cheat rule about a batch of acts, [`anti_cheat::ACTIONS_MAX`] at most; nobody is asked about no acts. A fault
    /// of the engine counts as a rule that gives no answer, and all plugins of the lane are started anew.
    pub fn check_actions(&mut self, actions: &anti_cheat::Actions) -> ActionVerdicts {
        catch_unwind(AssertUnwindSafe(|| self.ask(actions))).unwrap_or_else(|_| {
            tracing::error!("the engine failed during a call; every plugin of this tick thread gets a new instance");
            if let Some(lane) = &mut self.lane {
                lane.forget_instances();
            }
            ActionVerdicts { held_back: self.closed, ..ActionVerdicts::default() }
        })
    }

    fn ask(&mut self, actions: &anti_cheat::Actions) -> ActionVerdicts {
        let (Some(lane), false) = (&mut self.lane, actions.is_empty()) else {
            let held_back = self.closed && !actions.is_empty();
            return ActionVerdicts { held_back, ..ActionVerdicts::default() };
        };
        let mut findings = Vec::new();
        let mut answered = 0_u64;
        let mut all_answered = true;
        for place in lane.answering(Hook::AntiCheat) {
            let answer = if self.budget.is_zero() {
                unasked("anti-cheat", "budget");
                None
            } else {
                let question = || Question::CheckActions(actions.clone());
                let (answer, used) =
                    lane.call(place, Function::CheckActions, question, |instance| instance.check_actions(actions));
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
        // A sort that keeps the order of the plugins; without findings it does nothing.
        findings.sort_by_key(|finding: &anti_cheat::Finding| finding.index);
        let held_back = self.closed && (!all_answered || answered == 0);
        let rule = if all_answered {
            self.rule.clone()
        } else {
            let labels: Vec<String> =
                (0..64).filter(|place| answered & 1 << place != 0).map(|place| lane.label(place)).collect();
            (!labels.is_empty()).then(|| labels.join(" + ").into())
        };
        ActionVerdicts { findings, rule, held_back }
    }
}
