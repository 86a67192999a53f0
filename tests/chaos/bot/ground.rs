//! What bots do with goods in games: they lay down what they carry, take what lies there and read the scroll that leads home, and know which of
//! it they were told is done.

use std::ops::RangeInclusive;

use realm_client::{EntityKind, EntityState, GameConnection, GameUpdate, Snapshot, proto, proto::game_event::Kind};

use super::{Gone, STILL_SNAPSHOTS, Seen, where_it_is};
use crate::{
    dice::Dice,
    pilot::{self, Hunter},
};

/// The square of how far somebody reaches for what lies there.
const REACH: i64 = 40 * 40;
/// Updates for which a bot waits for an answer before it leaves.
const ANSWER_UPDATES_MAX: usize = 60;

/// What an account has laid down and taken in games.
#[derive(Debug, Default)]
pub(crate) struct Handled {
    /// Acts of which a game has told, or that were found stored after a kill.
    known: i64,
    /// Wishes without an answer since the last kill.
    in_doubt: i64,
    /// Of the acts since the last kill: the word of the ledger, and the item, 0 when it is gold or on a stack.
    told: Vec<(&'static str, u64)>,
}

impl Handled {
    /// How many acts there may be in the ledger.
    pub(crate) fn allowed(&self) -> RangeInclusive<i64> {
        self.known..=self.known + self.in_doubt
    }

    /// So many are there, and nobody runs who could add one; gives what was told since the last time.
    pub(crate) fn found(&mut self, seen: i64) -> Vec<(&'static str, u64)> {
        (self.known, self.in_doubt) = (seen, 0);
        std::mem::take(&mut self.told)
    }
}

/// A wish whose answer has not come.
#[derive(Clone, Copy)]
enum Wish {
    Lay(u32, u64),
    Take(u32),
    GoHome(u32, u64),
}

/// What a bot does with goods in one game.
pub(super) struct Hands {
    dice: Dice,
    /// Items of the inventory that may be laid down.
    carried: Vec<u64>,
    /// A scroll that leads home.
    road: Option<u64>,
    wish: Option<Wish>,
    pub(super) used: u64,
    pub(super) laid: u64,
    pub(super) taken: u64,
    pub(super) told: Vec<(&'static str, u64)>,
}

impl Hands {
    pub(super) fn new(dice: Dice, carried: Vec<u64>, road: Option<u64>) -> Self {
        Self { dice, carried, road, wish: None, used: 0, laid: 0, taken: 0, told: Vec::new() }
    }

    /// The answer to a scroll is under way: at any moment the character may be elsewhere.
    fn is_on_its_way(&self) -> bool {
        matches!(self.wish, Some(Wish::GoHome(..)))
    }

    /// Adds what was told to what is known of the account.
    pub(super) fn put_into(&mut self, handled: &mut Handled) {
        handled.known += i64::try_from(self.used + self.laid + self.taken).expect("a small number");
        handled.in_doubt += i64::from(self.wish.take().is_some());
        handled.told.append(&mut self.told);
    }

    /// Reads what the game tells.
    fn hear(&mut self, events: &proto::GameEvents) {
        for event in &events.events {
            match (&event.kind, self.wish) {
                (Some(Kind::ItemLaid(laid)), Some(Wish::Lay(input, item))) if laid.input == input => {
                    (self.wish, self.laid) = (None, self.laid + 1);
                    self.carried.retain(|carried| *carried != item);
                    self.told.push(("drop", item));
                }
                (Some(Kind::ItemTaken(taken)), Some(Wish::Take(input))) if taken.input == input => {
                    (self.wish, self.taken) = (None, self.taken + 1);
                    // What went onto a stack has no lines under the stack's key alone.
                    if taken.item_id > 0 && taken.count == 1 {
                        self.carried.push(taken.item_id);
                        self.told.push(("pick-up", taken.item_id));
                    }
                }
                (Some(Kind::ItemDealt(dealt)), Some(Wish::GoHome(input, road))) if dealt.input == input => {
                    (self.wish, self.used) = (None, self.used + 1);
                    self.road = self.road.filter(|_| dealt.count > 0);
                    self.told.push(("use", road));
                }
                (
                    Some(Kind::Refused(refused)),
                    Some(Wish::Lay(input, _) | Wish::Take(input) | Wish::GoHome(input, _)),
                ) if refused.input == input => {
                    self.wish = None;
                }
                _ => {}
            }
        }
    }

