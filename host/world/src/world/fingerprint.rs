//! One number for the whole simulated state, to compare worlds by.

use super::{
    Npc, World,
    monster::{Detour, Monster, Mood},
    player::Player,
};
use crate::{Attributes, Sheet, content, hash::StableHash};

impl World {
    /// A hash of everything that is simulated. It depends on nothing else: not on the machine, the version of the compiler or the clock.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        // Taking everything apart by name makes the compiler ask about each field that is added. Kinds follow from content and difficulty.
        let World { content, difficulty, kinds: _, map, dice, tick, entity_last, players, monsters, npcs } = self;
        let mut hash = StableHash::new();
        hash.u64(content.hash());
        hash.text(difficulty.name());
        map.hash_into(&mut hash);
        hash.u64(dice.fingerprint());
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
        hash.finish()
    }
}

fn hash_player(hash: &mut StableHash, player: &Player) {
    let Player {
        entity,
        sheet,
        at,
        facing,
        life,
        life_max,
        mana,
        mana_max,
        cooldown_ticks,
        swing_ticks,
        stride_ticks,
        step_left,
        step_max,
    } = player;
    let Sheet { class, level, experience, attributes, hardcore, dead } = sheet;
    let Attributes { strength, dexterity, vitality, energy } = attributes;
    hash.u64(content::class_index(*class) as u64);
    hash.u64(*experience);
    for flag in [hardcore, dead] {
        hash.u8(u8::from(*flag));
    }
    hash.u8(*facing);
    for number in [level, strength, dexterity, vitality, energy, cooldown_ticks, swing_ticks, stride_ticks] {
        hash.u32(*number);
    }
    hash.u32(u32::from(*entity));
    for number in [&at.x, &at.y, life, life_max, mana, mana_max, step_left, step_max] {
        hash.i32(*number);
    }
}

fn hash_monster(hash: &mut StableHash, monster: &Monster) {
    let Monster { entity, row, at, home, facing, life, mood, cooldown_ticks, swing_ticks, stride_ticks, detour } =
        monster;
    hash.u32(u32::from(*entity));
    hash.u8(*row);
    hash.u8(*facing);
    for number in [at.x, at.y, home.x, home.y, *life] {
        hash.i32(number);
    }
    let (mood, about) = match mood {
        Mood::Rest => (0, 0),
        Mood::Hunt(prey) => (1, u32::from(*prey)),
        Mood::Return(since) => (2, *since),
        Mood::Dead(since) => (3, *since),
    };
    hash.u8(mood);
    for number in [about, *cooldown_ticks, *swing_ticks, *stride_ticks] {
        hash.u32(number);
    }
    let (side, ticks_left) = match detour {
        None => (0, 0),
        Some(Detour { clockwise, ticks_left }) => (1 + u8::from(*clockwise), *ticks_left),
    };
    hash.u8(side);
    hash.u32(ticks_left);
}
