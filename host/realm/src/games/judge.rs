//! Between a wish and the world: the host's own certain checks, then one call to the anti-cheat rule for all acts of a tick.

use realm_plugin_host::bindings::anti_cheat::{self, ActionKind, Finding, Violation};
use realm_world::{EntityId, Facts, Input, SkillFacts, World, log::Verdict};

use crate::{
    hooks::{ActionVerdicts, TickLane},
    types::Code,
};

use super::{
    inputs::{Act, Intent},
    log::Pen,
    player::Player,
    referee::Suspicion,
    reports::Reports,
};

/// An attack that comes so few ticks early is a stuttering network's work: the host refuses it and no rule is asked.
const EARLY_TICKS_INNOCENT: u32 = 3;

/// A wish that has passed the host's checks.
struct Wish {
    /// Index of the player.
    player: usize,
    intent: Intent,
    input: Input,
    /// Index among the actions that the rule is asked about.
    action: Option<usize>,
}

/// Wishes of one tick, kept between ticks for their memory alone.
#[derive(Default)]
pub(super) struct Judge {
    wishes: Vec<Wish>,
    actions: Vec<anti_cheat::Action>,
}

/// Who wished an input of a step: index of the player and the client's number.
pub(super) type Origin = Option<(usize, u32)>;

impl Judge {
    /// Takes each player's wishes for this tick, and drops those that the host's own checks refuse.
    pub(super) fn collect(&mut self, world: &World, players: &mut [Player]) {
        self.wishes.clear();
        self.actions.clear();
        for (index, player) in players.iter_mut().enumerate() {
            self.wishes_of(world, index, player);
        }
    }

