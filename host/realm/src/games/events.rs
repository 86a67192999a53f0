//! What happened in a tick, as the clients are told, and who may know of it.

use realm_protocol::proto::{self, game_event::Kind};
use realm_world::{Content, EntityId, Event, PlayerSlot, RefusedReason};

use crate::types::Code;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everybody who sees one of them.
    SeeingEither(EntityId, EntityId),
    /// This player.
    Only(PlayerSlot),
    /// Nobody: the snapshots show it.
    Nobody,
    /// The player whose input, by its place in the step, was refused.
    Wisher { input_index: usize, reason: RefusedReason },
}

/// An event on the wire, without what only its receiver decides.
pub(super) fn describe(content: &Content, event: &Event) -> (Option<Kind>, Audience) {
    let near = |entity: EntityId| Audience::SeeingEither(entity, entity);
    match *event {
        Event::Damage { source, target, amount } => {
            let damage = proto::Damage { source: source.into(), target: target.into(), amount };
            (Some(Kind::Damage(damage)), Audience::SeeingEither(source, target))
        }
        Event::Died { entity, killer } => {
            let died = proto::Died { entity: entity.into(), killer: killer.into() };
            (Some(Kind::Died(died)), Audience::SeeingEither(entity, killer))
        }
        Event::Experience { slot, gained, total } => {
            (Some(Kind::Experience(proto::Experience { gained, total })), Audience::Only(slot))
        }
        Event::LevelUp { entity, level } => {
            (Some(Kind::LevelUp(proto::LevelUp { entity: entity.into(), level })), near(entity))
        }
        Event::Refused { input_index, reason, .. } => (None, Audience::Wisher { input_index, reason }),
        Event::Healed { entity, amount } => {
            (Some(Kind::Healed(proto::Healed { entity: entity.into(), amount })), near(entity))
        }
        Event::SkillUsed { entity, skill, x, y } => {
            let used = proto::SkillUsed { entity: entity.into(), skill: skill.into(), x, y };
            (Some(Kind::SkillUsed(used)), near(entity))
        }
        Event::Dropped { .. }
        | Event::Treasure { .. }
        | Event::Taken { .. }
        | Event::Laying { .. }
        | Event::Dealing { .. }
        | Event::Using { .. }
        | Event::Vanished { .. } => (None, Audience::Nobody),
        Event::Met { slot, entity, vendor } => {
            let name = content.npc_name(vendor).unwrap_or_default().to_owned();
            (Some(Kind::VendorMet(proto::VendorMet { entity: entity.into(), name })), Audience::Only(slot))
        }
        Event::Respawned { entity } => {
            (Some(Kind::Respawned(proto::Respawned { entity: entity.into() })), near(entity))
        }
    }
}

/// The refusal of one input.
pub(super) fn refused(input: u32, code: Code) -> proto::GameEvent {
    let refused = proto::ActRefused { input, code: code.as_str().to_owned() };
    proto::GameEvent { kind: Some(Kind::Refused(refused)) }
}

/// The stable code of a refusal by the world.
pub(super) fn code(reason: RefusedReason) -> Code {
    match reason {
        RefusedReason::TargetUnknown => Code::TargetUnknown,
        RefusedReason::TargetTooFar => Code::TargetTooFar,
        RefusedReason::ActorDead => Code::ActorDead,
        RefusedReason::ActorAlive => Code::ActorAlive,
        RefusedReason::ActTooSoon => Code::ActTooSoon,
        RefusedReason::SkillUnknown => Code::SkillUnknown,
        RefusedReason::ManaTooLow => Code::ManaTooLow,
        RefusedReason::BeltFull => Code::BeltFull,
        RefusedReason::PotionUnknown => Code::PotionUnknown,
        RefusedReason::RationTooSoon => Code::RationTooSoon,
        RefusedReason::GroundFull => Code::GroundFull,
        RefusedReason::GroundShare => Code::GroundShare,
    }
}
