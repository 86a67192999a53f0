//! Between a wish and the world: the host's own certain checks, then one call to the anti-cheat rule for all acts of the games that
//! are due together.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use realm_plugin_host::bindings::anti_cheat::{ACTIONS_MAX, Actions, Finding, Violation};
use realm_world::{Input, PLAYERS_MAX, World, log::Verdict};

use crate::{
    hooks::{ActionVerdicts, TickLane},
    types::Code,
};

use super::{
    acts::{action, begins_a_wait, input, refused_by_host, skill_facts},
    inputs::{INTENTS_TICK_MAX, Intent},
    log::Pen,
    player::Player,
    referee::Suspicion,
    reports::Reports,
};

/// A wish that has passed the host's checks.
struct Wish {
    /// Index of the player.
    player: usize,
    intent: Intent,
    input: Input,
    /// Index in the batch that the rule is asked about; `None` when it is not asked about this one.
    act: Option<u32>,
}

/// The acts that one call is about, and what came of it.
#[derive(Default)]
struct Batch {
    actions: Actions,
    /// Games that have acts in it.
    games: u32,
    verdicts: ActionVerdicts,
    /// How long the call took, by the game.
    share: Duration,
}

/// The wishes of one game in one tick, among those of the games that are due together.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    wishes: Range<usize>,
    batch: usize,
    acts: Range<u32>,
}

/// Wishes of one tick of all games that are due together; kept between ticks for their memory alone.
///
/// The games' wishes are [collected](Self::collect) one after the other; then the rule is [asked](Self::ask) once; then what
/// remains is [decided](Self::decide) for each game.
#[derive(Default)]
pub(super) struct Judge {
    wishes: Vec<Wish>,
    /// The first [`Self::in_use`] of them are of this tick; the others wait for one with more acts.
    batches: Vec<Batch>,
    in_use: usize,
}

/// Who wished an input of a step: index of the player and the client's number.
pub(super) type Origin = Option<(usize, u32)>;

/// Acts of one game in a tick, at most: a batch has room for them.
const ACTS_MAX: usize = PLAYERS_MAX * INTENTS_TICK_MAX;
const _: () = assert!(ACTS_MAX <= ACTIONS_MAX);

impl Judge {
    /// Begins a tick of other games.
    pub(super) fn open(&mut self) {
        self.wishes.clear();
        self.in_use = 0;
    }

    /// Takes each player's wishes for this tick, and drops those that the host's own checks refuse.
    pub(super) fn collect(&mut self, world: &World, players: &mut [Player]) -> Case {
        let full = |batch: &Batch| batch.actions.len() + ACTS_MAX > ACTIONS_MAX;
        if self.batches[..self.in_use].last().is_none_or(full) {
            self.begin_batch();
        }
        let (first_wish, batch) = (self.wishes.len(), self.in_use - 1);
        let first_act = count(&self.batches[batch].actions);
        for (index, player) in players.iter_mut().enumerate() {
            self.wishes_of(world, index, player);
        }
        let acts = first_act..count(&self.batches[batch].actions);
        self.batches[batch].games += u32::from(!acts.is_empty());
        Case { wishes: first_wish..self.wishes.len(), batch, acts }
    }

    fn begin_batch(&mut self) {
        if self.in_use == self.batches.len() {
            self.batches.push(Batch::default());
        }
        let batch = &mut self.batches[self.in_use];
        batch.actions.clear();
        batch.games = 0;
        self.in_use += 1;
    }

    /// Asks the rule about everything that was collected: one call, unless there is more than a batch may hold.
    pub(super) fn ask(&mut self, lane: &mut TickLane) {
        for batch in self.batches[..self.in_use].iter_mut().filter(|batch| batch.games > 0) {
            let start = Instant::now();
            batch.verdicts = lane.check_actions(&batch.actions);
            batch.share = start.elapsed() / batch.games;
        }
    }

    /// What a game's acts have taken of the call that they were in.
    pub(super) fn share(&self, case: &Case) -> Duration {
        if case.acts.is_empty() { Duration::ZERO } else { self.batches[case.batch].share }
    }

