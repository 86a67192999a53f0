//! What a player may know: of itself, and of what is around.

use super::World;
use crate::{EntityId, PlayerSlot, content, geometry::Point};

/// The host's facts about a player, for the checks that come before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Who it is.
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
    /// Until the next blow is allowed: 0 when it is in the coming step.
    pub cooldown_ticks: u32,
    /// The longest legal step in one tick, in sub-tiles.
    pub step_max: i32,
    /// How far the player sees, in sub-tiles.
    pub vision: i32,
    /// Does nothing until it comes back.
    pub dead: bool,
}

/// What kind of entity it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A player's character.
    Player,
    /// A monster.
    Monster,
    /// One who lives at the entrance.
    Npc,
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
    /// Place of the class in [`Class::ALL`](crate::Class::ALL), or row of the monster or of the one who lives here in the content pack.
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
    /// Level, 1 to 99.
    pub level: u8,
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
    /// Until the next blow is allowed.
    pub cooldown_ticks: u32,
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
    /// What the host's checks need to know of a player.
    #[must_use]
    pub fn facts(&self, slot: PlayerSlot) -> Option<Facts> {
        let player = self.player(slot)?;
        Some(Facts {
            entity: player.entity,
            x: player.at.x,
            y: player.at.y,
            life: player.life,
            life_max: player.life_max,
            mana: player.mana,
            mana_max: player.mana_max,
            cooldown_ticks: player.cooldown_ticks,
            step_max: player.step_max,
            vision: self.content.rules.vision,
            dead: player.is_dead(),
        })
    }

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
        };
        let players = self.players.iter().flatten();
        let players = players.filter(|player| self.is_visible(own.at, player.at)).map(|player| EntityView {
            id: player.entity,
            kind: EntityKind::Player,
            appearance: u8::try_from(content::class_index(player.sheet.class)).unwrap_or_default(),
            x: player.at.x,
            y: player.at.y,
            life_percent: percent(player.life, player.life_max),
            action: action(player.is_dead(), player.swing_ticks, player.stride_ticks),
            facing: player.facing,
            level: u8::try_from(player.sheet.level).unwrap_or(u8::MAX),
        });
        out.entities.extend(players);
        let corpse_ticks = self.content.rules.corpse_ticks;
        let monsters = self.monsters.iter().filter(|monster| monster.is_seen(corpse_ticks));
        let monsters = monsters.filter(|monster| self.is_visible(own.at, monster.at)).map(|monster| {
            let kind = &self.kinds[usize::from(monster.row)];
            EntityView {
                id: monster.entity,
                kind: EntityKind::Monster,
                appearance: monster.row,
                x: monster.at.x,
                y: monster.at.y,
                life_percent: percent(monster.life, kind.life),
                action: action(monster.is_dead(), monster.swing_ticks, monster.stride_ticks),
                facing: monster.facing,
                level: u8::try_from(kind.level).unwrap_or(u8::MAX),
            }
        });
        out.entities.extend(monsters);
        let npcs = self.npcs.iter().filter(|npc| self.is_visible(own.at, npc.at)).map(|npc| EntityView {
            id: npc.entity,
            kind: EntityKind::Npc,
            appearance: npc.row,
            x: npc.at.x,
            y: npc.at.y,
            life_percent: 100,
            action: Action::Idle,
            facing: 2,
            level: 1,
        });
        out.entities.extend(npcs);
        out.entities.sort_unstable_by_key(|entity| entity.id);
    }

    /// Whether a player at `eye` may know what is at `at`. This is the one place that decides it: by distance and by sight.
    fn is_visible(&self, eye: Point, at: Point) -> bool {
        eye.within(at, self.content.rules.vision) && self.map.sees(eye, at)
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
