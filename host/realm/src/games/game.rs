//! One running game: its world, its players and their connections, owned by a tick thread.

use realm_protocol::proto;
use realm_world::{Event, Input, Map, PlayerSlot, View, World, Zone, log::Header};

use crate::{
    hooks::TickLane,
    types::{AccountId, Code, GameId, LinkFrame},
};

use super::{
    command::EnteringPlayer,
    events::{self, Audience},
    figures::{Meters, Phase},
    judge::{Judge, Origin},
    line::{Line, Loss},
    log::{Desk, Pen},
    player::{Parting, Player},
    reports::Reports,
};

/// How long players may be away and unsaved, in ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) reconnect_ticks: u32,
    pub(super) autosave_ticks: u32,
}

/// What a tick needs of its thread.
pub(super) struct TickTools<'thread> {
    pub(super) lane: &'thread mut TickLane,
    pub(super) reports: &'thread mut Reports,
    pub(super) desk: Option<&'thread Desk>,
    pub(super) meters: &'thread Meters,
    pub(super) patience: Patience,
}

/// A game.
pub(super) struct Game {
    id: GameId,
    world: World,
    /// By slot.
    players: Vec<Player>,
    /// Of the coming step, in the order in which they are applied.
    inputs: Vec<Input>,
    /// Who wished each of the inputs.
    origins: Vec<Origin>,
    events: Vec<Event>,
    judge: Judge,
    /// Writes the game's log.
    pen: Option<Pen>,
    // Kept between ticks for their memory alone.
    frames: Vec<LinkFrame>,
    view: View,
}

impl Game {
    pub(super) fn new(id: GameId, world: World, header: Option<&Header>) -> Self {
        Self {
            id,
            world,
            players: Vec::new(),
            inputs: Vec::new(),
            origins: Vec::new(),
            events: Vec::new(),
            judge: Judge::default(),
            pen: header.map(|header| Pen::new(id, header)),
            frames: Vec::new(),
            view: View::default(),
        }
    }

    /// Lets a player in; a known one comes back on its new link.
    pub(super) fn enter(&mut self, entering: EnteringPlayer) {
        let EnteringPlayer { account, character, slot, sheet, presence, mut link } = entering;
        if let Some(player) = self.players.iter_mut().find(|player| player.account == account) {
            player.come_back(Line::new(link));
            return;
        }
        let Some(sheet) = sheet else {
            let message = "The character has left the game meanwhile; join it again.";
            link.close(Code::GameNotJoined.as_str(), message);
            return;
        };
        let slot = PlayerSlot(slot);
        self.add_input(Input::Join { slot, sheet }, None);
        if let Some(pen) = &mut self.pen {
            pen.newcomer(slot, character);
        }
        let place = self.players.partition_point(|player| player.slot < slot);
        self.players.insert(place, Player::new(account, character, slot, presence, Line::new(link)));
    }

    #[cfg(test)]
    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Takes an account's character out at once.
    pub(super) fn leave(&mut self, account: AccountId, parting: &Parting, reports: &mut Reports) {
        if let Some(index) = self.players.iter().position(|player| player.account == account) {
            self.part(index, parting, reports);
        }
    }

    /// Takes everybody out.
    pub(super) fn leave_all(&mut self, parting: &Parting, reports: &mut Reports) {
        while !self.players.is_empty() {
            self.part(self.players.len() - 1, parting, reports);
        }
    }

    /// Gives up a game whose world can no longer be trusted: links close, leases go back, nothing is written.
    pub(super) fn abandon(&mut self, reports: &mut Reports) {
        for mut player in self.players.drain(..) {
            reports.save(player.progress(None, true));
            if let Some(line) = player.line.take() {
                line.close(Code::Internal, "The game broke off by a fault of the realm; join another one.");
            }
        }
    }

    /// The game is over, and with it its log.
    pub(super) fn end_log(&mut self, reason: &str, desk: Option<&Desk>) {
        if let (Some(mut pen), Some(desk)) = (self.pen.take(), desk) {
            pen.end(&self.world, reason, desk);
        }
    }

    fn part(&mut self, index: usize, parting: &Parting, reports: &mut Reports) {
        let mut player = self.players.remove(index);
        let sheet = player.entity.and_then(|_| self.world.sheet(player.slot));
        reports.save(player.progress(sheet, true));
        self.add_input(Input::Leave { slot: player.slot }, None);
        player.presence.lost();
        if let Some(line) = player.line.take() {
            line.close(parting.code, &parting.message);
        }
    }

