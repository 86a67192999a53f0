//! One running game: its world, its players and their connections, owned by a tick thread.

use std::{sync::Arc, time::Instant};

use realm_protocol::proto;
use realm_world::{Event, Input, PlayerSlot, Sheet, View, World, log::Header};
use tokio::sync::mpsc;

use crate::{
    characters::Place,
    types::{
        AccountId, CharacterId, Code, GameId,
        faults::{self, Bug},
    },
};

use super::{
    command::EnteringPlayer,
    deeds,
    errands::Errands,
    events::{self, Audience},
    figures::{Meters, Phase, Watch},
    greeting::greet,
    judge::{Case, Judge, Origin},
    keeper::{Errand, Word},
    line::{Line, Loss},
    log::{Desk, Pen},
    outfits::Brought,
    player::{Parting, Player},
    reports::Reports,
    stage::{Patience, Scratch, Stage, TickTools},
};

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
    /// Who knows what lies on the ground.
    errands: Errands,
    /// Writes the game's log.
    pen: Option<Pen>,
    /// Steps of the running tick: more than one when the game was late.
    steps: u32,
    /// What its players wish in the running tick.
    case: Case,
    /// What the rule has found in the running tick.
    findings: u64,
    watch: Watch,
}

impl Game {
    pub(super) fn new(id: GameId, world: World, header: Option<&Header>, keeper: Option<mpsc::Sender<Errand>>) -> Self {
        Self {
            id,
            world,
            players: Vec::new(),
            inputs: Vec::new(),
            origins: Vec::new(),
            events: Vec::new(),
            errands: Errands::new(keeper),
            pen: header.map(|header| Pen::new(id, header)),
            steps: 0,
            case: Case::default(),
            findings: 0,
            watch: Watch::default(),
        }
    }

    /// Lets a player in; a known one comes back on its new link.
    pub(super) fn enter(&mut self, entering: EnteringPlayer) {
        let EnteringPlayer { account, character, slot, sheet, brought, presence, mut link } = entering;
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
        brought.outfit.inputs(slot).for_each(|input| self.add_input(input, None));
        if let Some(pen) = &mut self.pen {
            pen.newcomer(slot, character);
        }
        let place = self.players.partition_point(|player| player.slot < slot);
        self.players.insert(place, Player::new(account, character, (slot, brought), presence, Line::new(link)));
    }

    /// What came of an errand.
    pub(super) fn hear(&mut self, word: Word) {
        if let Some(input) = word.input {
            self.add_input(input, None);
        }
        let Some((finder, event)) = word.news else { return };
        let tick = self.world.tick();
        let known = |player: &&mut Player| player.character == finder.character && player.brought.epoch == finder.epoch;
        if let Some(player) = self.players.iter_mut().find(known) {
            player.hear(&finder, event, tick);
        }
    }

    /// A player wears something else from now on; what is older than what is known is passed over.
    pub(super) fn wear(&mut self, character: CharacterId, brought: &Brought) {
        let known = |player: &&mut Player| player.character == character && player.brought.epoch == brought.epoch;
        let Some(player) = self.players.iter_mut().find(known) else { return };
        if player.brought.version >= brought.version {
            return;
        }
        // What came before is what the old things have gone through.
        let slot = player.slot;
        if player.entity.is_some()
            && let Some(strain) = self.world.strain(slot)
        {
            player.wearing.settle(&player.brought.gear, strain);
        }
        player.brought.version = brought.version;
        player.brought.gear = Arc::clone(&brought.gear);
        brought.outfit.inputs(slot).for_each(|input| self.add_input(input, None));
    }

