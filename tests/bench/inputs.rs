//! What is measured with: lines of chat, acts, fights. The same at every run, and honest, so that the rules take their usual way.

use std::{fs, path::Path, sync::Arc};

use realm_plugin::{anti_cheat as native_acts, chat_filter as native_chat};
use realm_plugin_host::bindings::{anti_cheat as host_acts, chat_filter as host_chat};
use realm_protocol::Snapshot;
use realm_world::{
    Class, Content, Difficulty, EntityKind, EntityView, Event, Input, OwnView, PLAYERS_MAX, PlayerSlot, Sheet, View,
    Ways, World,
};

/// Bytes of a line of chat.
pub(crate) const LINE_BYTES: usize = 80;
/// How many accounts talk in turn: each so seldom that nobody floods.
const ACCOUNTS: u64 = 64;
/// How far apart the lines are.
const LINES_EVERY_MS: u64 = 100;
/// Openings of the lines, so that nobody says the same twice in a row.
const OPENINGS: [&str; 16] = [
    "Anyone",
    "Barbs",
    "Come",
    "Druids",
    "Everybody",
    "Friends",
    "Good",
    "Hey",
    "It is",
    "Just",
    "Kindly",
    "Look",
    "My",
    "Now",
    "Our",
    "Please",
];

/// Lines of chat without end.
#[derive(Default)]
pub(crate) struct Lines {
    said: u64,
}

/// One of them.
pub(crate) struct Said {
    pub(crate) account: u64,
    /// Place among [`texts`].
    pub(crate) text: usize,
    pub(crate) now_ms: u64,
}

impl Lines {
    pub(crate) fn next(&mut self) -> Said {
        let said = self.said;
        self.said += 1;
        // An account speaks once in a round of all accounts, and each time another line.
        let text = usize::try_from(said + said / ACCOUNTS).unwrap_or_default() % OPENINGS.len();
        Said { account: 1 + said % ACCOUNTS, text, now_ms: 1_000_000 + said * LINES_EVERY_MS }
    }
}

/// What is said.
pub(crate) fn texts() -> Vec<String> {
    let text = |opening: &str| {
        let mut text =
            format!("{opening} we meet at the old abbey at noon, bring potions and a bow; whoever is free joins us");
        text.truncate(LINE_BYTES);
        text
    };
    OPENINGS.into_iter().map(text).collect()
}

/// The lines as the rule sees them natively; account and time are to be filled in.
pub(crate) fn native_lines() -> Vec<native_chat::Line> {
    let line = |text| native_chat::Line {
        account: 0,
        account_name: "Anna".into(),
        destination: native_chat::Destination::Channel,
        target: "Lobby".into(),
        text,
        now_ms: 0,
    };
    texts().into_iter().map(line).collect()
}

/// The lines as the host hands them to a component; account and time are to be filled in.
pub(crate) fn host_lines() -> Vec<host_chat::Line> {
    let line = |text| host_chat::Line {
        account: 0,
        account_name: "Anna".into(),
        destination: host_chat::Destination::Channel,
        target: "Lobby".into(),
        text,
        now_ms: 0,
    };
    texts().into_iter().map(line).collect()
}

/// Moves a batch into another tick; the tick is the first number of an act.
pub(crate) fn set_tick(numbers: &mut [i32], numbers_per_action: u32, tick: i32) {
    for act in numbers.chunks_exact_mut(numbers_per_action as usize) {
        act[0] = tick;
    }
}

/// The acts of a tick: each character walks at its full legal speed, and every fourth strikes instead.
pub(crate) fn native_actions(count: u64) -> native_acts::Actions {
    let action = |character| {
        let strikes = character % 4 == 3;
        native_acts::Action {
            tick: 0,
            character,
            kind: if strikes { native_acts::ActionKind::Attack } else { native_acts::ActionKind::Move },
            x: 1_000,
            y: 2_000,
            dx: if strikes { 30 } else { 6 },
            dy: if strikes { 20 } else { 8 },
            step_max: 10,
            vision: 640,
            life: 50,
            mana_left: 10,
            cooldown: 0,
        }
    };
    (0..count).map(action).collect()
}

