//! Snapshots: what a player sees, as the wire has it, and the ring of those that may still become a baseline.

use std::collections::VecDeque;

use realm_protocol::snapshot::{self, Action, EntityKind, EntityState, OwnState, Snapshot};
use realm_world::View;

/// Snapshots kept for one client; one that is older gets a full snapshot.
const RING_MAX: usize = 32;

fn word(number: i32) -> u16 {
    u16::try_from(number.max(0)).unwrap_or(u16::MAX)
}

fn entity(seen: &realm_world::EntityView) -> EntityState {
    EntityState {
        id: seen.id,
        kind: match seen.kind {
            realm_world::EntityKind::Player => EntityKind::Player,
            realm_world::EntityKind::Monster => EntityKind::Monster,
            realm_world::EntityKind::Npc => EntityKind::Npc,
            realm_world::EntityKind::Drop => EntityKind::Item,
            realm_world::EntityKind::Item => EntityKind::Treasure,
            realm_world::EntityKind::Gold => EntityKind::Gold,
            realm_world::EntityKind::Stairs => EntityKind::Object,
            realm_world::EntityKind::Missile => EntityKind::Missile,
            realm_world::EntityKind::Companion => EntityKind::Companion,
        },
        appearance: seen.appearance,
        x: word(seen.x),
        y: word(seen.y),
        life_percent: seen.life_percent,
        action: match seen.action {
            realm_world::Action::Idle => Action::Idle,
            realm_world::Action::Walk => Action::Walk,
            realm_world::Action::Attack => Action::Attack,
            realm_world::Action::Cast => Action::Cast,
            realm_world::Action::Dead => Action::Dead,
        },
        facing: seen.facing,
        level: seen.level,
        effects: seen.effects,
    }
}

/// What a player sees at `tick`, where `input` is its last input that was applied.
#[must_use]
pub fn snapshot(view: &View, tick: u32, input: u32) -> Snapshot {
    let mut snapshot = Snapshot::default();
    fill(&mut snapshot, view, tick, input);
    snapshot
}

/// The same over what was there, for its memory.
pub(super) fn fill(snapshot: &mut Snapshot, view: &View, tick: u32, input: u32) {
    let own = &view.own;
    snapshot.tick = tick;
    snapshot.input = input;
    snapshot.own = OwnState {
        entity: own.entity,
        life: word(own.life),
        life_max: word(own.life_max),
        mana: word(own.mana),
        mana_max: word(own.mana_max),
        level: u8::try_from(own.level).unwrap_or(u8::MAX),
        experience: own.experience,
        cooldown_ticks: u8::try_from(own.cooldown_ticks).unwrap_or(u8::MAX),
        skill_ticks: own.skill_ticks.map(|ticks| u16::try_from(ticks).unwrap_or(u16::MAX)),
        zone: own.zone.number(),
        step_max: u8::try_from(own.step_max).unwrap_or(u8::MAX),
        belt: own.belt,
    };
    snapshot.entities.clear();
    snapshot.entities.extend(view.entities.iter().map(entity));
}

/// What was sent to one client, and what it acknowledged.
#[derive(Debug, Default)]
pub(super) struct History {
    /// By rising tick; from the acknowledged one on.
    ring: VecDeque<Snapshot>,
    /// No longer needed, kept for their memory; with the ring never more than [`RING_MAX`].
    spare: Vec<Snapshot>,
    /// Tick of the newest acknowledged snapshot, or just before the first that was sent.
    acknowledged: u32,
    sent: Option<u32>,
}

impl History {
    /// The client has decoded the snapshot of this tick. Ticks it was never sent are ignored.
    pub(super) fn acknowledge(&mut self, tick: u32) {
        if tick > self.acknowledged && self.ring.binary_search_by_key(&tick, |snapshot| snapshot.tick).is_ok() {
            self.acknowledged = tick;
            while let Some(old) = self.ring.pop_front_if(|oldest| oldest.tick < tick) {
                self.spare.push(old);
            }
        }
    }

    /// Ticks between the newest snapshot sent and the newest acknowledged.
    pub(super) fn behind_ticks(&self) -> u32 {
        self.sent.map_or(0, |sent| sent.saturating_sub(self.acknowledged))
    }

    /// The body of the next snapshot: the difference to the acknowledged one, or everything when that is too old.
    pub(super) fn encode(&self, current: &Snapshot, out: &mut Vec<u8>) {
        let baseline = self.ring.front().filter(|oldest| oldest.tick == self.acknowledged);
        snapshot::encode(baseline, current, out);
    }

    /// The snapshot is on its way. What is left in its place is another one, of no meaning, to be filled.
    pub(super) fn sent(&mut self, snapshot: &mut Snapshot) {
        if self.sent.is_none() {
            self.acknowledged = snapshot.tick.saturating_sub(1);
        }
        self.sent = Some(snapshot.tick);
        let oldest = if self.ring.len() == RING_MAX { self.ring.pop_front() } else { None };
        let spare = oldest.or_else(|| self.spare.pop()).unwrap_or_default();
        self.ring.push_back(std::mem::replace(snapshot, spare));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tick: u32, x: u16) -> Snapshot {
        let entities = vec![EntityState { id: 7, x, ..EntityState::default() }];
        Snapshot { tick, input: 0, own: OwnState { entity: 7, ..OwnState::default() }, entities }
    }

    fn sent(history: &mut History, snapshot: &Snapshot) -> Vec<u8> {
        let mut bytes = Vec::new();
        history.encode(snapshot, &mut bytes);
        history.sent(&mut snapshot.clone());
        bytes
    }

    #[test]
    fn the_difference_is_made_to_what_the_client_has() {
        let mut history = History::default();
        let first = at(5, 100);
        let full = sent(&mut history, &first);
        assert_eq!(snapshot::decode(&full, None), Ok(first.clone()));
        assert_eq!(snapshot::baseline_tick(&sent(&mut history, &at(6, 101))), Ok(None), "nothing acknowledged yet");
        assert_eq!(history.behind_ticks(), 2);
        history.acknowledge(99);
        history.acknowledge(5);
        let delta = sent(&mut history, &at(7, 102));
        assert_eq!(snapshot::decode(&delta, Some(&first)), Ok(at(7, 102)));
        history.acknowledge(7);
        history.acknowledge(6);
        assert_eq!(history.behind_ticks(), 0);
    }

    #[test]
    fn an_old_baseline_gives_a_full_snapshot_and_the_ring_has_an_end() {
        let mut history = History::default();
        sent(&mut history, &at(1, 1));
        history.acknowledge(1);
        (2..100).for_each(|tick| drop(sent(&mut history, &at(tick, 1))));
        assert_eq!(history.ring.len(), RING_MAX);
        assert_eq!(snapshot::baseline_tick(&sent(&mut history, &at(100, 1))), Ok(None));
    }
}
