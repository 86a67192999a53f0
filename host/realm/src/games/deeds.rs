//! What characters do and suffer in a tick, told to the plugins that want to hear of it.

use realm_world::{EntityId, Event, PlayerSlot, World};

use crate::hooks::{Happening, HappeningKind, Happenings};

use super::player::Player;

/// All potions are alike.
const POTION_QUALITY: &str = "normal";

/// Tells of the events of a step. When no plugin wants to hear of any of it, this costs a few atomic loads.
pub(super) fn tell(world: &World, players: &[Player], events: &[Event], happenings: &Happenings) {
    if ![HappeningKind::Kill, HappeningKind::Death, HappeningKind::Drop, HappeningKind::LevelUp]
        .into_iter()
        .any(|kind| happenings.wants(kind))
    {
        // The roll knows levels all the same.
        for event in events {
            if let Event::LevelUp { entity, level } = *event
                && let Some(player) = of_entity(players, entity)
            {
                happenings.roll().level_up(player.account, level);
            }
        }
        return;
    }
    for event in events {
        match *event {
            Event::Died { entity, killer } => {
                let slayer = world.slot_behind(killer).and_then(|slot| of_slot(players, slot));
                if let Some(slayer) = slayer.filter(|slayer| slayer.entity != Some(entity)) {
                    let opponent = name_of(world, players, entity, happenings);
                    happenings.tell(slayer.account, Happening::Kill { opponent });
                }
                if let Some(fallen) = of_entity(players, entity) {
                    let opponent = name_of(world, players, killer, happenings);
                    happenings.tell(fallen.account, Happening::Death { opponent });
                }
            }
            Event::Dropped { killer, potion } => {
                let slayer = world.slot_behind(killer).and_then(|slot| of_slot(players, slot));
                if let (Some(slayer), Some(name)) = (slayer, world.potion_name(potion)) {
                    let drop = Happening::Drop { base_type: name.to_owned(), quality: POTION_QUALITY };
                    happenings.tell(slayer.account, drop);
                }
            }
            Event::LevelUp { entity, level } => {
                if let Some(player) = of_entity(players, entity) {
                    happenings.roll().level_up(player.account, level);
                    happenings.tell(player.account, Happening::LevelUp { level });
                }
            }
            _ => {}
        }
    }
}

fn of_entity(players: &[Player], entity: EntityId) -> Option<&Player> {
    players.iter().find(|player| player.entity == Some(entity))
}

fn of_slot(players: &[Player], slot: PlayerSlot) -> Option<&Player> {
    players.iter().find(|player| player.slot == slot)
}

/// Type of a monster, or name of the character that it is or belongs to.
fn name_of(world: &World, players: &[Player], entity: EntityId, happenings: &Happenings) -> String {
    if let Some(kind) = world.monster_kind(entity) {
        return kind.to_owned();
    }
    let player = world.slot_behind(entity).and_then(|slot| of_slot(players, slot));
    let present = player.and_then(|player| happenings.roll().account(player.account));
    present.and_then(|present| Some(present.playing.as_ref()?.name.clone())).unwrap_or_default()
}
