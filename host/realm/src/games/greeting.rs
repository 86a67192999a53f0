//! What a connection is told when it comes into a game, or its player to another level.

use realm_protocol::proto;
use realm_world::{Map, PlayerSlot, World, Zone};

use crate::types::GameId;

use super::line::{Line, Loss};

/// Tells a new connection where it is, and one that has taken the stairs where it came to.
pub(super) fn greet(game: GameId, world: &World, slot: PlayerSlot, line: &mut Line) -> Result<(), Loss> {
    let zone = world.facts(slot).map(|facts| facts.zone);
    if line.zone.is_none() {
        line.say(&proto::GameEntered { game_id: game.raw(), ..greeting(world, slot) }.into())?;
    } else if let Some(zone) = zone.filter(|zone| Some(*zone) != line.zone) {
        line.say(&zone_entered(world, zone).into())?;
    }
    line.zone = zone;
    Ok(())
}

fn number(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn zone_entered(world: &World, zone: Zone) -> proto::ZoneEntered {
    let map = world.map(zone);
    let (_, (stairs_x, stairs_y)) = world.stairs(zone);
    proto::ZoneEntered {
        tick: world.tick(),
        zone: zone.number().into(),
        zone_name: world.content().zone_name(zone).to_owned(),
        map_width: number(map.width()),
        map_height: number(map.height()),
        walls: map.walls_bits().into(),
        stairs_x: number(stairs_x),
        stairs_y: number(stairs_y),
    }
}

fn greeting(world: &World, slot: PlayerSlot) -> proto::GameEntered {
    let facts = world.facts(slot);
    let zone = facts.map_or(Zone::Town, |facts| facts.zone);
    let proto::ZoneEntered { tick, zone, zone_name, map_width, map_height, walls, stairs_x, stairs_y } =
        zone_entered(world, zone);
    let class = world.sheet(slot).map(|sheet| sheet.class);
    let skills = class.into_iter().flat_map(|class| world.content().skills(class)).map(|skill| proto::Skill {
        name: skill.name.to_owned(),
        kind: skill.kind.to_owned(),
        level: skill.level,
        mana: number(skill.mana),
        cooldown_ticks: skill.cooldown_ticks,
        reach: number(skill.reach),
    });
    proto::GameEntered {
        game_id: 0,
        entity: facts.map_or(0, |facts| facts.entity.into()),
        tick,
        map_width,
        map_height,
        tile_sub_tiles: number(Map::SUB_TILES),
        walls,
        step_max: facts.map_or(0, |facts| number(facts.step_max)),
        vision: facts.map_or(0, |facts| number(facts.vision)),
        zone,
        zone_name,
        skills: skills.collect(),
        belt_slots: u32::try_from(world.content().belt_slots()).unwrap_or(0),
        stairs_x,
        stairs_y,
    }
}
