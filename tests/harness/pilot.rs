//! Playing over a real connection: reading snapshots, walking round walls, fighting.

use std::{fs, path::Path, sync::Arc};

use realm_client::{Action, ClientError, EntityKind, EntityState, GameConnection, GameUpdate, Snapshot, proto};
use realm_world::{Map, Ways};

use super::DEADLINE;

/// A place in sub-tiles.
pub type Place = (i32, i32);

/// The next snapshot; what else comes is passed over.
pub async fn snapshot(game: &mut GameConnection) -> Arc<Snapshot> {
    let newest = |update: &GameUpdate| match update {
        GameUpdate::Snapshot(snapshot) => Some(Arc::clone(snapshot)),
        _ => None,
    };
    game.wait_for(DEADLINE, newest).await.expect("a snapshot")
}

/// Ticks from one snapshot to the next. A game that is late makes up to five at once and shows the last; none may be missing.
pub fn ticks_between(before: u32, now: u32) -> u32 {
    let ticks = now.checked_sub(before).expect("ticks rise");
    assert!((1..=5).contains(&ticks), "from tick {before} to tick {now}");
    ticks
}

/// The entity that the snapshot's player plays.
pub fn own(snapshot: &Snapshot) -> &EntityState {
    snapshot.entities.iter().find(|entity| entity.id == snapshot.own.entity).expect("players see themselves")
}

/// Where an entity stands.
pub fn place(entity: &EntityState) -> Place {
    (entity.x.into(), entity.y.into())
}

/// The square of the distance between two places.
pub fn distance_squared((x, y): Place, (to_x, to_y): Place) -> i64 {
    i64::from(to_x - x).pow(2) + i64::from(to_y - y).pow(2)
}

/// The legal step from here towards a place.
pub fn step(game: &GameConnection, (x, y): Place, (to_x, to_y): Place) -> Place {
    let step_max = i32::try_from(game.entered().step_max).expect("a step is short");
    let length = i32::try_from(distance_squared((x, y), (to_x, to_y)).isqrt()).expect("maps are small");
    let shorten = |way: i32| if length > step_max { way * step_max / length } else { way };
    (shorten(to_x - x), shorten(to_y - y))
}

/// The ways from a place to all that can be reached.
fn ways_from(game: &GameConnection, from: Place) -> Ways {
    let level = game.entered();
    Map::from_walls(level.map_width, level.map_height, &level.walls).expect("a sound map").ways_from(from)
}

fn step_max(game: &GameConnection) -> i32 {
    i32::try_from(game.entered().step_max).expect("a step is short")
}

/// The legal step from here towards a place, round walls, by the way with the fewest tiles.
pub fn step_round_walls(game: &GameConnection, from: Place, target: Place) -> Place {
    ways_from(game, from).step(from, target, step_max(game)).expect("a way leads there")
}

/// What one who looks for monsters does next.
pub enum Hunt {
    /// This monster is in reach.
    Near(u16),
    /// A legal step towards a monster, or to where none was seen yet.
    Step(Place),
}

/// One who looks for monsters: it keeps to one until it is dead or has vanished from where it was seen last.
#[derive(Default)]
pub struct Hunter {
    goal: Option<(u16, Place)>,
}

impl Hunter {
    /// Looks for monsters.
    pub fn hunt(&mut self, game: &GameConnection, snapshot: &Snapshot) -> Hunt {
        const NEAR: i64 = 40 * 40;
        let here = place(own(snapshot));
        let ways = ways_from(game, here);
        let alive = |entity: &&EntityState| {
            entity.kind == EntityKind::Monster && entity.action != Action::Dead && entity.life_percent > 0
        };
        let reachable = snapshot.entities.iter().filter(alive).filter_map(|monster| {
            let (_, tiles) = ways.towards(place(monster))?;
            Some((tiles, monster.id, place(monster)))
        });
        let reachable: Vec<_> = reachable.collect();
        let in_reach = |(tiles, _, there): &&(u32, u16, Place)| *tiles <= 1 && distance_squared(here, *there) <= NEAR;
        if let Some((_, id, there)) = reachable.iter().find(in_reach) {
            self.goal = Some((*id, *there));
            return Hunt::Near(*id);
        }
        self.goal = match self.goal {
            Some((id, seen)) => match reachable.iter().find(|(_, other, _)| *other == id) {
                Some((_, _, there)) => Some((id, *there)),
                None => Some((id, seen)).filter(|_| distance_squared(here, seen) > NEAR),
            },
            None => reachable.iter().min().map(|(_, id, there)| (*id, *there)),
        };
        let target = self.goal.map_or_else(|| search_place(game, &ways, snapshot.tick), |(_, there)| there);
        Hunt::Step(ways.step(here, target, step_max(game)).expect("it can be reached"))
    }
}

