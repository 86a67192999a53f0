//! Playing over a real connection: reading snapshots, walking round walls, fighting.

use std::{collections::VecDeque, fs, path::Path, sync::Arc};

use realm_client::{Action, ClientError, EntityKind, EntityState, GameConnection, GameUpdate, Snapshot, proto};

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

/// The ways from one tile to all that can be reached.
struct Ways {
    width: i32,
    side: i32,
    /// For each tile the one before it on the shortest way.
    before: Vec<Option<Place>>,
    /// All that can be reached, the nearest first.
    reached: Vec<Place>,
}

impl Ways {
    fn from(game: &GameConnection, from: Place) -> Self {
        let entered = game.entered();
        let [width, height, side] = [entered.map_width, entered.map_height, entered.tile_sub_tiles]
            .map(|size| i32::try_from(size).expect("maps are small"));
        let is_wall = |(x, y): Place| match (u32::try_from(x), u32::try_from(y)) {
            (Ok(x), Ok(y)) => game.is_wall(x, y),
            _ => true,
        };
        let size = usize::try_from(width * height).expect("maps are small");
        let mut ways = Self { width, side, before: vec![None; size], reached: Vec::new() };
        let start = ways.tile(from);
        let index = ways.index(start);
        ways.before[index] = Some(start);
        let mut waiting = VecDeque::from([start]);
        while let Some(here @ (x, y)) = waiting.pop_front() {
            ways.reached.push(here);
            for there in [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)] {
                if !is_wall(there) && ways.before[ways.index(there)].is_none() {
                    let index = ways.index(there);
                    ways.before[index] = Some(here);
                    waiting.push_back(there);
                }
            }
        }
        ways
    }

    fn tile(&self, (x, y): Place) -> Place {
        (x.div_euclid(self.side), y.div_euclid(self.side))
    }

    fn index(&self, (x, y): Place) -> usize {
        usize::try_from(y * self.width + x).expect("inside the map")
    }

    /// Where to go first on the way to a place, and how many tiles are in between; `None` when no way leads there.
    fn towards(&self, target: Place) -> Option<(Place, u32)> {
        let (start, goal) = (self.reached[0], self.tile(target));
        let (mut next, mut tiles) = (goal, 0);
        while next != start {
            let before = self.before[self.index(next)]?;
            tiles += 1;
            if before == start {
                break;
            }
            next = before;
        }
        let middle = |tile: i32| tile * self.side + self.side / 2;
        Some((if tiles == 0 { target } else { (middle(next.0), middle(next.1)) }, tiles))
    }

    /// The legal step from here to a place in this tile or the next one. Into another tile goes along one axis, in the middle of the
    /// other: a body that is off the middle catches on corners.
    fn step(&self, game: &GameConnection, here: Place, next: Place) -> Place {
        const OFF_THE_MIDDLE_MAX: i32 = 2;
        let (from, to) = (self.tile(here), self.tile(next));
        let corner = if from.0 != to.0 && (next.1 - here.1).abs() > OFF_THE_MIDDLE_MAX {
            (here.0, next.1)
        } else if from.1 != to.1 && (next.0 - here.0).abs() > OFF_THE_MIDDLE_MAX {
            (next.0, here.1)
        } else {
            next
        };
        step(game, here, corner)
    }
}

/// The legal step from here towards a place, round walls, by the way with the fewest tiles.
pub fn step_round_walls(game: &GameConnection, from: Place, target: Place) -> Place {
    let ways = Ways::from(game, from);
    let (next, _) = ways.towards(target).expect("a way leads there");
    ways.step(game, from, next)
}

/// What one who looks for monsters does next.
pub enum Hunt {
    /// This monster is in reach.
    Near(u16),
    /// A legal step towards the nearest monster, or to where none was seen yet.
    Step(Place),
}

/// Looks for monsters.
pub fn hunt(game: &GameConnection, snapshot: &Snapshot) -> Hunt {
    let here = place(own(snapshot));
    let ways = Ways::from(game, here);
    let alive = |entity: &&EntityState| {
        entity.kind == EntityKind::Monster && entity.action != Action::Dead && entity.life_percent > 0
    };
    let monsters = snapshot.entities.iter().filter(alive);
    let reachable =
        monsters.filter_map(|monster| ways.towards(place(monster)).map(|(next, tiles)| (tiles, next, monster)));
    if let Some((tiles, next, monster)) = reachable.min_by_key(|(tiles, _, monster)| (*tiles, monster.id)) {
        if tiles <= 1 && distance_squared(here, place(monster)) <= 40 * 40 {
            return Hunt::Near(monster.id);
        }
        return Hunt::Step(ways.step(game, here, next));
    }
    // One quarter of the map after the other.
    let quarter = i32::try_from(snapshot.tick / 250 % 4).expect("there are four");
    let goal = (ways.width / 4 * (1 + quarter % 2 * 2), ways.width / 4 * (1 + quarter / 2 * 2));
    let nearest = ways.reached.iter().min_by_key(|tile| distance_squared(**tile, goal)).expect("the own tile at least");
    let middle = |tile: i32| tile * ways.side + ways.side / 2;
    let (next, _) = ways.towards((middle(nearest.0), middle(nearest.1))).expect("it can be reached");
    Hunt::Step(ways.step(game, here, next))
}

/// What a fighter does at this snapshot: to the nearest monster, and a blow whenever one is allowed.
async fn fight(game: &mut GameConnection, snapshot: &Snapshot) -> Result<(), ClientError> {
    if snapshot.own.life == 0 {
        return game.respawn().await.map(drop);
    }
    match hunt(game, snapshot) {
        Hunt::Near(monster) if snapshot.own.cooldown_ticks == 0 => game.attack(monster).await.map(drop),
        Hunt::Near(_) => Ok(()),
        Hunt::Step((dx, dy)) => game.walk(dx, dy).await.map(drop),
    }
}

/// Fights until the player has experience; returns it.
pub async fn fight_for_experience(game: &mut GameConnection) -> u64 {
    let fighting = async {
        loop {
            let snapshot = snapshot(game).await;
            if snapshot.own.experience > 0 {
                return snapshot.own.experience;
            }
            fight(game, &snapshot).await.expect("the realm reads");
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
    for file in ["classes.toml", "monsters.toml", "npcs.toml", "world.toml", "levels.toml"] {
        let mut text = fs::read_to_string(builtin.join(file)).expect("a file of the built-in pack");
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
