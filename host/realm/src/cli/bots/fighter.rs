//! The fighting half of a bot: down the stairs, to the nearest monster, strike, come back to life.

use realm_client::{ClientError, GameConnection, GameUpdate, Snapshot, proto};
use realm_protocol::snapshot::{Action, EntityKind, EntityState};
use realm_world::{Map, Ways};
use tokio::time::{Duration, Instant};

use super::player::Part;

/// A cheater begins after this many snapshots, so that it plays honestly first.
const HONEST_SNAPSHOTS: u64 = 25;
/// After so many snapshots without a monster a bot looks elsewhere.
const GOAL_SNAPSHOTS: u64 = 400;
/// The squares of distances, in sub-tiles: from where a bot strikes, and takes the stairs.
const BLOW_REACH: i64 = 40 * 40;
const STAIRS_REACH: i64 = 56 * 56;
/// The number of the town among the levels of the world.
const TOWN: u32 = 0;
const STEP: Duration = Duration::from_millis(200);

/// What a bot did in its game.
#[derive(Debug, Default)]
pub(super) struct FightReport {
    pub(super) snapshots: u64,
    /// Gaps between snapshots, in microseconds.
    pub(super) gaps_us: Vec<u64>,
    pub(super) kills: u64,
    pub(super) deaths: u64,
    pub(super) levels: u64,
    /// Experience in the last snapshot.
    pub(super) experience: u64,
    pub(super) thrown_out: bool,
}

/// The realm has caught a cheater.
fn is_thrown_out(error: &ClientError) -> bool {
    matches!(error.code(), Some("ACCOUNT_BANNED" | "GAME_KICKED"))
}

pub(super) async fn fight(
    mut game: GameConnection,
    part: Part,
    seed: u64,
    end: Instant,
) -> Result<FightReport, ClientError> {
    let mut report = FightReport::default();
    let mut mind = Mind::new(seed);
    let mut last_snapshot: Option<Instant> = None;
    let own = game.entered().entity;
    while Instant::now() < end {
        let update = match game.next_within(STEP).await {
            Ok(update) => update,
            Err(ClientError::Deadline { .. }) => continue,
            Err(error) if is_thrown_out(&error) => {
                report.thrown_out = true;
                return Ok(report);
            }
            Err(error) => return Err(error),
        };
        match update {
            GameUpdate::Snapshot(snapshot) => {
                let now = Instant::now();
                if let Some(before) = last_snapshot.replace(now) {
                    report.gaps_us.push(u64::try_from((now - before).as_micros()).unwrap_or(u64::MAX));
                }
                report.snapshots += 1;
                report.experience = snapshot.own.experience;
                let cheats = part == Part::Cheater && report.snapshots > HONEST_SNAPSHOTS;
                let turn = Turn { snapshots: report.snapshots, cheats };
                if let Err(error) = mind.act(&mut game, &snapshot, turn).await {
                    report.thrown_out = is_thrown_out(&error);
                    return if report.thrown_out { Ok(report) } else { Err(error) };
                }
            }
            GameUpdate::Events(events) => count(&mut report, own, &events),
            GameUpdate::Message(_) => {}
        }
    }
    Ok(report)
}

fn count(report: &mut FightReport, own: u32, events: &proto::GameEvents) {
    use proto::game_event::Kind;
    for event in &events.events {
        match &event.kind {
            Some(Kind::Died(died)) if died.entity == own => report.deaths += 1,
            Some(Kind::Died(died)) if died.killer == own => report.kills += 1,
            Some(Kind::LevelUp(level_up)) if level_up.entity == own => report.levels += 1,
            _ => {}
        }
    }
}

/// A place in sub-tiles.
type Place = (i32, i32);

/// What a bot remembers between snapshots.
struct Mind {
    dice: u64,
    /// Where it goes, since which snapshot, and the ways from there.
    goal: Option<(Place, u64, Ways)>,
    zone: u32,
}

fn distance_squared((x, y): Place, (to_x, to_y): Place) -> i64 {
    let (dx, dy) = (i64::from(to_x) - i64::from(x), i64::from(to_y) - i64::from(y));
    dx * dx + dy * dy
}

fn tile((x, y): Place) -> Place {
    (x.div_euclid(Map::SUB_TILES), y.div_euclid(Map::SUB_TILES))
}

