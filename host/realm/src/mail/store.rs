//! SQL of letters. What lies in one are rows of `items` and `purses`.

use sqlx::{Any, AnyConnection, Executor, Row as _, any::AnyRow};

use super::{Letter, LetterKind};
use crate::{
    items::{OWNED_COLUMNS, Owned, owned_columns, owned_of},
    storage::{Readers, StorageError},
    types::{AccountId, CharacterId, LetterId},
};

/// Somebody in whose mailbox letters lie.
pub(super) struct Person {
    pub(super) id: CharacterId,
    pub(super) account: AccountId,
    pub(super) name: String,
    pub(super) hardcore: bool,
}

/// A letter that is written now.
#[derive(Debug)]
pub(super) struct NewLetter {
    pub(super) id: LetterId,
    pub(super) kind: LetterKind,
    pub(super) owner: CharacterId,
    pub(super) sender: Option<CharacterId>,
    pub(super) text: String,
    pub(super) about: String,
    pub(super) sent_ms: i64,
    pub(super) expires_ms: i64,
}

impl NewLetter {
    /// As it lies in the mailbox.
    pub(super) fn letter(self, sender_name: String, gold: i64, items: Vec<Owned>) -> Letter {
        let Self { id, kind, owner, sender, text, about, sent_ms, expires_ms } = self;
        let (expires_ms, read_ms, version) = (Some(expires_ms), None, 1);
        Letter { id, kind, owner, sender, sender_name, text, about, sent_ms, expires_ms, read_ms, version, gold, items }
    }
}

fn person_of(row: &AnyRow) -> Result<Person, StorageError> {
    let (id, account) = (CharacterId::from_sql(row.try_get(0)?), AccountId::from_sql(row.try_get(1)?));
    Ok(Person { id, account, name: row.try_get(2)?, hardcore: row.try_get::<i64, _>(3)? != 0 })
}

/// A living character of this realm.
pub(super) async fn person(
    connection: &mut AnyConnection,
    realm: &str,
    id: CharacterId,
) -> Result<Option<Person>, StorageError> {
    let row = sqlx::query(
        "SELECT id, account, name, hardcore FROM characters WHERE id = $1 AND realm = $2 AND deleted_ms IS NULL",
    )
    .bind(id.to_sql())
    .bind(realm)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(person_of).transpose()
}

/// The living character of this realm that has a name, in its folded form.
pub(super) async fn named(
    connection: &mut AnyConnection,
    realm: &str,
    folded: &str,
) -> Result<Option<Person>, StorageError> {
    let row = sqlx::query(
        "SELECT id, account, name, hardcore FROM characters WHERE realm = $1 AND folded = $2 AND deleted_ms IS NULL",
    )
    .bind(realm)
    .bind(folded)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(person_of).transpose()
}

/// Whose a character is and in which realm, whether or not it was deleted, as long as it can come back.
pub(super) async fn home_of(
    connection: &mut AnyConnection,
    id: CharacterId,
) -> Result<Option<(AccountId, String)>, StorageError> {
    let found = sqlx::query("SELECT account, realm FROM characters WHERE id = $1").bind(id.to_sql());
    let row = found.fetch_optional(connection).await?;
    row.map(|row| Ok((AccountId::from_sql(row.try_get(0)?), row.try_get(1)?))).transpose()
}

/// What lies in a letter is in the realm of the letter.
pub(super) async fn follow(connection: &mut AnyConnection, id: LetterId, realm: &str) -> Result<(), StorageError> {
    for statement in [
        "UPDATE items SET realm = $2 WHERE place = 'letter' AND holder = $1",
        "UPDATE purses SET realm = $2 WHERE kind = 'letter' AND holder = $1",
    ] {
        sqlx::query(statement).bind(id.to_sql()).bind(realm).execute(&mut *connection).await?;
    }
    Ok(())
}

