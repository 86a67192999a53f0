//! SQL of saves: what games made of characters, many in one statement.

use std::sync::LazyLock;

use realm_world::{Attributes, Sheet};
use sqlx::{Any, AnyConnection, any::AnyArguments, query::Query};

use super::character;
use crate::{
    characters::{Character, Place},
    storage::StorageError,
    types::{
        CharacterId,
        faults::{self, Bug},
    },
};

pub(in crate::characters) struct Save {
    pub(in crate::characters) id: CharacterId,
    pub(in crate::characters) epoch: i64,
    /// The version that is replaced is one of these: the last that the holder knows of, and one more for each save after it
    /// that was not confirmed.
    pub(in crate::characters) version: i64,
    pub(in crate::characters) version_max: i64,
    pub(in crate::characters) delta: Delta,
    /// All of it, not what is new.
    pub(in crate::characters) play_time_ms: i64,
    pub(in crate::characters) now_ms: i64,
}

/// What a save changes; the rest stays as it is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::characters) struct Delta {
    pub(in crate::characters) level: Option<u32>,
    pub(in crate::characters) experience: Option<u64>,
    pub(in crate::characters) attributes: Option<Attributes>,
    pub(in crate::characters) dead: Option<bool>,
    pub(in crate::characters) place: Option<Place>,
}

impl Delta {
    /// From what is stored to what is now; everything, when nobody knows what is stored.
    pub(in crate::characters) fn between(
        stored: Option<&(Sheet, Option<Place>)>,
        sheet: &Sheet,
        place: Option<Place>,
    ) -> Self {
        let (before, place_before) = (stored.map(|(sheet, _)| sheet), stored.and_then(|(_, place)| *place));
        Self {
            level: Some(sheet.level).filter(|level| before.is_none_or(|before| before.level != *level)),
            experience: Some(sheet.experience).filter(|now| before.is_none_or(|before| before.experience != *now)),
            attributes: Some(sheet.attributes).filter(|now| before.is_none_or(|before| before.attributes != *now)),
            dead: Some(sheet.dead).filter(|dead| before.is_none_or(|before| before.dead != *dead)),
            place: place.filter(|_| place != place_before),
        }
    }
}

/// Parameters of one save.
const PARAMETERS: usize = 16;
/// How many saves one statement carries; a few texts, so that they stay prepared. More than 16 gain nothing: SQLite seeks each parameter
/// among all others of its statement.
const SIZES: [usize; 3] = [16, 4, 1];

/// The texts of these sizes, under the lease's epoch and the versions that may be replaced.
static STATEMENTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let lease = "characters.lease_epoch = saves.column2 AND characters.leased <> 0
         AND characters.version >= saves.column3 AND characters.version <= saves.column4";
    SIZES.map(|size| statement(size, if faults::has(Bug::SaveWithoutVersion) { "1 = 1" } else { lease }))
});

fn statement(size: usize, condition: &str) -> String {
    let rows: Vec<String> = (0..size).map(row).collect();
    format!(
        concat!(
            "UPDATE characters SET level = COALESCE(saves.column5, level), experience = COALESCE(saves.column6, experience),
             strength = COALESCE(saves.column7, strength), dexterity = COALESCE(saves.column8, dexterity),
             vitality = COALESCE(saves.column9, vitality), energy = COALESCE(saves.column10, energy),
             dead = COALESCE(saves.column11, dead), zone = COALESCE(saves.column14, zone), x = COALESCE(saves.column15, x),
             y = COALESCE(saves.column16, y), played_last_ms = saves.column12, play_time_ms = saves.column13,
             version = version + 1
             FROM (VALUES {rows}) AS saves WHERE characters.id = saves.column1 AND {condition}
             RETURNING ",
            columns!()
        ),
        rows = rows.join(", "),
        condition = condition
    )
}

/// The parameters of one row; those of the first say of which type all are.
fn row(number: usize) -> String {
    let parameter = |place: usize| {
        let parameter = number * PARAMETERS + place;
        if number == 0 { format!("CAST(${parameter} AS BIGINT)") } else { format!("${parameter}") }
    };
    format!("({})", (1..=PARAMETERS).map(parameter).collect::<Vec<_>>().join(", "))
}

/// Writes each under the lease and over the versions that it names; `None` for those of which either is no longer so. Each is of another
/// character.
pub(in crate::characters) async fn save(
    connection: &mut AnyConnection,
    saves: &[&Save],
) -> Result<Vec<Option<Character>>, StorageError> {
    let mut saved = Vec::with_capacity(saves.len());
    let mut rest = saves;
    while !rest.is_empty() {
        let place = SIZES.iter().position(|size| *size <= rest.len()).expect("the last size is one");
        let (piece, others) = rest.split_at(SIZES[place]);
        let query = piece.iter().fold(sqlx::query(STATEMENTS[place].as_str()), |query, save| bind(query, save));
        let rows = query.fetch_all(&mut *connection).await?;
        let mut found: Vec<Character> = rows.iter().map(character).collect::<Result<_, _>>()?;
        saved.extend(piece.iter().map(|save| {
            let index = found.iter().position(|character| character.id == save.id)?;
            Some(found.swap_remove(index))
        }));
        rest = others;
    }
    Ok(saved)
}

fn bind<'q>(query: Query<'q, Any, AnyArguments>, save: &Save) -> Query<'q, Any, AnyArguments> {
    let Delta { level, experience, attributes, dead, place } = save.delta;
    query
        .bind(save.id.to_sql())
        .bind(save.epoch)
        .bind(save.version)
        .bind(save.version_max)
        .bind(level.map(i64::from))
        .bind(experience.map(|experience| i64::try_from(experience).unwrap_or(i64::MAX)))
        .bind(attributes.map(|attributes| i64::from(attributes.strength)))
        .bind(attributes.map(|attributes| i64::from(attributes.dexterity)))
        .bind(attributes.map(|attributes| i64::from(attributes.vitality)))
        .bind(attributes.map(|attributes| i64::from(attributes.energy)))
        .bind(dead.map(i64::from))
        .bind(save.now_ms)
        .bind(save.play_time_ms)
        .bind(place.map(|place| i64::from(place.zone)))
        .bind(place.map(|place| i64::from(place.x)))
        .bind(place.map(|place| i64::from(place.y)))
}