impl Mind {
    fn new(seed: u64) -> Self {
        Self { dice: seed | 1, goal: None, zone: u32::MAX }
    }

    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64: good enough for a bot's mind.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % u64::try_from(sides.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    async fn act(&mut self, game: &mut GameConnection, snapshot: &Snapshot, part: Turn) -> Result<(), ClientError> {
        if snapshot.own.life == 0 {
            return game.respawn().await.map(drop);
        }
        let step_max = i32::try_from(game.entered().step_max).unwrap_or(8);
        let Some(own) = snapshot.own_entity() else { return Ok(()) };
        let here = (i32::from(own.x), i32::from(own.y));
        if part.cheats {
            // Five times the legal step: the realm applies one, and the rule counts a finding.
            return game.walk(step_max * 5, 0).await.map(drop);
        }
        if game.entered().zone != self.zone {
            self.zone = game.entered().zone;
            self.goal = None;
        }
        let place = |one: &EntityState| (i32::from(one.x), i32::from(one.y));
        if self.zone == TOWN {
            let level = game.entered();
            let stairs = [level.stairs_x, level.stairs_y].map(|place| i32::try_from(place).unwrap_or(0)).into();
            if distance_squared(here, stairs) <= STAIRS_REACH {
                return game.take_stairs().await.map(drop);
            }
            return self.go(game, here, stairs, part.snapshots, step_max).await;
        }
        let alive =
            |one: &&EntityState| one.kind == EntityKind::Monster && one.action != Action::Dead && one.life_percent > 0;
        let nearest = snapshot.entities.iter().filter(alive).min_by_key(|one| distance_squared(here, place(one)));
        let ready = snapshot.own.cooldown_ticks == 0;
        if let Some(monster) = nearest {
            let far = distance_squared(here, place(monster));
            // The first skill while there is mana for it, then the weapon.
            let skill = game.entered().skills.first();
            let skill = skill
                .filter(|skill| far <= i64::from(skill.reach).pow(2) && u32::from(snapshot.own.mana) >= skill.mana);
            if ready && snapshot.own.skill_ticks[0] == 0 && skill.is_some() {
                return game.use_skill_on(0, monster.id).await.map(drop);
            }
            if far <= BLOW_REACH {
                return if ready { game.attack(monster.id).await.map(drop) } else { Ok(()) };
            }
        }
        let stale = |since: u64| part.snapshots.saturating_sub(since) > GOAL_SNAPSHOTS;
        let goal = match (nearest, &self.goal) {
            (Some(monster), _) => place(monster),
            (None, Some((goal, since, _))) if !stale(*since) && distance_squared(here, *goal) > BLOW_REACH => *goal,
            _ => self.somewhere(game),
        };
        self.go(game, here, goal, part.snapshots, step_max).await
    }

    /// A free place of the level that chance decides.
    fn somewhere(&mut self, game: &GameConnection) -> Place {
        let (width, height) = (game.entered().map_width, game.entered().map_height);
        for _ in 0..32 {
            let [x, y] = [width, height].map(|side| u32::try_from(self.roll(side as usize)).unwrap_or(0));
            if !game.is_wall(x, y) {
                let middle = |tile: u32| i32::try_from(tile).unwrap_or(0) * Map::SUB_TILES + Map::SUB_TILES / 2;
                return (middle(x), middle(y));
            }
        }
        self.goal.as_ref().map_or((0, 0), |(goal, _, _)| *goal)
    }

    /// A step towards a place, round walls. The ways are found anew only when the place lies in another tile.
    async fn go(
        &mut self,
        game: &mut GameConnection,
        here: Place,
        to: Place,
        snapshots: u64,
        step_max: i32,
    ) -> Result<(), ClientError> {
        if self.goal.as_ref().is_none_or(|(goal, _, _)| tile(*goal) != tile(to)) {
            let level = game.entered();
            let map = Map::from_walls(level.map_width, level.map_height, &level.walls);
            self.goal = map.map(|map| (to, snapshots, map.ways_from(to)));
        }
        let step = self.goal.as_ref().and_then(|(_, _, ways)| ways.step_back(here, to, step_max));
        let (dx, dy) = step.unwrap_or((0, 0));
        game.walk(dx, dy).await.map(drop)
    }
}

/// What a bot does at a snapshot depends on.
#[derive(Clone, Copy)]
struct Turn {
    /// Snapshots so far.
    snapshots: u64,
    cheats: bool,
}