    /// The one door to the world's inputs: what comes in here is what happens, in this order.
    fn add_input(&mut self, input: Input, origin: Origin) {
        self.inputs.push(input);
        self.origins.push(origin);
    }

    /// So many steps of 40 ms, more than one when the game was late: links are read once and written once. What came in between two
    /// ticks (joins, departures) is applied first. Returns the number of findings.
    pub(super) fn tick(&mut self, steps: u32, tools: &mut TickTools<'_>) -> u64 {
        let mut watch = tools.meters.watch(self.world.tick());
        // 1. What has arrived.
        for player in &mut self.players {
            player.take(&mut self.frames);
        }
        watch.lap(Phase::Take);
        self.events.clear();
        let mut findings = 0;
        for _ in 0..steps {
            // 2. The host's checks, and the rule's verdict on what is left.
            self.judge.collect(&self.world, &mut self.players);
            watch.lap(Phase::Checks);
            let Self { world, players, inputs, origins, judge, pen, .. } = self;
            findings += judge.decide(world, players, tools.lane, tools.reports, (inputs, origins), pen.as_mut());
            watch.lap(Phase::AntiCheat);
            // 3. The world, and what must be kept of it.
            let happened = self.events.len();
            self.step(tools.desk);
            self.keep(happened, tools);
            watch.lap(Phase::Step);
        }
        // 4. What each player may know.
        self.look();
        watch.lap(Phase::Snapshots);
        self.tell();
        watch.lap(Phase::Events);
        self.write();
        watch.lap(Phase::Write);
        // 5. Who leaves.
        self.part_from_leavers(tools.reports);
        findings
    }

    fn step(&mut self, desk: Option<&Desk>) {
        let happened = self.events.len();
        // Inputs of earlier steps of this tick are done, their wishers are still needed for the events.
        let earlier = self.origins.len() - self.inputs.len();
        self.world.step(&self.inputs, &mut self.events);
        if let (Some(pen), Some(desk)) = (&mut self.pen, desk) {
            pen.tick(&self.inputs, &self.world, desk);
        }
        self.inputs.clear();
        for event in &mut self.events[happened..] {
            if let Event::Refused { input_index, .. } = event {
                *input_index += earlier;
            }
        }
        for player in self.players.iter_mut().filter(|player| player.entity.is_none()) {
            player.entity = self.world.entity_of(player.slot);
            if player.entity.is_none() {
                tracing::error!(game = %self.id, account = %player.account, "the world took no character in");
                let message = "The realm has a fault; the character could not come into the game.".to_owned();
                player.parting = Some(Parting { code: Code::Internal, message });
            }
        }
    }

    /// What must outlive the tick, of what happened from this event on.
    fn keep(&mut self, happened: usize, tools: &mut TickTools<'_>) {
        let tick = self.world.tick();
        for event in &self.events[happened..] {
            let (entity, died) = match *event {
                Event::Died { entity, .. } => (entity, Some(tick)),
                Event::Respawned { entity } => (entity, None),
                Event::LevelUp { entity, .. } => {
                    if let Some(player) = self.players.iter_mut().find(|player| player.entity == Some(entity)) {
                        player.save_now = true;
                    }
                    continue;
                }
                _ => continue,
            };
            if let Some(player) = self.players.iter_mut().find(|player| player.entity == Some(entity)) {
                player.died_tick = died;
                player.save_now = true;
            }
        }
        let Patience { reconnect_ticks, autosave_ticks } = tools.patience;
        for player in &mut self.players {
            player.count_tick(reconnect_ticks, autosave_ticks);
            if player.save_now {
                let sheet = self.world.sheet(player.slot);
                tools.reports.save(player.progress(sheet, false));
            }
        }
    }

    /// Each player's view of the world as it is now.
    fn look(&mut self) {
        let Self { id, world, players, view, .. } = self;
        for player in players.iter_mut().filter(|player| player.entity.is_some()) {
            let Some(line) = &mut player.line else { continue };
            if greet(*id, world, player.slot, line).is_err() {
                player.lose_line();
                continue;
            }
            world.view(player.slot, view);
            line.look(view, world.tick());
        }
    }

