//! Snapshot to bytes.

use super::{BASELINE_DISTANCE_MAX, ENTITIES_MAX, EntityState, FACINGS, OwnState, Snapshot, bits::BitWriter, width};

/// Appends the body of a PLAYER_STATE to `out`: the difference to `baseline`, or everything without one. A baseline that is not
/// 1 to [`BASELINE_DISTANCE_MAX`] ticks older than `current` counts as none.
///
/// Entities must stand by rising id; those beyond [`ENTITIES_MAX`] are left out. A life above 100 percent counts as 100.
pub fn encode(baseline: Option<&Snapshot>, current: &Snapshot, out: &mut Vec<u8>) {
    let nothing = Snapshot::default();
    let distance = |baseline: &Snapshot| current.tick.saturating_sub(baseline.tick);
    let baseline = baseline.filter(|baseline| (1..=BASELINE_DISTANCE_MAX).contains(&distance(baseline)));
    let mut writer = BitWriter::new(out);
    writer.write(current.tick, width::TICK);
    writer.write(baseline.map_or(0, distance), width::DISTANCE);

    let baseline = baseline.unwrap_or(&nothing);
    let moved_on = current.input.wrapping_sub(baseline.input);
    writer.flag(moved_on != 0);
    if moved_on != 0 {
        writer.number(moved_on);
    }
    own(&mut writer, &baseline.own.after(distance(baseline)), &current.own);
    entities(&mut writer, limited(baseline), limited(current));
    writer.finish();
}

fn limited(snapshot: &Snapshot) -> &[EntityState] {
    &snapshot.entities[..snapshot.entities.len().min(ENTITIES_MAX)]
}

fn own(writer: &mut BitWriter<'_>, before: &OwnState, now: &OwnState) {
    writer.flag(before != now);
    if before == now {
        return;
    }
    let words = [
        (before.entity, now.entity),
        (before.life, now.life),
        (before.life_max, now.life_max),
        (before.mana, now.mana),
        (before.mana_max, now.mana_max),
    ];
    for (before, now) in words {
        writer.flag(before != now);
        if before != now {
            writer.write(now, width::WORD);
        }
    }
    for (before, now) in [(before.level, now.level), (before.cooldown_ticks, now.cooldown_ticks)] {
        writer.flag(before != now);
        if before != now {
            writer.write(now, width::BYTE);
        }
    }
    writer.flag(before.experience != now.experience);
    if before.experience != now.experience {
        writer.long_number(now.experience);
    }
    for (before, now) in before.skill_ticks.into_iter().zip(now.skill_ticks) {
        writer.flag(before != now);
        if before != now {
            writer.write(now, width::WORD);
        }
    }
    for (before, now) in [(before.zone, now.zone), (before.step_max, now.step_max)] {
        writer.flag(before != now);
        if before != now {
            writer.write(now, width::BYTE);
        }
    }
    writer.flag(before.belt != now.belt);
    if before.belt != now.belt {
        now.belt.into_iter().for_each(|potion| writer.write(potion, width::BYTE));
    }
}

/// Three lists: removed, changed, added. Each is walked twice, to count and to write, rather than kept.
fn entities(writer: &mut BitWriter<'_>, before: &[EntityState], now: &[EntityState]) {
    let removed = || Pairs { before, now }.filter_map(|(before, now)| if now.is_none() { before } else { None });
    let changed = || {
        Pairs { before, now }.filter_map(|(before, now)| before.zip(now)).filter(|(before, now)| {
            // Compared as they are written, so that values out of range do not count as changes for ever.
            in_range(before) != in_range(now)
        })
    };
    let added = || Pairs { before, now }.filter_map(|(before, now)| if before.is_none() { now } else { None });

    let mut ids = count(writer, removed().count());
    for entity in removed() {
        ids.write(writer, entity.id);
    }
    let mut ids = count(writer, changed().count());
    for (before, now) in changed() {
        ids.write(writer, now.id);
        change(writer, &in_range(before), &in_range(now));
    }
    let mut ids = count(writer, added().count());
    for entity in added() {
        ids.write(writer, entity.id);
        addition(writer, &in_range(entity));
    }
}

