//! Every row of a realm from one database into another, and what shows that none was lost: counts, and a hash of each table.
//!
//! Tables and columns are read from a scratch database that the migrations made, so that no list of them has to be kept, and neither
//! database has to be asked in its own words.

use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _, any::AnyRow};

use super::{StorageError, migrations, place, postgresql};

/// Parameters of one statement; both databases take more.
const PARAMETERS_MAX: usize = 4_000;

/// How many rows a table has, and what they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSum {
    /// Name of the table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The sum of the SHA-256 of its rows, as four numbers of 64 bits, in hexadecimal: the same whatever the order of the rows is.
    pub hash: String,
}

/// A table, as the migrations made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    name: String,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: Kind,
}

/// The two types that migrations may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
}

enum Value {
    Number(Option<i64>),
    Text(Option<String>),
}

impl Table {
    fn names(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn select(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(format!("SELECT {} FROM {}", self.names(), self.name))
    }

    fn insert(&self, rows: usize) -> AssertSqlSafe<String> {
        let width = self.columns.len();
        let row = |row: usize| {
            let places: Vec<_> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(row).collect();
        AssertSqlSafe(format!("INSERT INTO {} ({}) VALUES {}", self.name, self.names(), rows.join(", ")))
    }

    fn values(&self, row: &AnyRow) -> Result<Vec<Value>, StorageError> {
        let value = |(index, column): (usize, &Column)| {
            Ok(match column.kind {
                Kind::Number => Value::Number(row.try_get(index)?),
                Kind::Text => Value::Text(row.try_get(index)?),
            })
        };
        self.columns.iter().enumerate().map(value).collect()
    }
}

/// Adds the hashes of rows up.
#[derive(Default)]
struct Sum {
    rows: u64,
    lanes: [u64; 4],
}

impl Sum {
    fn add(&mut self, row: &[Value]) {
        let mut hash = Sha256::new();
        for value in row {
            match value {
                Value::Number(None) | Value::Text(None) => hash.update([0]),
                Value::Number(Some(number)) => {
                    hash.update([1]);
                    hash.update(number.to_le_bytes());
                }
                Value::Text(Some(text)) => {
                    hash.update([2]);
                    hash.update((text.len() as u64).to_le_bytes());
                    hash.update(text);
                }
            }
        }
        for (lane, bytes) in self.lanes.iter_mut().zip(hash.finalize().chunks_exact(8)) {
            *lane = lane.wrapping_add(u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
        }
        self.rows += 1;
    }

    fn finish(&self, table: &Table) -> TableSum {
        let hash = self.lanes.iter().map(|lane| format!("{lane:016x}")).collect();
        TableSum { table: table.name.clone(), rows: self.rows, hash }
    }
}

/// The tables of a version of the schema, those that others refer to first.
pub(super) async fn tables(version: i64) -> Result<Vec<Table>, StorageError> {
    sqlx::any::install_default_drivers();
    let mut scratch = AnyConnection::connect("sqlite::memory:").await?;
    migrations::run_until(&mut scratch, 0, version).await?;
    let rows = sqlx::query(
        "SELECT t.name, c.name, c.type FROM sqlite_master t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name <> 'schema_migrations' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.rowid, c.cid",
    )
    .fetch_all(&mut scratch)
    .await?;
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let (name, column, kind): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let kind = match kind.as_str() {
            "BIGINT" => Kind::Number,
            "TEXT" => Kind::Text,
            other => return Err(StorageError::Statement(format!("column {column} of {name} has the type {other}"))),
        };
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table { name, columns: Vec::new() });
        }
        tables.last_mut().expect("pushed above").columns.push(Column { name: column, kind });
    }
    Ok(tables)
}

/// Begins to read one state of the database, whatever others write meanwhile.
pub(super) async fn begin_snapshot(connection: &mut AnyConnection) -> Result<(), StorageError> {
    let begin = if place::is_server(connection) { postgresql::BEGIN_SNAPSHOT } else { "BEGIN" };
    sqlx::raw_sql(begin).execute(connection).await?;
    Ok(())
}

/// What the tables hold.
pub(super) async fn sums(connection: &mut AnyConnection, tables: &[Table]) -> Result<Vec<TableSum>, StorageError> {
    let mut sums = Vec::with_capacity(tables.len());
    for table in tables {
        let mut sum = Sum::default();
        let mut rows = sqlx::query(table.select()).persistent(false).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            sum.add(&table.values(&row)?);
        }
        sums.push(sum.finish(table));
    }
    Ok(sums)
}

/// Copies all rows within the transactions that both connections are in, looks at them again, and answers with what there is.
///
/// # Errors
/// When what arrived is not what was sent: the caller rolls back.
pub(super) async fn copy(
    from: &mut AnyConnection,
    to: &mut AnyConnection,
    tables: &[Table],
) -> Result<Vec<TableSum>, StorageError> {
    let mut sent = Vec::with_capacity(tables.len());
    for table in tables {
        let mut sum = Sum::default();
        let batch_rows = PARAMETERS_MAX / table.columns.len();
        let mut batch = Vec::with_capacity(batch_rows);
        let mut rows = sqlx::query(table.select()).persistent(false).fetch(&mut *from);
        while let Some(row) = rows.try_next().await? {
            let values = table.values(&row)?;
            sum.add(&values);
            batch.push(values);
            if batch.len() == batch_rows {
                insert(to, table, std::mem::take(&mut batch)).await?;
            }
        }
        insert(to, table, batch).await?;
        sent.push(sum.finish(table));
    }
    let arrived = sums(to, tables).await?;
    for (sent, arrived) in sent.iter().zip(&arrived) {
        if sent != arrived {
            let (table, sent, arrived) = (&sent.table, sent.rows, arrived.rows);
            return Err(StorageError::Database(format!(
                "what arrived in the table {table} is not what was sent ({sent} rows sent, {arrived} arrived); nothing was changed"
            )));
        }
    }
    if place::is_server(to) {
        // The server looks at its tables by itself, but only a minute after so many changes: until then it would plan as for empty ones.
        sqlx::raw_sql("ANALYZE").execute(to).await?;
    }
    Ok(arrived)
}

async fn insert(to: &mut AnyConnection, table: &Table, rows: Vec<Vec<Value>>) -> Result<(), StorageError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = sqlx::query(table.insert(rows.len())).persistent(false);
    for value in rows.into_iter().flatten() {
        statement = match value {
            Value::Number(number) => statement.bind(number),
            Value::Text(text) => statement.bind(text),
        };
    }
    let done = statement.execute(to).await;
    done.map(drop).map_err(|error| match StorageError::from(error) {
        StorageError::Statement(problem) => {
            StorageError::Database(format!("a row of the table {} is refused: {problem}", table.name))
        }
        other => other,
    })
}

/// Removes every row, those that refer to others first.
pub(super) async fn clear(connection: &mut AnyConnection, tables: &[Table]) -> Result<(), StorageError> {
    for table in tables.iter().rev() {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {}", table.name)))
            .persistent(false)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