    /// Gives each player the news of what happened within its view.
    fn tell(&mut self) {
        for event in &self.events {
            let (kind, audience) = events::describe(event);
            for (index, player) in self.players.iter_mut().enumerate().filter(|(_, player)| player.entity.is_some()) {
                let Some(line) = &mut player.line else { continue };
                match audience {
                    Audience::SeeingEither(one, other) if !line.sees(one) && !line.sees(other) => {}
                    Audience::Only(whose) if whose != player.slot => {}
                    Audience::SeeingEither(..) | Audience::Only(_) => {
                        line.news.push(proto::GameEvent { kind: kind.clone() });
                    }
                    Audience::Wisher { input_index, reason } => {
                        if let Some(Some((wisher, input))) = self.origins.get(input_index)
                            && *wisher == index
                        {
                            line.news.push(events::refused(*input, events::code(reason)));
                        }
                    }
                }
            }
        }
    }

    fn write(&mut self) {
        for player in self.players.iter_mut().filter(|player| player.entity.is_some()) {
            let Some(line) = &mut player.line else { continue };
            let Err(loss) = line.write() else { continue };
            tracing::debug!(account = %player.account, reason = %loss, "a game connection is given up");
            if matches!(loss, Loss::TooSlow)
                && let Some(line) = player.line.take()
            {
                let message = "Snapshots arrived faster than this connection took them; join the game again.";
                line.close(Code::SlowConsumer, message);
            }
            player.lose_line();
        }
    }

    fn part_from_leavers(&mut self, reports: &mut Reports) {
        // The inputs of this tick are done; departures are inputs of the next one.
        self.origins.clear();
        while let Some(index) = self.players.iter().position(|player| player.parting.is_some()) {
            if let Some(parting) = self.players[index].parting.take() {
                self.part(index, &parting, reports);
            }
        }
    }
}

/// Tells a new connection where it is, and one that has taken the stairs where it came to.
fn greet(game: GameId, world: &World, slot: PlayerSlot, line: &mut Line) -> Result<(), Loss> {
    let zone = world.facts(slot).map(|facts| facts.zone);
    if line.zone.is_none() {
        line.say(&proto::GameEntered { game_id: game.raw(), ..greeting(world, slot) }.into())?;
    } else if let Some(zone) = zone.filter(|zone| Some(*zone) != line.zone) {
        line.say(&zone_entered(world, zone).into())?;
    }
    line.zone = zone;
    Ok(())
}

fn number(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn zone_entered(world: &World, zone: Zone) -> proto::ZoneEntered {
    let map = world.map(zone);
    let (_, (stairs_x, stairs_y)) = world.stairs(zone);
    proto::ZoneEntered {
        tick: world.tick(),
        zone: zone.number().into(),
        zone_name: world.content().zone_name(zone).to_owned(),
        map_width: number(map.width()),
        map_height: number(map.height()),
        walls: map.walls_bits().into(),
        stairs_x: number(stairs_x),
        stairs_y: number(stairs_y),
    }
}

fn greeting(world: &World, slot: PlayerSlot) -> proto::GameEntered {
    let facts = world.facts(slot);
    let zone = facts.map_or(Zone::Town, |facts| facts.zone);
    let proto::ZoneEntered { tick, zone, zone_name, map_width, map_height, walls, stairs_x, stairs_y } =
        zone_entered(world, zone);
    let class = world.sheet(slot).map(|sheet| sheet.class);
    let skills = class.into_iter().flat_map(|class| world.content().skills(class)).map(|skill| proto::Skill {
        name: skill.name.to_owned(),
        kind: skill.kind.to_owned(),
        level: skill.level,
        mana: number(skill.mana),
        cooldown_ticks: skill.cooldown_ticks,
        reach: number(skill.reach),
    });
    proto::GameEntered {
        game_id: 0,
        entity: facts.map_or(0, |facts| facts.entity.into()),
        tick,
        map_width,
        map_height,
        tile_sub_tiles: number(Map::SUB_TILES),
        walls,
        step_max: facts.map_or(0, |facts| number(facts.step_max)),
        vision: facts.map_or(0, |facts| number(facts.vision)),
        zone,
        zone_name,
        skills: skills.collect(),
        belt_slots: u32::try_from(world.content().belt_slots()).unwrap_or(0),
        stairs_x,
        stairs_y,
    }
}