fn in_range(entity: &EntityState) -> EntityState {
    EntityState { life_percent: entity.life_percent.min(100), facing: entity.facing % FACINGS, ..*entity }
}

fn count(writer: &mut BitWriter<'_>, count: usize) -> Ids {
    writer.flag(count > 0);
    if count > 0 {
        writer.write(count as u64 - 1, width::COUNT);
    }
    Ids { next: 0 }
}

/// Ids rise, so the distance to the smallest possible one is written.
struct Ids {
    next: u16,
}

impl Ids {
    fn write(&mut self, writer: &mut BitWriter<'_>, id: u16) {
        writer.number(id.wrapping_sub(self.next));
        self.next = id.wrapping_add(1);
    }
}

fn change(writer: &mut BitWriter<'_>, before: &EntityState, now: &EntityState) {
    let moved = (before.x, before.y) != (now.x, now.y);
    writer.flag(moved);
    if moved {
        place(writer, before, now);
    }
    writer.flag(before.facing != now.facing);
    if before.facing != now.facing {
        writer.write(now.facing, width::FACING);
    }
    writer.flag(before.action != now.action);
    if before.action != now.action {
        writer.write(now.action as u8, width::ACTION);
    }
    writer.flag(before.life_percent != now.life_percent);
    if before.life_percent != now.life_percent {
        writer.write(now.life_percent, width::LIFE_PERCENT);
    }
    let nature = |entity: &EntityState| (entity.kind, entity.appearance, entity.level);
    writer.flag(nature(before) != nature(now));
    if nature(before) != nature(now) {
        writer.write(now.kind as u8, width::KIND);
        writer.write(now.appearance, width::BYTE);
        writer.write(now.level, width::BYTE);
    }
    writer.flag(before.effects != now.effects);
    if before.effects != now.effects {
        writer.write(now.effects, width::BYTE);
    }
}

fn place(writer: &mut BitWriter<'_>, before: &EntityState, now: &EntityState) {
    let steps = [step(before.x, now.x), step(before.y, now.y)];
    if let [Some(x), Some(y)] = steps {
        writer.flag(true);
        writer.write(x, width::STEP);
        writer.write(y, width::STEP);
    } else {
        writer.flag(false);
        writer.write(now.x, width::WORD);
        writer.write(now.y, width::WORD);
    }
}

/// A short way as it is written: shifted by 32, so that −32 is 0.
fn step(before: u16, now: u16) -> Option<u32> {
    let shifted = i32::from(now) - i32::from(before) + (1 << (width::STEP - 1));
    u32::try_from(shifted).ok().filter(|shifted| *shifted < 1 << width::STEP)
}

fn addition(writer: &mut BitWriter<'_>, entity: &EntityState) {
    writer.write(entity.kind as u8, width::KIND);
    writer.write(entity.appearance, width::BYTE);
    writer.write(entity.level, width::BYTE);
    writer.write(entity.x, width::WORD);
    writer.write(entity.y, width::WORD);
    writer.write(entity.facing, width::FACING);
    writer.write(entity.action as u8, width::ACTION);
    writer.write(entity.life_percent, width::LIFE_PERCENT);
    writer.flag(entity.effects != 0);
    if entity.effects != 0 {
        writer.write(entity.effects, width::BYTE);
    }
}

/// Walks two lists by rising id; yields what stands in either, together where both have it.
struct Pairs<'lists> {
    before: &'lists [EntityState],
    now: &'lists [EntityState],
}

impl<'lists> Iterator for Pairs<'lists> {
    type Item = (Option<&'lists EntityState>, Option<&'lists EntityState>);

    fn next(&mut self) -> Option<Self::Item> {
        let (before, now) = (self.before.first(), self.now.first());
        let (take_before, take_now) = match (before, now) {
            (None, None) => return None,
            (Some(_), None) => (true, false),
            (None, Some(_)) => (false, true),
            (Some(before), Some(now)) => (before.id <= now.id, now.id <= before.id),
        };
        self.before = &self.before[usize::from(take_before)..];
        self.now = &self.now[usize::from(take_now)..];
        Some((before.filter(|_| take_before), now.filter(|_| take_now)))
    }
}