    /// Asks the rule once about what was collected, and appends what remains to `inputs`. Returns the number of findings.
    pub(super) fn decide(
        &mut self,
        world: &World,
        players: &mut [Player],
        lane: &mut TickLane,
        reports: &mut Reports,
        (inputs, origins): (&mut Vec<Input>, &mut Vec<Origin>),
        mut pen: Option<&mut Pen>,
    ) -> u64 {
        if self.wishes.is_empty() {
            return 0;
        }
        let (findings, held_back) = if self.actions.is_empty() {
            (Vec::new(), false)
        } else {
            let tick = world.tick().wrapping_add(1);
            let ActionVerdicts { findings, rule, held_back } = lane.check_actions(tick, &self.actions);
            if let Some(pen) = &mut pen {
                pen.rule(rule.as_ref());
            }
            (findings, held_back)
        };
        for finding in &findings {
            let wish = self.wishes.iter().find(|wish| wish.action == usize::try_from(finding.index).ok());
            if let Some(player) = wish.and_then(|wish| players.get(wish.player)) {
                reports.suspect(suspicion(player, finding));
            }
        }
        for wish in &self.wishes {
            let mut refused = held_back && wish.action.is_some();
            if let (true, Some(pen)) = (refused, &mut pen) {
                let place = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
                let violation = "no rule could judge it".to_owned();
                pen.verdict(&Verdict { input: wish.input, refused, place, violation });
            }
            for finding in findings.iter().filter(|finding| wish.action == usize::try_from(finding.index).ok()) {
                refused |= finding.refuse;
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
        findings.len() as u64
    }

    fn wishes_of(&mut self, world: &World, index: usize, player: &mut Player) {
        let Some(facts) = world.facts(player.slot) else { return };
        let (slot, character, died_tick) = (player.slot, player.character.raw(), player.died_tick);
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
            if let Some(code) = refused_by_host(&facts, skill.as_ref(), intent, died_tick) {
                line.refuse(intent, code);
                continue;
            }
            let action = action(world, &facts, skill.as_ref(), character, intent).map(|action| {
                self.actions.push(action);
                self.actions.len() - 1
            });
            self.wishes.push(Wish { player: index, intent, input, action });
        }
    }
}

/// The world's input for a wish, or why there is none.
fn input(act: Act, slot: realm_world::PlayerSlot) -> Result<Input, Code> {
    let entity = |target: u32| EntityId::try_from(target).map_err(|_| Code::TargetUnknown);
    Ok(match act {
        Act::Move { dx, dy } => Input::Move { slot, dx, dy },
        Act::Attack { target } => Input::Attack { slot, target: entity(target)? },
        Act::Interact { target } => Input::Interact { slot, target: entity(target)? },
        Act::Respawn => Input::Respawn { slot },
        Act::Skill { skill, target, x, y } => {
            let skill = u8::try_from(skill).map_err(|_| Code::SkillUnknown)?;
            Input::Skill { slot, skill, target: entity(target)?, x, y }
        }
        Act::PickUp { target, drink } => Input::PickUp { slot, target: entity(target)?, drink },
        Act::Drink { place } => Input::Drink { slot, place: u8::try_from(place).map_err(|_| Code::PotionUnknown)? },
        // Characters carry nothing that could be put on the ground.
        Act::DropItem => return Err(Code::ItemNotCarried),
    })
}

/// The act that an input was made of; `None` when it was no client's wish.
fn act(input: &Input) -> Option<Act> {
    Some(match *input {
        Input::Move { dx, dy, .. } => Act::Move { dx, dy },
        Input::Attack { target, .. } => Act::Attack { target: target.into() },
        Input::Interact { target, .. } => Act::Interact { target: target.into() },
        Input::Skill { skill, target, x, y, .. } => Act::Skill { skill: skill.into(), target: target.into(), x, y },
        Input::PickUp { target, drink, .. } => Act::PickUp { target: target.into(), drink },
        Input::Drink { place, .. } => Act::Drink { place: place.into() },
        Input::Respawn { .. } => Act::Respawn,
        Input::Join { .. } | Input::Leave { .. } => return None,
    })
}

fn skill_facts(world: &World, input: &Input) -> Option<SkillFacts> {
    match *input {
        Input::Skill { slot, skill, .. } => world.skill_facts(slot, skill),
        _ => None,
    }
}

/// What the rule was asked about an input of a game that is repeated; `None` when it was not. Inputs are numbered by the caller.
pub(super) fn asked(world: &World, character: u64, number: u32, input: &Input) -> Option<anti_cheat::Action> {
    let facts = world.facts(input.slot())?;
    let intent = Intent { input: number, acknowledged_tick: 0, act: act(input)? };
    action(world, &facts, skill_facts(world, input).as_ref(), character, intent)
}

/// What the host knows for certain and can explain without guilt: no rule is asked about it.
fn refused_by_host(facts: &Facts, skill: Option<&SkillFacts>, intent: Intent, died_tick: Option<u32>) -> Option<Code> {
    // What was sent before the client could know of its death is nobody's fault.
    let unaware = died_tick.is_some_and(|died| intent.acknowledged_tick < died);
    // Nor is what was sent before the client could know what its last skill had cost.
    let poor = skill.is_some_and(|skill| skill.mana_left < 0) && intent.acknowledged_tick < facts.mana_spent_tick;
    let waits = skill.map_or(facts.cooldown_ticks, |skill| skill.cooldown_ticks);
    match intent.act {
        Act::Respawn => None,
        _ if facts.dead && unaware => Some(Code::ActorDead),
        Act::Attack { .. } | Act::Skill { .. } if (1..=EARLY_TICKS_INNOCENT).contains(&waits) => Some(Code::ActTooSoon),
        Act::Skill { .. } if poor => Some(Code::ManaTooLow),
        _ => None,
    }
}

/// The wish as the rule sees it; `None` for what it is not asked about.
fn action(
    world: &World,
    facts: &Facts,
    skill: Option<&SkillFacts>,
    character: u64,
    intent: Intent,
) -> Option<anti_cheat::Action> {
    // What is on another level is nowhere; who has just come up the stairs may still name it.
    let way = |target: u32| {
        let place = EntityId::try_from(target).ok().and_then(|target| world.position(target));
        let here = place.filter(|(zone, _, _)| *zone == facts.zone);
        here.map_or((0, 0), |(_, x, y)| (x - facts.x, y - facts.y))
    };
    let (kind, (dx, dy), cooldown) = match intent.act {
        Act::Move { dx, dy } => (ActionKind::Move, (dx, dy), 0),
        Act::Attack { target } => (ActionKind::Attack, way(target), facts.cooldown_ticks),
        Act::Interact { target } | Act::PickUp { target, .. } => (ActionKind::Interact, way(target), 0),
        Act::Drink { .. } => (ActionKind::Interact, (0, 0), 0),
        Act::Skill { target, x, y, .. } => {
            let waits = skill.map_or(0, |skill| skill.cooldown_ticks);
            let way = match target {
                // A skill that needs no place names none.
                0 if skill.is_none_or(|skill| skill.reach == 0) => (0, 0),
                0 => (x.saturating_sub(facts.x), y.saturating_sub(facts.y)),
                target => way(target),
            };
            (ActionKind::Skill, way, waits)
        }
        Act::DropItem => (ActionKind::DropItem, (0, 0), 0),
        Act::Respawn => return None,
    };
    Some(anti_cheat::Action {
        character,
        kind,
        input: intent.input,
        x: facts.x,
        y: facts.y,
        dx,
        dy,
        step_max: facts.step_max,
        vision: facts.vision,
        life: facts.life,
        mana_left: skill.map_or(facts.mana, |skill| skill.mana_left),
        cooldown,
    })
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
mod tests {
    use super::*;

    fn refused_by_host(facts: &Facts, intent: Intent, died_tick: Option<u32>) -> Option<Code> {
        super::refused_by_host(facts, None, intent, died_tick)
    }

    fn facts(dead: bool, cooldown_ticks: u32) -> Facts {
        let life = if dead { 0 } else { 10 };
        Facts {
            entity: 1,
            zone: realm_world::Zone::Dungeon,
            x: 0,
            y: 0,
            life,
            life_max: 10,
            mana: 0,
            mana_max: 0,
            mana_spent_tick: 20,
            cooldown_ticks,
            step_max: 5,
            vision: 100,
            dead,
        }
    }

    #[test]
    fn only_what_is_nobodys_fault_is_kept_from_the_rule() {
        let intent = |act, acknowledged_tick| Intent { input: 1, acknowledged_tick, act };
        let (step, blow) = (Act::Move { dx: 1, dy: 1 }, Act::Attack { target: 2 });
        let dead = facts(true, 0);
        assert_eq!(refused_by_host(&dead, intent(step, 9), Some(10)), Some(Code::ActorDead));
        assert_eq!(refused_by_host(&dead, intent(step, 10), Some(10)), None, "it knew, and is judged");
        assert_eq!(refused_by_host(&dead, intent(Act::Respawn, 9), Some(10)), None);
        assert_eq!(refused_by_host(&facts(false, 2), intent(blow, 1), None), Some(Code::ActTooSoon));
        assert_eq!(refused_by_host(&facts(false, 9), intent(blow, 1), None), None, "far too soon, and is judged");
        assert_eq!(refused_by_host(&facts(false, 2), intent(step, 1), None), None);

        let skill = |cooldown_ticks, mana_left| SkillFacts { cooldown_ticks, mana_left, reach: 0 };
        let (lively, spell) = (facts(false, 0), Act::Skill { skill: 0, target: 0, x: 0, y: 0 });
        let refused =
            |skill: SkillFacts, tick| super::refused_by_host(&lively, Some(&skill), intent(spell, tick), None);
        assert_eq!(refused(skill(2, 5), 30), Some(Code::ActTooSoon));
        assert_eq!(refused(skill(9, 5), 30), None, "far too soon, and is judged");
        assert_eq!(refused(skill(0, -1), 19), Some(Code::ManaTooLow), "it could not know");
        assert_eq!(refused(skill(0, -1), 20), None, "it knew, and is judged");
    }

    #[test]
    fn what_cannot_be_an_input_is_refused_with_its_code() {
        let slot = realm_world::PlayerSlot(0);
        assert_eq!(input(Act::DropItem, slot), Err(Code::ItemNotCarried));
        assert_eq!(input(Act::Attack { target: 70_000 }, slot), Err(Code::TargetUnknown));
        assert_eq!(input(Act::Attack { target: 7 }, slot), Ok(Input::Attack { slot, target: 7 }));
    }
}
