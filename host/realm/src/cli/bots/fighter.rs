//! The fighting half of a bot: walk to the nearest monster, strike, come back to life.

use realm_client::{ClientError, GameConnection, GameUpdate, Snapshot, proto};
use realm_protocol::snapshot::{Action, EntityKind};
use tokio::time::{Duration, Instant};

use super::player::Part;

/// A cheater begins after this many snapshots, so that it plays honestly first.
const HONEST_SNAPSHOTS: u64 = 25;
/// A bot that gets nowhere for so many snapshots goes another way for as many.
const STUCK_SNAPSHOTS: u32 = 10;
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
    let mut mind = Mind { dice: seed | 1, last: (0, 0), stuck: 0, detour: None };
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
                if let Err(error) = mind.act(&mut game, &snapshot, cheats).await {
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

/// What a bot remembers between snapshots.
struct Mind {
    dice: u64,
    last: (i32, i32),
    stuck: u32,
    detour: Option<((i32, i32), u32)>,
}

impl Mind {
    fn roll(&mut self) -> u64 {
        // xorshift64: good enough for a bot's mind.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice
    }

    async fn act(&mut self, game: &mut GameConnection, snapshot: &Snapshot, cheats: bool) -> Result<(), ClientError> {
        if snapshot.own.life == 0 {
            return game.respawn().await.map(drop);
        }
        let step_max = i32::try_from(game.entered().step_max).unwrap_or(8);
        let Some(own) = snapshot.entities.iter().find(|entity| entity.id == snapshot.own.entity) else { return Ok(()) };
        let (x, y) = (i32::from(own.x), i32::from(own.y));
        if cheats {
            // Five times the legal step: the realm applies one, and the rule counts a finding.
            return game.walk(step_max * 5, 0).await.map(drop);
        }
        let distance = |entity: &&realm_protocol::snapshot::EntityState| {
            let (dx, dy) = (i64::from(entity.x) - i64::from(x), i64::from(entity.y) - i64::from(y));
            dx * dx + dy * dy
        };
        let alive = |entity: &&realm_protocol::snapshot::EntityState| {
            entity.kind == EntityKind::Monster && entity.action != Action::Dead && entity.life_percent > 0
        };
        let nearest = snapshot.entities.iter().filter(alive).min_by_key(distance);
        if let Some(monster) = nearest
            && distance(&monster) <= 40 * 40
        {
            return if snapshot.own.cooldown_ticks == 0 { game.attack(monster.id).await.map(drop) } else { Ok(()) };
        }
        let (dx, dy) =
            self.way(x, y, nearest.map(|monster| (i32::from(monster.x) - x, i32::from(monster.y) - y)), step_max);
        game.walk(dx, dy).await.map(drop)
    }

    /// The next step: towards the goal, or around what is in the way.
    fn way(&mut self, x: i32, y: i32, goal: Option<(i32, i32)>, step_max: i32) -> (i32, i32) {
        self.stuck = if (x, y) == self.last { self.stuck + 1 } else { 0 };
        self.last = (x, y);
        if self.stuck >= STUCK_SNAPSHOTS || (goal.is_none() && self.detour.is_none()) {
            const DIRECTIONS: [(i32, i32); 8] = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];
            let roll = usize::try_from(self.roll() % 8).unwrap_or(0);
            let direction = DIRECTIONS[roll];
            self.detour = Some((direction, STUCK_SNAPSHOTS * if goal.is_none() { 6 } else { 2 }));
            self.stuck = 0;
        }
        if let Some((direction, left)) = self.detour {
            self.detour = (left > 1).then_some((direction, left - 1));
            // Seven tenths on both axes is a diagonal step of the legal length.
            let step = if direction.0 != 0 && direction.1 != 0 { step_max * 7 / 10 } else { step_max };
            return (direction.0 * step, direction.1 * step);
        }
        let (dx, dy) = goal.unwrap_or((0, 0));
        let length = i32::try_from((i64::from(dx) * i64::from(dx) + i64::from(dy) * i64::from(dy)).isqrt())
            .unwrap_or(i32::MAX)
            .max(1);
        (dx * step_max / length, dy * step_max / length)
    }
}