    /// A player goes home.
    pub(super) fn recall(&mut self, character: CharacterId, epoch: i64) {
        let known = |player: &&Player| player.character == character && player.brought.epoch == epoch;
        if let Some(slot) = self.players.iter().find(known).map(|player| player.slot) {
            self.add_input(Input::Recall { slot }, None);
        }
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
        let worn = player.wear_down(&self.world);
        self.errands.wear(&player, worn);
        let kept = player.entity.and_then(|_| kept(&self.world, &player));
        reports.save(player.progress(kept, true));
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

    /// A tick of so many steps of 40 ms begins: links are read once and written once, however many steps there are. What came in
    /// between two ticks (joins, departures) is applied first.
    pub(super) fn begin_tick(&mut self, steps: u32) {
        (self.steps, self.findings) = (steps, 0);
        self.watch = Watch::over(self.world.tick());
    }

    /// Does one stage of the running tick.
    pub(super) fn run(&mut self, stage: Stage, tools: &mut TickTools<'_>) {
        self.watch.go_on();
        match stage {
            Stage::Take => {
                let now = Instant::now();
                for player in &mut self.players {
                    player.take(&mut tools.scratch.arrivals, self.world.content().items(), now);
                }
                self.watch.lap(Phase::Take);
                self.events.clear();
            }
            Stage::Collect => self.collect(&mut tools.scratch.judge),
            Stage::Decide => {
                self.decide(tools);
                self.watch.add(Phase::AntiCheat, tools.scratch.judge.share(&self.case));
            }
            Stage::Step => {
                self.step(tools);
                for _ in 1..self.steps {
                    self.catch_up(tools);
                }
            }
            Stage::Look => {
                let Scratch { view, bodies, .. } = tools.scratch;
                self.look(view, bodies);
                self.watch.lap(Phase::Snapshots);
            }
            Stage::Write => {
                self.tell();
                self.watch.lap(Phase::Events);
                let now = Instant::now();
                self.each_line(|line| line.write(&tools.scratch.bodies, now));
                self.watch.lap(Phase::Write);
            }
            Stage::Send => {
                self.each_line(Line::send);
                self.watch.lap(Phase::Write);
                self.part_from_leavers(tools.reports);
            }
        }
    }

    /// The tick is over. Returns the number of findings.
    pub(super) fn end_tick(&mut self, meters: &Meters) -> u64 {
        meters.take(&self.watch);
        self.findings
    }

    fn collect(&mut self, judge: &mut Judge) {
        self.case = judge.collect(&self.world, &mut self.players);
        self.watch.lap(Phase::Checks);
    }

    fn decide(&mut self, tools: &mut TickTools<'_>) {
        let Self { case, players, inputs, origins, pen, .. } = self;
        self.findings += tools.scratch.judge.decide(case, players, tools.reports, (inputs, origins), pen.as_mut());
        self.watch.lap(Phase::AntiCheat);
    }

    /// One more step of a late game. The other games have had their verdicts, and it is asked about alone.
    fn catch_up(&mut self, tools: &mut TickTools<'_>) {
        tools.scratch.judge.open();
        self.collect(&mut tools.scratch.judge);
        tools.scratch.judge.ask(tools.lane);
        self.decide(tools);
        self.step(tools);
    }

    fn step(&mut self, tools: &mut TickTools<'_>) {
        let happened = self.events.len();
        self.step_world(tools.desk);
        self.keep(happened, tools);
        self.watch.lap(Phase::Step);
    }

    fn step_world(&mut self, desk: Option<&Desk>) {
        let happened = self.events.len();
        // Inputs of earlier steps of this tick are done, their wishers are still needed for the events.
        let earlier = self.origins.len() - self.inputs.len();
        self.world.step(&self.inputs, &mut self.events);
        if let (Some(pen), Some(desk)) = (&mut self.pen, desk) {
            pen.tick(&self.inputs, &self.world, desk);
        }
        self.inputs.clear();
        for event in &mut self.events[happened..] {
            if let Event::Refused { input_index, .. }
            | Event::Taken { input_index, .. }
            | Event::Laying { input_index, .. }
            | Event::Dealing { input_index, .. }
            | Event::Using { input_index, .. } = event
            {
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
        deeds::tell(&self.world, &self.players, &self.events[happened..], tools.lane.happenings());
        self.errands.run(&self.world, &mut self.players, &self.events[happened..], &self.origins);
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
                player.moments.died = died;
                player.save_now = true;
                // Before anybody is told, and before it is stored: from now on nothing of it is dealt with.
                if self.world.sheet(player.slot).is_some_and(|sheet| sheet.dead) {
                    player.presence.fall();
                }
            }
        }
        let Patience { reconnect_ticks, autosave_ticks } = tools.patience;
        for player in &mut self.players {
            player.count_tick(reconnect_ticks, autosave_ticks);
            if player.wearing.is_due() {
                let worn = player.wear_down(&self.world);
                self.errands.wear(player, worn);
            }
            if faults::has(Bug::ReleaseOnDisconnect) && player.has_just_lost_its_line() {
                tools.reports.save(player.progress(None, true));
            }
            if player.save_now {
                let kept = kept(&self.world, player);
                tools.reports.save(player.progress(kept, false));
            }
        }
    }

    /// Each player's view of the world as it is now.
    fn look(&mut self, view: &mut View, bodies: &mut Vec<u8>) {
        let Self { id, world, players, .. } = self;
        for player in players.iter_mut().filter(|player| player.entity.is_some()) {
            let Some(line) = &mut player.line else { continue };
            if greet(*id, world, player.slot, line).is_err() {
                player.lose_line();
                continue;
            }
            world.view(player.slot, view);
            line.look(view, world.tick(), bodies);
        }
    }

    /// Gives each player the news of what happened within its view.
    fn tell(&mut self) {
        for event in &self.events {
            let (kind, audience) = events::describe(self.world.content(), event);
            for (index, player) in self.players.iter_mut().enumerate().filter(|(_, player)| player.entity.is_some()) {
                let Some(line) = &mut player.line else { continue };
                match audience {
                    Audience::SeeingEither(one, other) if !line.sees(one) && !line.sees(other) => {}
                    Audience::Only(whose) if whose != player.slot => {}
                    Audience::Nobody => {}
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

    /// Does something with the connection of each player who is in the world, and gives up those that fail.
    fn each_line(&mut self, mut work: impl FnMut(&mut Line) -> Result<(), Loss>) {
        for player in self.players.iter_mut().filter(|player| player.entity.is_some()) {
            let Some(line) = &mut player.line else { continue };
            let Err(loss) = work(line) else { continue };
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
        self.errands.hand_over_rest();
        while let Some(answer) = self.errands.undone() {
            self.add_input(answer, None);
        }
        while let Some(index) = self.players.iter().position(|player| player.parting.is_some()) {
            if let Some(parting) = self.players[index].parting.take() {
                self.part(index, &parting, reports);
            }
        }
    }
}

/// What is to be kept of a player's character: itself, and where it stands.
fn kept(world: &World, player: &Player) -> Option<(Sheet, Option<Place>)> {
    let place = player.entity.and_then(|entity| world.position(entity));
    let place = place.map(|(zone, x, y)| Place { zone: zone as u8, x, y });
    world.sheet(player.slot).map(|sheet| (sheet, place))
}
