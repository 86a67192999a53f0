//! Items and gold on the ground: what monsters leave and players lay down, until it is somebody's.

use super::{
    World,
    acts::{Act, acting},
    drops::PICK_UP_REACH,
};
use crate::{
    EntityId, Event, Hoard, Map, PlayerSlot, RefusedReason, Zone,
    geometry::Point,
    items::{GroundProblem, ItemHandle, Look},
    map::Walker,
};

/// How long what a player laid down lies there: five minutes.
const LYING_TICKS: u32 = 7_500;
/// Things that fall in the same place lie on the tiles around it, in this order.
const AROUND: [(i32, i32); 9] = [(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)];

impl World {
    /// A monster of this row has died here. What it leaves is thrown by others; here falls the seed of it.
    pub(super) fn leave_treasure(&mut self, row: u8, killer: EntityId, at: Point, events: &mut Vec<Event>) {
        let killer = self.slot_behind(killer);
        let find = killer.and_then(|slot| self.player(slot)).map(|player| player.find()).unwrap_or_default();
        let hoard = Hoard { appearance: row, find, seed: self.loot_dice.seed() };
        events.push(Event::Treasure { killer, hoard, x: at.x, y: at.y });
    }

    /// Lays something down, here or on a free tile around.
    pub(super) fn lay(
        &mut self,
        (handle, look): (ItemHandle, Look),
        layer: EntityId,
        (zone, at): (Zone, Point),
        events: &mut Vec<Event>,
    ) {
        let layer = (layer != 0).then_some(layer);
        let ticks = if layer.is_some() { LYING_TICKS } else { self.content.rules.drop_ticks };
        let at = self.beside(zone, at);
        // A number is taken only for what lies there then.
        if self.ground.check_room(layer).is_err() {
            return events.push(Event::Vanished { handle });
        }
        let entity = self.next_entity();
        match self.ground.lay(entity, (handle, look), layer, (zone, at.x, at.y), ticks) {
            // It lies there, now or before.
            Ok(()) | Err(GroundProblem::Twice) => {}
            Err(_) => events.push(Event::Vanished { handle }),
        }
    }

    /// The first of the tiles around on which nothing lies and somebody can stand; the place itself when there is none.
    fn beside(&self, zone: Zone, at: Point) -> Point {
        let map = self.map(zone);
        let free = |place: &Point| {
            let near = |x: i32, y: i32| place.within(Point { x, y }, Map::SUB_TILES / 2);
            !map.is_closed(Walker::Player, *place)
                && map.is_line_clear(at, *place)
                && !self.ground.all().iter().any(|lying| lying.zone == zone && near(lying.x, lying.y))
        };
        let around = AROUND.iter().map(|(x, y)| Point {
            x: at.x.saturating_add(x * Map::SUB_TILES),
            y: at.y.saturating_add(y * Map::SUB_TILES),
        });
        around.into_iter().find(free).unwrap_or(at)
    }

    /// Somebody takes an item or gold; the answer comes as an input. `None` when there is no such thing on the ground.
    pub(super) fn take_from_ground(
        &mut self,
        (slot, input_index): (PlayerSlot, usize),
        target: EntityId,
        events: &mut Vec<Event>,
    ) -> Option<Act> {
        let lying = *self.ground.seen().find(|lying| lying.entity == target)?;
        let player = self.players.get_mut(usize::from(slot.0))?.as_mut().filter(|player| player.zone == lying.zone)?;
        let at = Point { x: lying.x, y: lying.y };
        if !player.at.within(at, PICK_UP_REACH) || !self.maps[player.zone as usize].is_line_clear(player.at, at) {
            return Some(Err(RefusedReason::TargetTooFar));
        }
        let taken = self.ground.take(player.entity, target).map_err(|_| RefusedReason::TargetUnknown);
        Some(taken.map(|handle| {
            player.turn_to(at);
            events.push(Event::Taken { slot, input_index, handle });
        }))
    }

    /// The answer about something that was taken. One that nobody waits for is none.
    pub(super) fn settle(&mut self, handle: ItemHandle, is_confirmed: bool) {
        let _: Result<EntityId, GroundProblem> =
            if is_confirmed { self.ground.confirm(handle) } else { self.ground.give_back(handle) };
    }

    /// Somebody wishes to lay an item down where it stands.
    pub(super) fn lay_down(
        &mut self,
        (slot, input_index): (PlayerSlot, usize),
        item: u64,
        events: &mut Vec<Event>,
    ) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        self.ground.check_room(Some(player.entity)).map_err(|problem| match problem {
            GroundProblem::Share => RefusedReason::GroundShare,
            _ => RefusedReason::GroundFull,
        })?;
        let Point { x, y } = player.at;
        events.push(Event::Laying { slot, input_index, item, zone: player.zone, x, y });
        Ok(())
    }
}