/// How many letters lie in a mailbox.
pub(super) async fn count(connection: &mut AnyConnection, owner: CharacterId) -> Result<i64, StorageError> {
    let counted = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) FROM letters WHERE owner = $1").bind(owner.to_sql());
    Ok(counted.fetch_one(connection).await?.try_get(0)?)
}

/// How many of them an account has written.
pub(super) async fn count_from(
    connection: &mut AnyConnection,
    owner: CharacterId,
    account: AccountId,
) -> Result<i64, StorageError> {
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM letters l JOIN characters c ON c.id = l.sender
         WHERE l.owner = $1 AND l.kind = 'player' AND c.account = $2",
    )
    .bind(owner.to_sql())
    .bind(account.to_sql())
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

pub(super) async fn insert(connection: &mut AnyConnection, realm: &str, new: &NewLetter) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO letters (id, realm, kind, owner, sender, text, about, sent_ms, expires_ms, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)",
    )
    .bind(new.id.to_sql())
    .bind(realm)
    .bind(new.kind.name())
    .bind(new.owner.to_sql())
    .bind(new.sender.map(CharacterId::to_sql))
    .bind(new.text.as_str())
    .bind(new.about.as_str())
    .bind(new.sent_ms)
    .bind(new.expires_ms)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn mark_read(connection: &mut AnyConnection, id: LetterId, now_ms: i64) -> Result<(), StorageError> {
    sqlx::query("UPDATE letters SET read_ms = $2, version = version + 1 WHERE id = $1")
        .bind(id.to_sql())
        .bind(now_ms)
        .execute(connection)
        .await?;
    Ok(())
}

/// What was in it was taken.
pub(super) async fn empty(
    connection: &mut AnyConnection,
    id: LetterId,
    now_ms: i64,
    expires_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query(
        "UPDATE letters SET read_ms = COALESCE(read_ms, $2), expires_ms = $3, version = version + 1 WHERE id = $1",
    )
    .bind(id.to_sql())
    .bind(now_ms)
    .bind(expires_ms)
    .execute(connection)
    .await?;
    Ok(())
}

/// It stays, and is looked at again. What somebody wrote who is gone is forgotten.
pub(super) async fn keep(connection: &mut AnyConnection, id: LetterId, expires_ms: i64) -> Result<(), StorageError> {
    sqlx::query(
        "UPDATE letters SET expires_ms = $2, text = CASE WHEN sender IS NULL
         OR EXISTS (SELECT 1 FROM characters WHERE characters.id = letters.sender) THEN text ELSE '' END WHERE id = $1",
    )
    .bind(id.to_sql())
    .bind(expires_ms)
    .execute(connection)
    .await?;
    Ok(())
}

/// A letter in which there is nothing, with its purse.
pub(super) async fn delete(connection: &mut AnyConnection, id: LetterId) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM letters WHERE id = $1").bind(id.to_sql()).execute(&mut *connection).await?;
    let purse = sqlx::query("DELETE FROM purses WHERE kind = 'letter' AND holder = $1 AND gold = 0");
    purse.bind(id.to_sql()).execute(connection).await?;
    Ok(())
}

/// Letters that have lain long enough, the oldest first.
pub(super) async fn due(
    readers: &Readers,
    realm: &str,
    now_ms: i64,
    letters_max: u32,
) -> Result<Vec<LetterId>, StorageError> {
    let rows = sqlx::query("SELECT id FROM letters WHERE realm = $1 AND expires_ms <= $2 ORDER BY expires_ms LIMIT $3")
        .bind(realm)
        .bind(now_ms)
        .bind(i64::from(letters_max))
        .fetch_all(readers)
        .await?;
    rows.iter().map(|row| Ok(LetterId::from_sql(row.try_get(0)?))).collect()
}

macro_rules! letters {
    ($which:literal) => {
        concat!(
            "SELECT l.id, l.kind, l.owner, l.sender, COALESCE(c.name, ''), l.text, l.about, l.sent_ms, l.expires_ms, l.read_ms,
             l.version, COALESCE(p.gold, 0) FROM letters l LEFT JOIN characters c ON c.id = l.sender
             LEFT JOIN purses p ON p.kind = 'letter' AND p.holder = l.id AND p.realm = l.realm WHERE ",
            $which
        )
    };
}

