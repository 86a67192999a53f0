//! What a player may know: of itself, and of what is around.

use super::World;
use crate::{
    BELT_MAX, EntityId, PlayerSlot, SKILLS_PER_CLASS, Zone, content,
    geometry::{self, Point},
    items::{Look, Lying},
};

/// The appearances of monsters' missiles begin here, in the order of the monsters; below stand the skills of the classes.
pub(super) const MISSILE_OF_MONSTERS: u8 = 32;

/// What kind of entity it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A player's character.
    Player,
    /// A monster.
    Monster,
    /// One who lives in the town.
    Npc,
    /// A potion on the ground.
    Drop,
    /// An item on the ground.
    Item,
    /// A heap of gold on the ground.
    Gold,
    /// Stairs to the other level.
    Stairs,
    /// A missile in the air.
    Missile,
    /// One that fights for a player.
    Companion,
}

/// What an entity is seen doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Stands.
    Idle,
    /// Walks.
    Walk,
    /// Strikes.
    Attack,
    /// Casts a spell.
    Cast,
    /// Lies dead.
    Dead,
}

/// What a player sees of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityView {
    /// Who it is.
    pub id: EntityId,
    /// What kind.
    pub kind: EntityKind,
    /// Place of the class in [`Class::ALL`](crate::Class::ALL); row in the content pack of the monster, the one who lives in the town or the
    /// potion; for stairs the zone to which they lead; for companions and missiles the place of the class times three plus the number of
    /// the skill, and for missiles of monsters 32 plus the row of the monster; for an item the lower byte of its base's place in the content
    /// pack; for gold how many binary digits the amount has.
    pub appearance: u8,
    /// Position in sub-tiles.
    pub x: i32,
    /// Position in sub-tiles.
    pub y: i32,
    /// Of its full life, rounded down; at least 1 for the living and 0 for the dead.
    pub life_percent: u8,
    /// What it does.
    pub action: Action,
    /// 0 east, 1 south-east, 2 south … 7 north-east.
    pub facing: u8,
    /// Level, 1 to 99; for an item the upper byte of its base's place.
    pub level: u8,
    /// What lasts on it, a bit each: 1 poison, 2 burn, 4 slow, 8 might, 16 ward, 32 haste, 64 mend; for an item its place in
    /// [`Quality::ALL`](crate::items::Quality::ALL).
    pub effects: u8,
}

/// What a player knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnView {
    /// Who it is; 0 when nobody plays in the slot.
    pub entity: EntityId,
    /// Position in sub-tiles.
    pub x: i32,
    /// Position in sub-tiles.
    pub y: i32,
    /// 0 is dead.
    pub life: i32,
    /// With full life.
    pub life_max: i32,
    /// Mana.
    pub mana: i32,
    /// With full mana.
    pub mana_max: i32,
    /// Level, 1 to 99.
    pub level: u32,
    /// Experience in all.
    pub experience: u64,
    /// Until the next blow or skill is allowed.
    pub cooldown_ticks: u32,
    /// Until each skill of the class is allowed again.
    pub skill_ticks: [u32; SKILLS_PER_CLASS],
    /// Where it is.
    pub zone: Zone,
    /// The longest step in one tick now, in sub-tiles.
    pub step_max: i32,
    /// Potions carried: each a row of the content pack plus one; 0 is an empty place.
    pub belt: [u8; BELT_MAX],
}

/// What one player may know at one tick.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// Of itself.
    pub own: OwnView,
    /// Of everybody in sight, the player itself included, by rising id.
    pub entities: Vec<EntityView>,
}