/// The same acts as the host hands them to a component.
pub(crate) fn host_actions(count: u64) -> host_acts::Actions {
    let action = |native: native_acts::Action| host_acts::Action {
        tick: native.tick,
        character: native.character,
        kind: match native.kind {
            native_acts::ActionKind::Attack => host_acts::ActionKind::Attack,
            _ => host_acts::ActionKind::Move,
        },
        x: native.x,
        y: native.y,
        dx: native.dx,
        dy: native.dy,
        step_max: native.step_max,
        vision: native.vision,
        life: native.life,
        mana_left: native.mana_left,
        cooldown: native.cooldown,
    };
    let actions: Vec<host_acts::Action> = native_actions(count).iter().map(action).collect();
    actions.iter().collect()
}

/// Ticks of a recorded fight: ten seconds.
pub(crate) const FIGHT_TICKS: usize = 250;
/// Ticks before it, in which players and monsters find each other.
const APPROACH_TICKS: u32 = 800;
/// Strong enough to last, and not so strong that nobody withstands.
const LEVEL: u32 = 20;
/// Of a place where both find each other.
const SEED: u64 = 7;

/// A stretch of a game, as it can be played again and again.
pub(crate) struct Fight {
    /// Before the first tick.
    pub(crate) start: World,
    /// What the players wish, tick by tick.
    pub(crate) inputs: Vec<Vec<Input>>,
    /// What happened.
    pub(crate) events: Vec<Event>,
    /// What the first player saw after each tick.
    pub(crate) seen: Vec<Snapshot>,
    /// Monsters in somebody's sight and alive, at the end.
    pub(crate) monsters_seen: usize,
}

impl Fight {
    /// Eight players among these monsters.
    pub(crate) fn record(content: Arc<Content>) -> Self {
        let mut world = World::new(content, Difficulty::Nightmare, SEED);
        let mut events = Vec::new();
        let join = |(slot, class)| {
            let sheet = Sheet { level: LEVEL, ..Sheet::newborn(class, false) };
            Input::Join { slot, sheet }
        };
        let joins: Vec<Input> = slots().zip(Class::ALL.into_iter().cycle()).map(join).collect();
        world.step(&joins, &mut events);
        let (mut view, mut roads) = (View::default(), Roads::default());
        for _ in 0..APPROACH_TICKS {
            let inputs = wishes(&world, &mut view, &mut roads);
            world.step(&inputs, &mut events);
        }
        let mut this =
            Self { start: world.clone(), inputs: Vec::new(), events: Vec::new(), seen: Vec::new(), monsters_seen: 0 };
        for _ in 0..FIGHT_TICKS {
            let inputs = wishes(&world, &mut view, &mut roads);
            world.step(&inputs, &mut this.events);
            this.inputs.push(inputs);
            world.view(PlayerSlot(0), &mut view);
            this.seen.push(realm::games::snapshot(&view, world.tick(), world.tick()));
        }
        let mut seen: Vec<u16> = slots().flat_map(|slot| living_monsters(&world, slot, &mut view)).collect();
        seen.sort_unstable();
        seen.dedup();
        this.monsters_seen = seen.len();
        this
    }
}

/// The built-in pack with another number of monsters, with players who begin in the dungeon, and that one hall, where many see
/// each other.
pub(crate) fn content_with_monsters(count: u32) -> Arc<Content> {
    let builtin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/world/content");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for entry in fs::read_dir(builtin).expect("the built-in pack") {
        let file = entry.expect("a file of the built-in pack").path();
        let text = fs::read_to_string(&file).expect("a file of the built-in pack");
        let text = text.replace("\ncount = 40\n", &format!("\ncount = {count}\n"));
        let text =
            text.replace("\nbegin = \"town\"\n", "\nbegin = \"dungeon\"\n").replace("\nrooms = 40\n", "\nrooms = 0\n");
        fs::write(folder.path().join(file.file_name().expect("a name")), text).expect("room for a small file");
    }
    Content::load(folder.path()).expect("a sound pack")
}