fn letter(row: &AnyRow) -> Result<Letter, StorageError> {
    let damaged = || StorageError::Statement("a stored letter is of no kind".to_owned());
    Ok(Letter {
        id: LetterId::from_sql(row.try_get(0)?),
        kind: LetterKind::from_name(&row.try_get::<String, _>(1)?).ok_or_else(damaged)?,
        owner: CharacterId::from_sql(row.try_get(2)?),
        sender: row.try_get::<Option<i64>, _>(3)?.map(CharacterId::from_sql),
        sender_name: row.try_get(4)?,
        text: row.try_get(5)?,
        about: row.try_get(6)?,
        sent_ms: row.try_get(7)?,
        expires_ms: row.try_get(8)?,
        read_ms: row.try_get(9)?,
        version: row.try_get(10)?,
        gold: row.try_get(11)?,
        items: Vec::new(),
    })
}

const ONE: &str = letters!("l.id = $1 AND l.realm = $2");
const CONTENTS: &str =
    concat!("SELECT ", owned_columns!(), " FROM items i WHERE i.place = 'letter' AND i.holder = $1 ORDER BY i.x");

async fn contents<'e>(executor: impl Executor<'e, Database = Any>, id: LetterId) -> Result<Vec<Owned>, StorageError> {
    let rows = sqlx::query(CONTENTS).bind(id.to_sql()).fetch_all(executor).await?;
    rows.iter().map(owned_of).collect()
}

/// A letter with what is in it, in the writer's transaction.
pub(super) async fn find(
    connection: &mut AnyConnection,
    realm: &str,
    id: LetterId,
) -> Result<Option<Letter>, StorageError> {
    let row = sqlx::query(ONE).bind(id.to_sql()).bind(realm).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Letter { items: contents(connection, id).await?, ..letter(&row)? }))
}

/// The same for who only looks.
pub(super) async fn look(readers: &Readers, realm: &str, id: LetterId) -> Result<Option<Letter>, StorageError> {
    let row = sqlx::query(ONE).bind(id.to_sql()).bind(realm).fetch_optional(readers).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Letter { items: contents(readers, id).await?, ..letter(&row)? }))
}

/// Letters of a mailbox, the newest first, before one.
pub(super) async fn page(
    readers: &Readers,
    owner: CharacterId,
    before: Option<LetterId>,
    entries: u32,
) -> Result<Vec<Letter>, StorageError> {
    let before = before.map_or(i64::MAX, LetterId::to_sql);
    let rows = sqlx::query(letters!("l.owner = $1 AND l.id < $2 ORDER BY l.id DESC LIMIT $3"))
        .bind(owner.to_sql())
        .bind(before)
        .bind(i64::from(entries))
        .fetch_all(readers)
        .await?;
    let mut letters = rows.iter().map(letter).collect::<Result<Vec<_>, _>>()?;
    let Some(last) = letters.last().map(|letter| letter.id) else { return Ok(letters) };
    // `CROSS JOIN` names the order to SQLite: the letters of the mailbox first.
    let rows = sqlx::query(concat!(
        "SELECT ",
        owned_columns!(),
        ", l.id FROM letters l CROSS JOIN items i
         WHERE l.owner = $1 AND l.id < $2 AND l.id >= $3 AND i.place = 'letter' AND i.holder = l.id ORDER BY l.id, i.x"
    ))
    .bind(owner.to_sql())
    .bind(before)
    .bind(last.to_sql())
    .fetch_all(readers)
    .await?;
    for row in &rows {
        let id = LetterId::from_sql(row.try_get(OWNED_COLUMNS)?);
        if let Some(letter) = letters.iter_mut().find(|letter| letter.id == id) {
            letter.items.push(owned_of(row)?);
        }
    }
    Ok(letters)
}
