//! Bytes to snapshot. Total: any bytes give a snapshot or an error, and never more than [`ENTITIES_MAX`] entities.

use super::{Action, ENTITIES_MAX, EntityKind, EntityState, OwnState, Snapshot, SnapshotError, bits::BitReader, width};

/// The tick of the snapshot that is needed to read this one; `None` for a full one.
///
/// # Errors
/// When the bytes are too few, or name a tick before 0.
pub fn baseline_tick(bytes: &[u8]) -> Result<Option<u32>, SnapshotError> {
    head(&mut BitReader::new(bytes)).map(|(_, baseline)| baseline)
}

/// Reads a snapshot. `baseline` must be the snapshot of [`baseline_tick`].
///
/// # Errors
/// When the bytes are no snapshot, or the difference to another one than `baseline`.
pub fn decode(bytes: &[u8], baseline: Option<&Snapshot>) -> Result<Snapshot, SnapshotError> {
    let mut reader = BitReader::new(bytes);
    let (tick, expected) = head(&mut reader)?;
    let found = baseline.map(|baseline| baseline.tick);
    // A full snapshot needs nothing, so it does not matter what the caller has.
    if expected.is_some() && expected != found {
        return Err(SnapshotError::Baseline { expected, found });
    }
    let nothing = Snapshot::default();
    let baseline = baseline.filter(|_| expected.is_some()).unwrap_or(&nothing);
    let moved_on = if reader.flag()? { reader.number()? } else { 0 };
    let distance = expected.map_or(0, |expected| tick - expected);
    let own = own(&mut reader, baseline.own.after(distance))?;
    let entities = entities(&mut reader, &baseline.entities)?;
    reader.finish()?;
    Ok(Snapshot { tick, input: baseline.input.wrapping_add(moved_on), own, entities })
}

fn head(reader: &mut BitReader<'_>) -> Result<(u32, Option<u32>), SnapshotError> {
    let tick = reader.value(width::TICK)?;
    match reader.value(width::DISTANCE)? {
        0 => Ok((tick, None)),
        distance => Ok((tick, Some(tick.checked_sub(distance).ok_or(SnapshotError::Range("the baseline"))?))),
    }
}

fn own(reader: &mut BitReader<'_>, mut own: OwnState) -> Result<OwnState, SnapshotError> {
    if !reader.flag()? {
        return Ok(own);
    }
    for field in [&mut own.entity, &mut own.life, &mut own.life_max, &mut own.mana, &mut own.mana_max] {
        if reader.flag()? {
            *field = reader.word()?;
        }
    }
    for field in [&mut own.level, &mut own.cooldown_ticks] {
        if reader.flag()? {
            *field = reader.byte()?;
        }
    }
    if reader.flag()? {
        own.experience = reader.long_number()?;
    }
    for field in &mut own.skill_ticks {
        if reader.flag()? {
            *field = reader.word()?;
        }
    }
    for field in [&mut own.zone, &mut own.step_max] {
        if reader.flag()? {
            *field = reader.byte()?;
        }
    }
    if reader.flag()? {
        for potion in &mut own.belt {
            *potion = reader.byte()?;
        }
    }
    Ok(own)
}

fn entities(reader: &mut BitReader<'_>, before: &[EntityState]) -> Result<Vec<EntityState>, SnapshotError> {
    let mut entities = before.to_vec();
    let index = |entities: &[EntityState], id| entities.binary_search_by_key(&id, |entity| entity.id);

    let mut ids = Ids::new(reader)?;
    while let Some(id) = ids.next(reader)? {
        entities.remove(index(&entities, id).map_err(|_| SnapshotError::Entity(id))?);
    }
    let mut ids = Ids::new(reader)?;
    while let Some(id) = ids.next(reader)? {
        let changed = index(&entities, id).map_err(|_| SnapshotError::Entity(id))?;
        change(reader, &mut entities[changed])?;
    }
    let mut ids = Ids::new(reader)?;
    while let Some(id) = ids.next(reader)? {
        let Err(place) = index(&entities, id) else { return Err(SnapshotError::Entity(id)) };
        if entities.len() >= ENTITIES_MAX {
            return Err(SnapshotError::TooMany);
        }
        entities.insert(place, addition(reader, id)?);
    }
    Ok(entities)
}