fn slots() -> impl Iterator<Item = PlayerSlot> {
    (0u8..).take(PLAYERS_MAX).map(PlayerSlot)
}

fn living_monsters(world: &World, slot: PlayerSlot, view: &mut View) -> Vec<u16> {
    world.view(slot, view);
    let living = view.entities.iter().filter(|entity| entity.kind == EntityKind::Monster && entity.life_percent > 0);
    living.map(|entity| entity.id).collect()
}

/// Each player goes to the nearest monster and strikes, every other time with a skill; without any in sight it goes to one place after the
/// other.
fn wishes(world: &World, view: &mut View, roads: &mut Roads) -> Vec<Input> {
    const REACH: i32 = 40;
    let mut inputs = Vec::new();
    let tick = world.tick();
    for slot in slots() {
        world.view(slot, view);
        let own = view.own;
        if own.life == 0 {
            inputs.push(Input::Respawn { slot });
            continue;
        }
        let far = |entity: &EntityView| (entity.x - own.x).pow(2) + (entity.y - own.y).pow(2);
        let living =
            view.entities.iter().filter(|entity| entity.kind == EntityKind::Monster && entity.life_percent > 0);
        let nearest = living.min_by_key(|entity| far(entity)).copied();
        let near = nearest.filter(|monster| far(monster) <= REACH * REACH);
        match near {
            Some(monster) if own.cooldown_ticks > 0 || tick.is_multiple_of(25) => {
                let (dx, dy) = (monster.x - own.x, monster.y - own.y);
                inputs.push(Input::Move { slot, dx: dx / 4, dy: dy / 4 });
            }
            Some(monster) if (tick / 15).is_multiple_of(2) && own.skill_ticks[0] == 0 => {
                inputs.push(Input::Skill { slot, skill: 0, target: monster.id, x: 0, y: 0 });
            }
            Some(monster) => inputs.push(Input::Attack { slot, target: monster.id }),
            None => {
                let map = world.map(own.zone);
                let (dx, dy) = match nearest.filter(|_| tick / 200 % 4 != 3) {
                    Some(monster) => roads.step(world, own, (monster.x, monster.y)),
                    // All of them to one corner after the other, so that they stay together and meet many.
                    None => {
                        let eighth = [(2, 2), (6, 2), (6, 6), (2, 6)][(tick / 400 % 4) as usize];
                        roads.step(world, own, (map.width() * 4 * eighth.0, map.height() * 4 * eighth.1))
                    }
                };
                inputs.push(Input::Move { slot, dx, dy });
            }
        }
    }
    inputs
}

/// Ways that were found, by the place to which they lead: players who go to the same place need them once.
#[derive(Default)]
struct Roads(Vec<((i32, i32), Ways)>);

impl Roads {
    const MAX: usize = 16;

    /// The step towards a place, or to the free tile that is nearest to it.
    fn step(&mut self, world: &World, own: OwnView, place: (i32, i32)) -> (i32, i32) {
        let map = world.map(own.zone);
        let tile = |(x, y): (i32, i32)| (x / 32, y / 32);
        let middle = |(x, y): (i32, i32)| (x * 32 + 16, y * 32 + 16);
        let goal = tile(place);
        if !self.0.iter().any(|(known, _)| *known == goal) {
            let far = |(x, y): &(i32, i32)| (x - goal.0).pow(2) + (y - goal.1).pow(2);
            let tiles = (0..map.height()).flat_map(|y| (0..map.width()).map(move |x| (x, y)));
            let free = tiles.filter(|(x, y)| !map.is_wall(*x, *y)).min_by_key(far).unwrap_or(goal);
            self.0.truncate(Self::MAX - 1);
            self.0.insert(0, (goal, map.ways_from(middle(free))));
        }
        let ways = self.0.iter().find(|(known, _)| *known == goal).map(|(_, ways)| ways);
        ways.and_then(|ways| ways.step_back((own.x, own.y), place, own.step_max)).unwrap_or((0, 0))
    }
}