/// Where to look for monsters at this tick: one quarter of the map after the other.
fn search_place(game: &GameConnection, ways: &Ways, tick: u32) -> Place {
    let [width, height] =
        [game.entered().map_width, game.entered().map_height].map(|side| i32::try_from(side).expect("maps are small"));
    let quarter = i32::try_from(tick / 250 % 4).expect("there are four");
    let goal = (width / 4 * (1 + quarter % 2 * 2), height / 4 * (1 + quarter / 2 * 2));
    let nearest =
        ways.reached().iter().min_by_key(|tile| distance_squared(**tile, goal)).expect("the own tile at least");
    let middle = |tile: i32| tile * Map::SUB_TILES + Map::SUB_TILES / 2;
    (middle(nearest.0), middle(nearest.1))
}

/// The number of the town among the levels of the world.
pub const TOWN: u32 = 0;

/// Walks to the stairs and takes them; returns the first snapshot of the other level.
pub async fn take_stairs(game: &mut GameConnection) -> Arc<Snapshot> {
    let zone = game.entered().zone;
    let going = async {
        loop {
            let now = snapshot(game).await;
            if u32::from(now.own.zone) != zone {
                return now;
            }
            step_to_stairs(game, &now).await.expect("the realm reads");
        }
    };
    tokio::time::timeout(DEADLINE, going).await.expect("a way leads to the stairs")
}

/// One step towards the stairs, or the last one onto them.
pub async fn step_to_stairs(game: &mut GameConnection, snapshot: &Snapshot) -> Result<(), ClientError> {
    const REACH: i64 = 56 * 56;
    let here = place(own(snapshot));
    let level = game.entered();
    let stairs = [level.stairs_x, level.stairs_y].map(|place| i32::try_from(place).expect("maps are small"));
    if distance_squared(here, stairs.into()) <= REACH {
        return game.take_stairs().await.map(drop);
    }
    let (dx, dy) = step_round_walls(game, here, stairs.into());
    game.walk(dx, dy).await.map(drop)
}

/// What a fighter does at this snapshot: down the stairs, to the nearest monster, and a blow whenever one is allowed.
pub async fn fight(game: &mut GameConnection, hunter: &mut Hunter, snapshot: &Snapshot) -> Result<(), ClientError> {
    if snapshot.own.life == 0 {
        return game.respawn().await.map(drop);
    }
    if game.entered().zone == TOWN {
        return step_to_stairs(game, snapshot).await;
    }
    match hunter.hunt(game, snapshot) {
        Hunt::Near(monster) if snapshot.own.cooldown_ticks == 0 => game.attack(monster).await.map(drop),
        Hunt::Near(_) => Ok(()),
        Hunt::Step((dx, dy)) => game.walk(dx, dy).await.map(drop),
    }
}

/// Fights until the player has experience; returns it.
pub async fn fight_for_experience(game: &mut GameConnection) -> u64 {
    let mut hunter = Hunter::default();
    let fighting = async {
        loop {
            let snapshot = snapshot(game).await;
            if snapshot.own.experience > 0 {
                return snapshot.own.experience;
            }
            fight(game, &mut hunter, &snapshot).await.expect("the realm reads");
        }
    };
    tokio::time::timeout(DEADLINE * 3, fighting).await.expect("somebody who fights gets experience")
}

/// The code with which the game refuses an input.
pub async fn refusal(game: &mut GameConnection, input: u32) -> String {
    let refused = |update: &GameUpdate| {
        let GameUpdate::Events(events) = update else { return None };
        events.events.iter().find_map(|event| match &event.kind {
            Some(proto::game_event::Kind::Refused(refused)) if refused.input == input => Some(refused.code.clone()),
            _ => None,
        })
    };
    game.wait_for(DEADLINE, refused).await.expect("an answer to the input")
}

/// Writes the built-in content pack into a folder, with the values of keys replaced: (file, key, value), in every entry of the file.
pub fn content(folder: &Path, changes: &[(&str, &str, &str)]) {
    let builtin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/world/content");
    fs::create_dir_all(folder).expect("a folder for the content");
    for entry in fs::read_dir(builtin).expect("the built-in pack") {
        let file = entry.expect("a file of the built-in pack");
        let mut text = fs::read_to_string(file.path()).expect("a file of the built-in pack");
        let file = file.file_name();
        for (_, key, value) in changes.iter().filter(|(changed, _, _)| *changed == file) {
            let changed = |line: &str| match line.split_once(" = ") {
                Some((found, _)) if found == *key => format!("{key} = {value}\n"),
                _ => format!("{line}\n"),
            };
            text = text.lines().map(changed).collect();
        }
        fs::write(folder.join(file), text).expect("room for a small file");
    }
}
