//! One number for the whole simulated state, to compare worlds by.

use super::{
    Npc, Strain, World,
    combat::Strike,
    companion::Companion,
    drops::Drop,
    missile::Missile,
    monster::{Detour, Monster, Mood},
    player::Player,
};
use crate::{Attributes, Sheet, content, hash::StableHash};

impl World {
    /// A hash of everything that is simulated. It depends on nothing else: not on the machine, the version of the compiler or the clock.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        // Taking everything apart by name makes the compiler ask about each field that is added. Kinds follow from content and difficulty.
        let World {
            content,
            difficulty,
            kinds: _,
            maps,
            stairs,
            dice,
            loot_dice,
            tick,
            entity_last,
            players,
            monsters,
            npcs,
            companions,
            missiles,
            drops,
            ground,
            gone: _,
            fields,
        } = self;
        let mut hash = StableHash::new();
        hash.u64(content.hash());
        hash.text(difficulty.name());
        maps.iter().for_each(|map| map.hash_into(&mut hash));
        stairs.iter().for_each(|entity| hash.u32(u32::from(*entity)));
        hash.u64(dice.fingerprint());
        hash.u64(loot_dice.fingerprint());
        hash.u32(*tick);
        hash.u32(u32::from(*entity_last));
        for player in players {
            hash.u8(u8::from(player.is_some()));
            if let Some(player) = player {
                hash_player(&mut hash, player);
            }
        }
        for monster in monsters {
            hash_monster(&mut hash, monster);
        }
        for Npc { entity, row, at } in npcs {
            hash.u32(u32::from(*entity));
            hash.u8(*row);
            hash.i32(at.x);
            hash.i32(at.y);
        }
        companions.iter().for_each(|companion| hash_companion(&mut hash, companion));
        missiles.iter().for_each(|missile| hash_missile(&mut hash, missile));
        for Drop { entity, zone, at, potion, ticks_left } in drops {
            hash.u32(u32::from(*entity));
            hash.bytes(&[zone.number(), *potion]);
            hash.i32(at.x);
            hash.i32(at.y);
            hash.u32(*ticks_left);
        }
        ground.hash_into(&mut hash);
        fields.iter().for_each(|field| field.hash_into(&mut hash));
        hash.finish()
    }
}

fn hash_player(hash: &mut StableHash, player: &Player) {
    let Player {
        entity,
        sheet,
        strain: Strain { dealt, suffered },
        zone,
        at,
        facing,
        life,
        life_max,
        mana,
        mana_max,
        mana_spent_tick,
        cooldown_ticks,
        skill_ticks,
        ration_ticks,
        aura,
        effects,
        belt,
        swing_ticks,
        casts,
        stride_ticks,
        step_left,
        step_max,
        // What `hash_hidden_into` adds, and what follows from that and the sheet.
        ..
    } = player;
    let Sheet { class, level, experience, attributes, hardcore, dead } = sheet;
    let Attributes { strength, dexterity, vitality, energy } = attributes;
    hash.u64(content::class_index(*class) as u64);
    hash.u64(*experience);
    for flag in [hardcore, dead, casts] {
        hash.u8(u8::from(*flag));
    }
    hash.u8(*facing);
    hash.u8(zone.number());
    hash.bytes(belt);
    effects.hash_into(hash);
    let (aura, aura_ticks) = aura.map_or((u8::MAX, 0), |aura| aura);
    hash.u8(aura);
    hash.u32(*dealt);
    hash.u32(*suffered);
    let attributes = [*level, *strength, *dexterity, *vitality, *energy];
    let times = [*mana_spent_tick, *cooldown_ticks, *ration_ticks, *swing_ticks, *stride_ticks, aura_ticks];
    for number in attributes.into_iter().chain(times).chain(*skill_ticks) {
        hash.u32(number);
    }
    hash.u32(u32::from(*entity));
    let pools = [at.x, at.y, *life, *life_max, *mana, *mana_max, *step_left, *step_max];
    pools.into_iter().for_each(|number| hash.i32(number));
    player.hash_hidden_into(hash);
}

fn hash_monster(hash: &mut StableHash, monster: &Monster) {
    let Monster {
        entity,
        row,
        at,
        home,
        facing,
        life,
        mood,
        fled,
        cooldown_ticks,
        swing_ticks,
        stride_ticks,
        detour,
        effects,
    } = monster;
    hash.u32(u32::from(*entity));
    hash.u8(*row);
    hash.u8(*facing);
    for number in [at.x, at.y, home.x, home.y, *life] {
        hash.i32(number);
    }
    let (mood, about, since) = match mood {
        Mood::Rest => (0, 0, 0),
        Mood::Hunt(prey) => (1, u32::from(*prey), 0),
        Mood::Return(since) => (2, 0, *since),
        Mood::Dead(since) => (3, 0, *since),
        Mood::Flee(prey, ticks_left) => (4, u32::from(*prey), *ticks_left),
        Mood::Patrol(to, since) => {
            hash.i32(to.x);
            hash.i32(to.y);
            (5, 0, *since)
        }
    };
    hash.u8(u8::from(*fled));
    effects.hash_into(hash);
    hash.u8(mood);
    for number in [about, since, *cooldown_ticks, *swing_ticks, *stride_ticks] {
        hash.u32(number);
    }
    let (side, ticks_left) = match detour {
        None => (0, 0),
        Some(Detour { clockwise, ticks_left }) => (1 + u8::from(*clockwise), *ticks_left),
    };
    hash.u8(side);
    hash.u32(ticks_left);
}

fn hash_companion(hash: &mut StableHash, companion: &Companion) {
    let Companion {
        entity,
        owner,
        skill,
        zone,
        at,
        facing,
        life,
        life_max,
        level,
        step,
        attack_ticks,
        damage,
        ticks_left,
        cooldown_ticks,
        swing_ticks,
        stride_ticks,
        effects,
    } = companion;
    hash.u32(u32::from(*entity));
    hash.bytes(&[owner.0, *skill, zone.number(), *facing]);
    for number in [at.x, at.y, *life, *life_max, *step, damage.0, damage.1] {
        hash.i32(number);
    }
    for number in [level, attack_ticks, ticks_left, cooldown_ticks, swing_ticks, stride_ticks] {
        hash.u32(*number);
    }
    effects.hash_into(hash);
}

fn hash_missile(hash: &mut StableHash, missile: &Missile) {
    let Missile { entity, appearance, zone, at, dx, dy, ticks_left, strike } = missile;
    let Strike { source, by_player, level, rating, damage, effect } = strike;
    hash.bytes(&[*appearance, zone.number(), u8::from(*by_player)]);
    for number in [u32::from(*entity), *ticks_left, u32::from(*source), *level] {
        hash.u32(number);
    }
    for number in [at.x, at.y, *dx, *dy, damage.0, damage.1, rating.unwrap_or(i32::MIN)] {
        hash.i32(number);
    }
    if let Some(effect) = effect {
        hash.u8(1 + effect.kind as u8);
        hash.u32(effect.ticks);
        hash.i32(effect.amount);
    }
}
