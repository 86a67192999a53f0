//! A client's act as the world's input, as the host's own checks see it, and as the anti-cheat rule does.

use realm_plugin_host::bindings::anti_cheat::{Action, ActionKind};
use realm_world::{EntityId, Facts, Input, SkillFacts, World};

use crate::types::Code;

use super::inputs::{Act, Intent};

/// Ticks of what a client may not know of yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moments {
    /// When its character died, while it is dead.
    pub(super) died: Option<u32>,
    /// When its last blow or skill was carried out that had not to wait.
    pub(super) acted: Option<u32>,
}

/// An attack that comes so few ticks early is a stuttering network's work: the host refuses it and no rule is asked.
const EARLY_TICKS_INNOCENT: u32 = 3;

/// The world's input for a wish, or why there is none.
pub(super) fn input(act: Act, slot: realm_world::PlayerSlot) -> Result<Input, Code> {
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
        Act::DropItem { item } => Input::Drop { slot, item },
        Act::Deal { target, deal } => {
            Input::Deal { slot, target: entity(target)?, deal: deal.ok_or(Code::ItemNotSold)? }
        }
        Act::Use { item, on } => Input::Use { slot, item, on },
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
        Input::Drop { item, .. } => Act::DropItem { item },
        Input::Deal { target, deal, .. } => Act::Deal { target: target.into(), deal: Some(deal) },
        Input::Use { item, on, .. } => Act::Use { item, on },
        Input::Join { .. }
        | Input::Leave { .. }
        | Input::Bonus { .. }
        | Input::Wear { .. }
        | Input::Lay { .. }
        | Input::Confirm { .. }
        | Input::Recall { .. }
        | Input::GiveBack { .. } => return None,
    })
}

/// What the world says of the skill that an input uses.
pub(super) fn skill_facts(world: &World, input: &Input) -> Option<SkillFacts> {
    match *input {
        Input::Skill { slot, skill, .. } => world.skill_facts(slot, skill),
        _ => None,
    }
}

/// What the rule was asked about an input of a game that is repeated; `None` when it was not.
pub(super) fn asked(world: &World, character: u64, input: &Input) -> Option<Action> {
    let facts = world.facts(input.slot())?;
    action(world, &facts, skill_facts(world, input).as_ref(), character, act(input)?)
}

/// What the host knows for certain and can explain without guilt: no rule is asked about it.
pub(super) fn refused_by_host(
    facts: &Facts,
    skill: Option<&SkillFacts>,
    intent: Intent,
    moments: Moments,
) -> Option<Code> {
    let unaware_of = |moment: Option<u32>| moment.is_some_and(|tick| intent.acknowledged_tick < tick);
    // What was sent before the client could know of its death is nobody's fault.
    let unaware = unaware_of(moments.died);
    // Nor is what was sent before the client could know what its last skill had cost.
    let poor = skill.is_some_and(|skill| skill.mana_left < 0) && intent.acknowledged_tick < facts.mana_spent_tick;
    let waits = skill.map_or(facts.cooldown_ticks, |skill| skill.cooldown_ticks);
    match intent.act {
        Act::Respawn => None,
        _ if facts.dead && unaware => Some(Code::ActorDead),
        Act::Attack { .. } | Act::Skill { .. } if (1..=EARLY_TICKS_INNOCENT).contains(&waits) => Some(Code::ActTooSoon),
        // Nor is an act that came together with the one before, sent well apart, out of a network that had stood still.
        Act::Attack { .. } | Act::Skill { .. } if waits > 0 && unaware_of(moments.acted) => Some(Code::ActTooSoon),
        Act::Skill { .. } if poor => Some(Code::ManaTooLow),
        _ => None,
    }
}

/// The wish as the rule sees it; `None` for what it is not asked about.
pub(super) fn action(
    world: &World,
    facts: &Facts,
    skill: Option<&SkillFacts>,
    character: u64,
    act: Act,
) -> Option<Action> {
    // What is on another level is nowhere; who has just come up the stairs may still name it.
    let way = |target: u32| {
        let place = EntityId::try_from(target).ok().and_then(|target| world.position(target));
        let here = place.filter(|(zone, _, _)| *zone == facts.zone);
        here.map_or((0, 0), |(_, x, y)| (x - facts.x, y - facts.y))
    };
    let (kind, (dx, dy), cooldown) = match act {
        Act::Move { dx, dy } => (ActionKind::Move, (dx, dy), 0),
        Act::Attack { target } => (ActionKind::Attack, way(target), facts.cooldown_ticks),
        Act::Interact { target } | Act::PickUp { target, .. } | Act::Deal { target, .. } => {
            (ActionKind::Interact, way(target), 0)
        }
        Act::Drink { .. } | Act::Use { .. } => (ActionKind::Interact, (0, 0), 0),
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
        Act::DropItem { .. } => (ActionKind::DropItem, (0, 0), 0),
        Act::Respawn => return None,
    };
    Some(Action {
        tick: world.tick().wrapping_add(1),
        character,
        kind,
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

/// True for a blow or skill for which nothing has to be waited any more: the next one has to.
pub(super) fn begins_a_wait(facts: &Facts, skill: Option<&SkillFacts>, act: Act) -> bool {
    match act {
        Act::Attack { .. } => facts.cooldown_ticks == 0,
        Act::Skill { .. } => skill.is_some_and(|skill| skill.cooldown_ticks == 0 && skill.mana_left >= 0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_by_host(facts: &Facts, intent: Intent, died: Option<u32>) -> Option<Code> {
        super::refused_by_host(facts, None, intent, Moments { died, acted: None })
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
        let refused = |skill: SkillFacts, tick| {
            super::refused_by_host(&lively, Some(&skill), intent(spell, tick), Moments::default())
        };
        assert_eq!(refused(skill(2, 5), 30), Some(Code::ActTooSoon));
        assert_eq!(refused(skill(9, 5), 30), None, "far too soon, and is judged");
        assert_eq!(refused(skill(0, -1), 19), Some(Code::ManaTooLow), "it could not know");
        assert_eq!(refused(skill(0, -1), 20), None, "it knew, and is judged");

        let acted = Moments { died: None, acted: Some(12) };
        let second = |act, tick| super::refused_by_host(&facts(false, 9), None, intent(act, tick), acted);
        assert_eq!(second(blow, 11), Some(Code::ActTooSoon), "it could not know that the first had come only now");
        assert_eq!(second(blow, 12), None, "it knew, and is judged");
        assert_eq!(second(step, 11), None, "nobody waits for a step");
    }

    #[test]
    fn what_cannot_be_an_input_is_refused_with_its_code() {
        let slot = realm_world::PlayerSlot(0);
        assert_eq!(input(Act::Drink { place: 256 }, slot), Err(Code::PotionUnknown));
        assert_eq!(input(Act::Attack { target: 70_000 }, slot), Err(Code::TargetUnknown));
        assert_eq!(input(Act::Attack { target: 7 }, slot), Ok(Input::Attack { slot, target: 7 }));
    }
}