    /// Appends what remains of a game's wishes to `inputs`. Returns the number of findings.
    pub(super) fn decide(
        &self,
        case: &Case,
        players: &mut [Player],
        reports: &mut Reports,
        (inputs, origins): (&mut Vec<Input>, &mut Vec<Origin>),
        mut pen: Option<&mut Pen>,
    ) -> u64 {
        let asked = (!case.acts.is_empty()).then(|| &self.batches[case.batch].verdicts);
        if let (Some(verdicts), Some(pen)) = (asked, &mut pen) {
            pen.rule(verdicts.rule.as_ref());
        }
        let held_back = asked.is_some_and(|verdicts| verdicts.held_back);
        let mut found = 0;
        for wish in &self.wishes[case.wishes.clone()] {
            let findings = match (asked, wish.act) {
                (Some(verdicts), Some(act)) => verdicts.of(act..act + 1),
                _ => &[],
            };
            let mut refused = held_back && wish.act.is_some();
            if let (true, Some(pen)) = (refused, &mut pen) {
                let place = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
                let violation = "no rule could judge it".to_owned();
                pen.verdict(&Verdict { input: wish.input, refused, place, violation });
            }
            for finding in findings {
                found += 1;
                refused |= finding.refuse;
                if let Some(player) = players.get(wish.player) {
                    reports.suspect(suspicion(player, finding));
                }
                if let Some(pen) = &mut pen {
                    let place = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
                    let violation = word(finding).to_owned();
                    pen.verdict(&Verdict { input: wish.input, refused: finding.refuse, place, violation });
                }
            }
            if refused {
                if let Some(line) = players.get_mut(wish.player).and_then(|player| player.line.as_mut()) {
                    line.refuse(wish.intent, Code::ActRefusedByRule);
                }
            } else {
                inputs.push(wish.input);
                origins.push(Some((wish.player, wish.intent.input)));
            }
        }
        found
    }

    fn wishes_of(&mut self, world: &World, index: usize, player: &mut Player) {
        let Some(facts) = world.facts(player.slot) else { return };
        let (slot, character) = (player.slot, player.character.raw());
        let Some(line) = &mut player.line else { return };
        for intent in line.queue.next_tick() {
            line.applied = intent.input;
            let input = match input(intent.act, slot) {
                Ok(input) => input,
                Err(code) => {
                    line.refuse(intent, code);
                    continue;
                }
            };
            let skill = skill_facts(world, &input);
            if let Some(code) = refused_by_host(&facts, skill.as_ref(), intent, player.moments) {
                line.refuse(intent, code);
                continue;
            }
            if begins_a_wait(&facts, skill.as_ref(), intent.act) {
                player.moments.acted = Some(world.tick().wrapping_add(1));
            }
            let actions = &mut self.batches[self.in_use - 1].actions;
            let act = action(world, &facts, skill.as_ref(), character, intent.act).map(|action| {
                actions.push(&action);
                count(actions) - 1
            });
            self.wishes.push(Wish { player: index, intent, input, act });
        }
    }
}

/// Acts of a batch, as findings number them.
fn count(actions: &Actions) -> u32 {
    u32::try_from(actions.len()).unwrap_or(u32::MAX)
}

fn suspicion(player: &Player, finding: &Finding) -> Suspicion {
    Suspicion { account: player.account, findings: 1, violation: word(finding).chars().take(80).collect() }
}

/// What was found, for people.
pub(super) fn word(finding: &Finding) -> &str {
    match &finding.violation {
        Violation::DeadActor => "a dead character acted",
        Violation::Cooldown => "acts too soon",
        Violation::Mana => "too little mana",
        Violation::Teleport => "steps far too long",
        Violation::Speed => "too fast",
        Violation::HiddenKnowledge => "knowledge of hidden places",
        Violation::Attributes => "too many attribute points",
        Violation::Skills => "too many skill levels",
        Violation::AffixCount => "too many affixes",
        Violation::AffixRange => "affixes out of range",
        Violation::AffixForbidden => "affixes that cannot be",
        Violation::Other(word) => word.as_str(),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