/// Reads a list of rising ids, one at a time.
struct Ids {
    left: u32,
    next: u32,
}

impl Ids {
    fn new(reader: &mut BitReader<'_>) -> Result<Self, SnapshotError> {
        let left = if reader.flag()? { reader.value(width::COUNT)? + 1 } else { 0 };
        Ok(Self { left, next: 0 })
    }

    fn next(&mut self, reader: &mut BitReader<'_>) -> Result<Option<u16>, SnapshotError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let id = self.next.checked_add(reader.number()?).and_then(|id| u16::try_from(id).ok());
        let id = id.ok_or(SnapshotError::Range("an entity's id"))?;
        self.next = u32::from(id) + 1;
        Ok(Some(id))
    }
}

fn change(reader: &mut BitReader<'_>, entity: &mut EntityState) -> Result<(), SnapshotError> {
    if reader.flag()? {
        place(reader, entity)?;
    }
    if reader.flag()? {
        entity.facing = facing(reader)?;
    }
    if reader.flag()? {
        entity.action = action(reader)?;
    }
    if reader.flag()? {
        entity.life_percent = life_percent(reader)?;
    }
    if reader.flag()? {
        (entity.kind, entity.appearance, entity.level) = (kind(reader)?, reader.byte()?, reader.byte()?);
    }
    if reader.flag()? {
        entity.effects = reader.byte()?;
    }
    Ok(())
}

fn place(reader: &mut BitReader<'_>, entity: &mut EntityState) -> Result<(), SnapshotError> {
    if reader.flag()? {
        entity.x = step(reader, entity.x)?;
        entity.y = step(reader, entity.y)?;
    } else {
        (entity.x, entity.y) = (reader.word()?, reader.word()?);
    }
    Ok(())
}

fn step(reader: &mut BitReader<'_>, before: u16) -> Result<u16, SnapshotError> {
    let shifted = u32::from(before) + reader.value(width::STEP)?;
    let place = shifted.checked_sub(1 << (width::STEP - 1)).and_then(|place| u16::try_from(place).ok());
    place.ok_or(SnapshotError::Range("a place"))
}

fn addition(reader: &mut BitReader<'_>, id: u16) -> Result<EntityState, SnapshotError> {
    Ok(EntityState {
        id,
        kind: kind(reader)?,
        appearance: reader.byte()?,
        level: reader.byte()?,
        x: reader.word()?,
        y: reader.word()?,
        facing: facing(reader)?,
        action: action(reader)?,
        life_percent: life_percent(reader)?,
        effects: if reader.flag()? { reader.byte()? } else { 0 },
    })
}

fn kind(reader: &mut BitReader<'_>) -> Result<EntityKind, SnapshotError> {
    EntityKind::from_bits(reader.value(width::KIND)?).ok_or(SnapshotError::Range("a kind of entity"))
}

fn action(reader: &mut BitReader<'_>) -> Result<Action, SnapshotError> {
    Action::from_bits(reader.value(width::ACTION)?).ok_or(SnapshotError::Range("an action"))
}

fn facing(reader: &mut BitReader<'_>) -> Result<u8, SnapshotError> {
    Ok(u8::try_from(reader.value(width::FACING)?).unwrap_or_default())
}

fn life_percent(reader: &mut BitReader<'_>) -> Result<u8, SnapshotError> {
    let percent = u8::try_from(reader.value(width::LIFE_PERCENT)?).unwrap_or(u8::MAX);
    if percent <= 100 { Ok(percent) } else { Err(SnapshotError::Range("a life")) }
}