impl World {
    /// Writes what this player may know into `out`, over what was there. Once `out` has room for every entity this allocates nothing.
    /// When nobody plays in the slot, `own.entity` is 0 and there are no entities.
    pub fn view(&self, slot: PlayerSlot, out: &mut View) {
        out.entities.clear();
        let Some(own) = self.player(slot) else {
            out.own = OwnView::default();
            return;
        };
        out.own = OwnView {
            entity: own.entity,
            x: own.at.x,
            y: own.at.y,
            life: own.life,
            life_max: own.life_max,
            mana: own.mana,
            mana_max: own.mana_max,
            level: own.sheet.level,
            experience: own.sheet.experience,
            cooldown_ticks: own.cooldown_ticks,
            skill_ticks: own.skill_ticks,
            zone: own.zone,
            step_max: own.step_now(),
            belt: own.belt,
        };
        let zone = own.zone;
        let sees = |at: Point| self.is_visible(zone, own.at, at);
        let thing = |id, kind, appearance, at: Point| EntityView {
            id,
            kind,
            appearance,
            x: at.x,
            y: at.y,
            life_percent: 100,
            action: Action::Idle,
            facing: 2,
            level: 1,
            effects: 0,
        };
        let players = self.players.iter().flatten().filter(|player| player.zone == zone);
        let players = players.filter(|player| sees(player.at)).map(|player| EntityView {
            id: player.entity,
            kind: EntityKind::Player,
            appearance: u8::try_from(content::class_index(player.sheet.class)).unwrap_or_default(),
            x: player.at.x,
            y: player.at.y,
            life_percent: percent(player.life, player.life_max),
            action: match action(player.is_dead(), player.swing_ticks, player.stride_ticks) {
                Action::Attack if player.casts => Action::Cast,
                action => action,
            },
            facing: player.facing,
            level: u8::try_from(player.sheet.level).unwrap_or(u8::MAX),
            effects: player.effects.bits(),
        });
        out.entities.extend(players);
        let corpse_ticks = self.content.rules.corpse_ticks;
        if zone == Zone::Dungeon {
            let monsters = self.monsters.iter().filter(|monster| monster.is_seen(corpse_ticks) && sees(monster.at));
            out.entities.extend(monsters.map(|monster| {
                let kind = &self.kinds[usize::from(monster.row)];
                EntityView {
                    life_percent: percent(monster.life, kind.life),
                    action: action(monster.is_dead(), monster.swing_ticks, monster.stride_ticks),
                    facing: monster.facing,
                    level: u8::try_from(kind.level).unwrap_or(u8::MAX),
                    effects: monster.effects.bits(),
                    ..thing(monster.entity, EntityKind::Monster, monster.row, monster.at)
                }
            }));
        } else {
            let npcs = self.npcs.iter().filter(|npc| sees(npc.at));
            out.entities.extend(npcs.map(|npc| thing(npc.entity, EntityKind::Npc, npc.row, npc.at)));
        }
        let stairs = self.map(zone).stairs();
        if sees(stairs) {
            let leads_to = zone.other().number();
            out.entities.push(thing(self.stairs[zone as usize], EntityKind::Stairs, leads_to, stairs));
        }
        let drops = self.drops.iter().filter(|drop| drop.zone == zone && sees(drop.at));
        out.entities.extend(drops.map(|drop| thing(drop.entity, EntityKind::Drop, drop.potion, drop.at)));
        let place = |lying: &Lying| Point { x: lying.x, y: lying.y };
        let lying = self.ground.seen().filter(|lying| lying.zone == zone && sees(place(lying)));
        out.entities.extend(lying.map(|lying| match lying.look {
            Look::Item { base, quality } => {
                let [appearance, level] = base.to_le_bytes();
                let seen = thing(lying.entity, EntityKind::Item, appearance, place(lying));
                EntityView { level, effects: quality as u8, ..seen }
            }
            Look::Gold { size } => thing(lying.entity, EntityKind::Gold, size, place(lying)),
        }));
        let missiles = self.missiles.iter().filter(|missile| missile.zone == zone && sees(missile.at));
        out.entities.extend(missiles.map(|missile| EntityView {
            facing: geometry::facing(missile.dx, missile.dy).unwrap_or(0),
            action: Action::Walk,
            ..thing(missile.entity, EntityKind::Missile, missile.appearance, missile.at)
        }));
        let companions = self.companions.iter().filter(|companion| companion.zone == zone && sees(companion.at));
        out.entities.extend(companions.map(|companion| EntityView {
            life_percent: percent(companion.life, companion.life_max),
            action: action(companion.life == 0, companion.swing_ticks, companion.stride_ticks),
            facing: companion.facing,
            level: u8::try_from(companion.level).unwrap_or(u8::MAX),
            effects: companion.effects.bits(),
            ..thing(companion.entity, EntityKind::Companion, companion.skill, companion.at)
        }));
        out.entities.sort_unstable_by_key(|entity| entity.id);
    }

    /// Whether a player at `eye` may know what is at `at`. This is the one place that decides it: by distance and by sight.
    fn is_visible(&self, zone: Zone, eye: Point, at: Point) -> bool {
        eye.within(at, self.content.rules.vision) && self.map(zone).sees(eye, at)
    }
}

fn percent(life: i32, life_max: i32) -> u8 {
    if life <= 0 {
        return 0;
    }
    let percent = i64::from(life) * 100 / i64::from(life_max.max(1));
    u8::try_from(percent.clamp(1, 100)).unwrap_or(100)
}

fn action(dead: bool, swing_ticks: u32, stride_ticks: u32) -> Action {
    match (dead, swing_ticks, stride_ticks) {
        (true, _, _) => Action::Dead,
        (false, 1.., _) => Action::Attack,
        (false, 0, 1..) => Action::Walk,
        (false, 0, 0) => Action::Idle,
    }
}