    /// Wishes something, when it has nothing to wait for; true when it did, or went to what lies there.
    async fn act(&mut self, game: &mut GameConnection, now: &Snapshot) -> Result<bool, Gone> {
        if self.wish.is_some() || now.own.life == 0 {
            return Ok(false);
        }
        let here = pilot::place(pilot::own(now));
        let far = |thing: &EntityState| pilot::distance_squared(here, pilot::place(thing));
        let lies = |one: &&EntityState| matches!(one.kind, EntityKind::Treasure | EntityKind::Gold);
        let nearest = now.entities.iter().filter(lies).min_by_key(|thing| far(thing)).copied();
        match (nearest, self.road) {
            (_, Some(road)) if self.dice.below(6) == 0 => {
                let input = game.use_item(road, 0).await.map_err(|_| Gone)?;
                self.wish = Some(Wish::GoHome(input, road));
                Ok(true)
            }
            (Some(thing), _) if far(&thing) <= REACH && self.dice.below(4) > 0 => {
                let input = game.pick_up(thing.id, false).await.map_err(|_| Gone)?;
                self.wish = Some(Wish::Take(input));
                Ok(true)
            }
            _ if !self.carried.is_empty() && self.dice.below(3) == 0 => {
                let item = self.carried[self.dice.index(self.carried.len())];
                let input = game.drop_item(item).await.map_err(|_| Gone)?;
                self.wish = Some(Wish::Lay(input, item));
                Ok(true)
            }
            (Some(thing), _) if far(&thing) > REACH && self.dice.below(2) == 0 => {
                let (dx, dy) = pilot::step_round_walls(game, here, pilot::place(&thing));
                game.walk(dx, dy).await.map_err(|_| Gone)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// Fights for so many snapshots, lays down and takes things, and stands still at the end if it shall know where it is.
pub(super) async fn fight(
    mut game: GameConnection,
    hands: &mut Option<Hands>,
    snapshots: u64,
    stands_still: bool,
) -> Result<Seen, Gone> {
    let (mut hunter, mut first_level, mut last) = (Hunter::default(), None, None);
    let mut number = 0;
    let all = snapshots + if stands_still { STILL_SNAPSHOTS } else { 0 };
    let mut moved = false;
    while number < all {
        let snapshot = match game.next().await.map_err(|_| Gone)? {
            GameUpdate::Snapshot(snapshot) => snapshot,
            GameUpdate::Events(events) => {
                hands.iter_mut().for_each(|hands| hands.hear(&events));
                continue;
            }
            GameUpdate::Message(_) => continue,
        };
        number += 1;
        first_level.get_or_insert(snapshot.own.level);
        if number < snapshots {
            let is_busy = match hands {
                Some(hands) => hands.act(&mut game, &snapshot).await?,
                None => false,
            };
            if !is_busy {
                pilot::fight(&mut game, &mut hunter, &snapshot).await.map_err(|_| Gone)?;
            }
            continue;
        }
        moved |= hands.as_ref().is_some_and(Hands::is_on_its_way);
        if number > snapshots + STILL_SNAPSHOTS / 2 {
            // A step that is still on its way, as on a machine with too much to do, may come after the last of these.
            moved |= snapshot.input != game.input();
            moved |= last.is_some_and(|place| place != where_it_is(&snapshot));
            last = Some(where_it_is(&snapshot));
        }
        if number == all {
            let level = u32::from(snapshot.own.level);
            let seen = Seen {
                experience: i64::try_from(snapshot.own.experience).unwrap_or(i64::MAX),
                levels: level - first_level.map_or(level, u32::from),
                place: last.filter(|_| stands_still && !moved),
            };
            return wait(&mut game, hands).await.map(|()| seen);
        }
    }
    Err(Gone)
}

/// Waits for the answer to the last wish, but not for ever.
async fn wait(game: &mut GameConnection, hands: &mut Option<Hands>) -> Result<(), Gone> {
    for _ in 0..ANSWER_UPDATES_MAX {
        match hands {
            Some(hands) if hands.wish.is_some() => {
                if let GameUpdate::Events(events) = game.next().await.map_err(|_| Gone)? {
                    hands.hear(&events);
                }
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}
