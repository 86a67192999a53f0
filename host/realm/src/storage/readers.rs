//! The door through which features read: sees what is committed, and never waits for a database that is away.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream, stream::BoxStream};
use sqlx::{
    Any, AnyConnection, AnyPool, Connection as _, Either, Executor, Row as _, SqlStr, any, pool::PoolConnection,
};
use tokio::sync::watch;

use super::{StorageError, place, sqlite};

/// The longest that one query may take, with the wait for a connection.
const READ_WAIT: Duration = Duration::from_secs(10);
/// How queries that belong together begin: all of them see what was committed before the first.
const BEGIN_AT_SERVER: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const BEGIN_IN_FILE: &str = "BEGIN";

/// Connections that only read. There are none while the database is away: then every query is refused at once, and only the writer
/// tries to reach it.
#[derive(Debug, Clone)]
pub struct Readers(watch::Receiver<Option<AnyPool>>);

impl Readers {
    pub(super) fn new(pool: watch::Receiver<Option<AnyPool>>) -> Self {
        Self(pool)
    }

    /// Ends them when what they are at is done.
    pub(super) async fn close(&self) {
        let pool = self.0.borrow().clone();
        if let Some(pool) = pool {
            pool.close().await;
        }
    }

    /// Empties the log beside a database file; false when somebody was in the way. A server is let alone.
    pub(super) async fn empty_log(&self) -> Result<bool, StorageError> {
        let emptied = self.ask(async |pool: AnyPool| {
            let mut connection = connection(pool).await?;
            if place::is_server(&connection) {
                return Ok(true);
            }
            let row = connection.fetch_one(sqlx::raw_sql(sqlite::EMPTY_LOG)).await?;
            Ok(row.try_get::<i64, _>(0)? == 0)
        });
        Ok(emptied.await?)
    }

    /// Runs several queries that see the database as it is at one moment.
    ///
    /// # Errors
    /// Those of the queries, and of a database that is away or does not answer in time.
    pub(crate) async fn at_one_moment<T, F>(&self, queries: F) -> Result<T, StorageError>
    where
        F: for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StorageError>>,
    {
        let answer = self.ask(async |pool: AnyPool| {
            let mut connection = connection(pool).await?;
            let begin = if place::is_server(&connection) { BEGIN_AT_SERVER } else { BEGIN_IN_FILE };
            let mut moment = connection.begin_with(begin).await?;
            let answer = queries(&mut moment).await;
            moment.rollback().await?;
            Ok(answer)
        });
        answer.await?
    }

    /// Runs a query as long as the database is there.
    async fn ask<T>(&self, query: impl AsyncFnOnce(AnyPool) -> sqlx::Result<T>) -> sqlx::Result<T> {
        let mut pools = self.0.clone();
        let pool = pools.borrow_and_update().clone();
        let pool = pool.ok_or(sqlx::Error::PoolTimedOut)?;
        tokio::select! {
            answer = query(pool) => answer,
            // Gone, or replaced: what was asked of the old one is not answered any more.
            _ = pools.changed() => Err(sqlx::Error::PoolTimedOut),
            () = tokio::time::sleep(READ_WAIT) => Err(sqlx::Error::PoolTimedOut),
        }
    }
}

/// A connection. One that is not there yet is made by the runtime's threads: where a connection has a thread of its own, that takes its
/// urgency from the thread that made it.
async fn connection(pool: AnyPool) -> sqlx::Result<PoolConnection<Any>> {
    if pool.num_idle() > 0 {
        return pool.acquire().await;
    }
    tokio::spawn(async move { pool.acquire().await }).await.unwrap_or(Err(sqlx::Error::PoolClosed))
}

impl<'p> Executor<'p> for &'p Readers {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<any::AnyQueryResult, any::AnyRow>>>
    where
        'p: 'e,
        E: 'q + sqlx::Execute<'q, Any>,
    {
        let all = async move {
            let rows = self.ask(async |pool: AnyPool| {
                let mut connection = connection(pool).await?;
                connection.fetch_many(query).try_collect::<Vec<_>>().await
            });
            match rows.await {
                Ok(rows) => rows.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        };
        stream::once(all).flat_map(stream::iter).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<any::AnyRow>>>
    where
        'p: 'e,
        E: 'q + sqlx::Execute<'q, Any>,
    {
        Box::pin(self.ask(async |pool: AnyPool| connection(pool).await?.fetch_optional(query).await))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [any::AnyTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<any::AnyStatement>>
    where
        'p: 'e,
    {
        Box::pin(self.ask(async move |pool: AnyPool| connection(pool).await?.prepare_with(sql, parameters).await))
    }
}
