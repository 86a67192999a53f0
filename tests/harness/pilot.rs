//! Playing over a real connection: reading snapshots, walking round walls, fighting.

use std::{collections::VecDeque, fs, path::Path, sync::Arc};

use realm_client::{Action, EntityKind, EntityState, GameConnection, GameUpdate, Snapshot, proto};

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

/// The nearest living monster in view.
pub fn nearest_monster(snapshot: &Snapshot) -> Option<&EntityState> {
    let alive = |entity: &&EntityState| {
        entity.kind == EntityKind::Monster && entity.action != Action::Dead && entity.life_percent > 0
    };
    let here = place(own(snapshot));
    snapshot.entities.iter().filter(alive).min_by_key(|monster| distance_squared(here, place(monster)))
}

/// The legal step from here towards a place.
pub fn step(game: &GameConnection, (x, y): Place, (to_x, to_y): Place) -> Place {
    let step_max = i32::try_from(game.entered().step_max).expect("a step is short");
    let length = i32::try_from(distance_squared((x, y), (to_x, to_y)).isqrt()).expect("maps are small");
    let shorten = |way: i32| if length > step_max { way * step_max / length } else { way };
    (shorten(to_x - x), shorten(to_y - y))
}

/// The legal step from here towards a place, round walls, by the way with the fewest tiles.
pub fn step_round_walls(game: &GameConnection, from: Place, target: Place) -> Place {
    let entered = game.entered();
    let [width, height, side] =
        [entered.map_width, entered.map_height, entered.tile_sub_tiles].map(|size| i32::try_from(size).expect("small"));
    let tile = |(x, y): Place| (x.div_euclid(side), y.div_euclid(side));
    let index = |(x, y): Place| usize::try_from(y * width + x).expect("inside the map");
    let is_wall = |(x, y): Place| match (u32::try_from(x), u32::try_from(y)) {
        (Ok(x), Ok(y)) => game.is_wall(x, y),
        _ => true,
    };
    let (start, goal) = (tile(from), tile(target));
    // For each tile the next one on the way, found from the goal outwards.
    let mut next_of = vec![None; index((0, height))];
    next_of[index(goal)] = Some(goal);
    let mut waiting = VecDeque::from([goal]);
    while let Some(here @ (x, y)) = waiting.pop_front().filter(|_| next_of[index(start)].is_none()) {
        for there in [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)] {
            if !is_wall(there) && next_of[index(there)].is_none() {
                next_of[index(there)] = Some(here);
                waiting.push_back(there);
            }
        }
    }
    let next = next_of[index(start)].unwrap_or(goal);
    let to = if next == goal { target } else { (next.0 * side + side / 2, next.1 * side + side / 2) };
    step(game, from, to)
}

/// What a fighter does at this snapshot: to the nearest monster, a blow whenever one is allowed; otherwise across the map.
pub async fn fight(game: &mut GameConnection, snapshot: &Snapshot) {
    let here = place(own(snapshot));
    if snapshot.own.life == 0 {
        game.respawn().await.expect("the realm reads");
        return;
    }
    let middle = |size: u32| i32::try_from(size * 16).expect("maps are small");
    let target = match nearest_monster(snapshot) {
        Some(monster) if distance_squared(here, place(monster)) <= 40 * 40 => {
            if snapshot.own.cooldown_ticks == 0 {
                game.attack(monster.id).await.expect("the realm reads");
            }
            return;
        }
        Some(monster) => place(monster),
        None => (middle(game.entered().map_width), middle(game.entered().map_height)),
    };
    let (dx, dy) = step_round_walls(game, here, target);
    game.walk(dx, dy).await.expect("the realm reads");
}

/// Fights until the player has experience; returns it.
pub async fn fight_for_experience(game: &mut GameConnection) -> u64 {
    let fighting = async {
        loop {
            let snapshot = snapshot(game).await;
            if snapshot.own.experience > 0 {
                return snapshot.own.experience;
            }
            fight(game, &snapshot).await;
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
