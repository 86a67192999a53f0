//! Several games before one judge, with a rule that refuses the last act of every batch.

use std::{sync::Arc, time::Instant};

use realm_world::{Class, Content, Difficulty, PlayerSlot, Sheet};
use tokio::sync::mpsc;

use crate::{
    hooks::{LoneRule, components::Fixture},
    types::{AccountId, Arrivals, CharacterId},
};

use super::{
    super::{line::Line, outfits::Brought, player::Player, testing::Client},
    *,
};

/// A rule that finds something in the last act of each batch.
fn last_of_each_batch(folder: &std::path::Path) -> LoneRule {
    let body = "(i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (i32.const 1)) \
                (i32.store (i32.const 32) (i32.sub (local.get $count) (i32.const 1))) \
                (i32.store8 (i32.const 36) (i32.const 3)) (i32.store8 (i32.const 48) (i32.const 1)) (i32.const 16)";
    let file = folder.join("last.wasm");
    std::fs::write(&file, Fixture::new("last", "1.0.0").check_actions(body).build()).unwrap();
    LoneRule::load(&file, "{}").unwrap()
}

/// A game of one player, without its thread.
struct Room {
    world: World,
    players: Vec<Player>,
    client: Client,
}

impl Room {
    fn new(raw: u64) -> Self {
        let mut world = World::new(Content::builtin(), Difficulty::Normal, raw);
        let slot = PlayerSlot(0);
        world.step(&[Input::Join { slot, sheet: Sheet::newborn(Class::Druid, false) }], &mut Vec::new());
        let client = Client::new();
        let (account, character) = (AccountId::from_raw(raw), CharacterId::from_raw(raw));
        let line = Line::new(Box::new(client.link.clone()));
        let mut player = Player::new(account, character, (slot, Brought::default()), Arc::default(), line);
        player.entity = world.entity_of(slot);
        Self { world, players: vec![player], client }
    }

    /// The player wishes a step, and the judge takes it.
    fn collect(&mut self, judge: &mut Judge) -> Case {
        self.client.step(0, 1);
        self.players[0].take(&mut Arrivals::default(), self.world.content().items(), Instant::now());
        judge.collect(&self.world, &mut self.players)
    }

    /// How many findings there are, and how many acts go on.
    fn decide(&mut self, judge: &Judge, case: &Case, reports: &mut Reports) -> (u64, usize) {
        let (mut inputs, mut origins) = (Vec::new(), Vec::new());
        let found = judge.decide(case, &mut self.players, reports, (&mut inputs, &mut origins), None);
        assert_eq!(inputs.len(), origins.len());
        (found, inputs.len())
    }
}

#[test]
fn games_that_are_due_together_are_one_question_and_each_gets_its_own_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let mut rule = last_of_each_batch(folder.path());
    let (saver, _saves) = mpsc::channel(8);
    let (referee, mut suspicions) = mpsc::channel(8);
    let mut reports = Reports::new(saver, referee);
    let mut judge = Judge::default();
    let mut rooms = [Room::new(1), Room::new(2), Room::new(3)];
    for _ in 0..3 {
        judge.open();
        let cases = rooms.each_mut().map(|room| room.collect(&mut judge));
        judge.ask(rule.lane());
        let mut decided = Vec::new();
        for (room, case) in rooms.iter_mut().zip(&cases) {
            decided.push(room.decide(&judge, case, &mut reports));
        }
        assert_eq!(decided, [(0, 1), (0, 1), (1, 0)], "only the last act of all is refused");
        assert!(reports.flush());
        assert_eq!(suspicions.try_recv().map(|suspicion| suspicion.account), Ok(AccountId::from_raw(3)));
    }
    // Without any act nobody is asked.
    judge.open();
    let case = judge.collect(&rooms[0].world, &mut rooms[0].players);
    judge.ask(rule.lane());
    assert_eq!((rooms[0].decide(&judge, &case, &mut reports), judge.share(&case)), ((0, 0), Duration::ZERO));
}

#[test]
fn more_acts_than_a_batch_may_hold_are_asked_in_several() {
    let folder = tempfile::tempdir().unwrap();
    let mut rule = last_of_each_batch(folder.path());
    let (saver, _saves) = mpsc::channel(8);
    let (referee, _suspicions) = mpsc::channel(8);
    let mut reports = Reports::new(saver, referee);
    let (mut judge, mut room) = (Judge::default(), Room::new(1));
    for games in [600, 10] {
        judge.open();
        let cases: Vec<Case> = (0..games).map(|_| room.collect(&mut judge)).collect();
        judge.ask(rule.lane());
        let sizes: Vec<usize> = judge.batches[..judge.in_use].iter().map(|batch| batch.actions.len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), games);
        assert!(sizes.iter().all(|size| (1..=ACTIONS_MAX).contains(size)), "{sizes:?}");
        let found: u64 = cases.iter().map(|case| room.decide(&judge, case, &mut reports).0).sum();
        assert_eq!(found, sizes.len() as u64, "one in each of {sizes:?}");
    }
}
