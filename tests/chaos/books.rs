//! What must be so of items and gold after each kill, by the rows alone: the realm's own check (`realm ledger verify`) is not asked.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::{
    bot::{Account, Bot},
    look::number,
};

/// Sides of lines that are no place: from where items come, and where they go to when they end.
const NOWHERE: &str = "('nothing', 'stack')";

/// Everything that is broken.
pub(crate) async fn all(connection: &mut AnyConnection, bots: &mut [Bot]) -> Vec<String> {
    let mut broken = Vec::new();
    gold(connection, &mut broken).await;
    items(connection, &mut broken).await;
    keys(connection, &mut broken).await;
    acts(connection, bots, &mut broken).await;
    games(connection, bots, &mut broken).await;
    broken
}

/// What was minted and not burned lies in purses, and each purse has what the ledger says.
async fn gold(connection: &mut AnyConnection, broken: &mut Vec<String>) {
    let sum = number(connection, "SELECT CAST(COALESCE(SUM(gold), 0) AS BIGINT) FROM purses").await;
    if sum != 0 {
        broken.push(format!("all purses and the mint together have {sum} gold"));
    }
    let differing = number(
        connection,
        "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT kind, holder, realm, SUM(gold) AS gold FROM (
             SELECT kind, holder, realm, gold FROM purses
             UNION ALL SELECT SUBSTR(to_place, 7), to_holder, realm, -amount FROM ledger WHERE goods = 'gold'
             UNION ALL SELECT SUBSTR(from_place, 7), from_holder, realm, amount FROM ledger WHERE goods = 'gold'
         ) AS moves GROUP BY kind, holder, realm) AS sums WHERE gold <> 0",
    )
    .await;
    if differing != 0 {
        broken.push(format!("{differing} purses do not have what the ledger says"));
    }
}

/// Of each item there is as much as came into being and did not end, and it is where its last line says.
async fn items(connection: &mut AnyConnection, broken: &mut Vec<String>) {
    let differing = number(
        connection,
        &format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT item, SUM(pieces) AS pieces FROM (
                 SELECT id AS item, pieces FROM items
                 UNION ALL SELECT item, -amount FROM ledger WHERE item <> 0 AND to_place NOT IN {NOWHERE}
                 UNION ALL SELECT item, amount FROM ledger WHERE item <> 0 AND from_place NOT IN {NOWHERE}
             ) AS moves GROUP BY item) AS sums WHERE pieces <> 0"
        ),
    )
    .await;
    if differing != 0 {
        broken.push(format!("of {differing} items there is more or less than the ledger says"));
    }
    // That it is not 0 lets the database find the lines of an item by their index.
    let elsewhere = number(
        connection,
        &format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM items WHERE NOT EXISTS (SELECT 1 FROM ledger WHERE ledger.number =
                 (SELECT MAX(number) FROM ledger WHERE ledger.item = items.id AND ledger.item <> 0
                     AND to_place NOT IN {NOWHERE})
                 AND to_place = items.place AND to_holder = items.holder)"
        ),
    )
    .await;
    if elsewhere != 0 {
        broken.push(format!("{elsewhere} items are not where the ledger says"));
    }
    for (what, query) in [
        (
            "letters hold items that are not there for them",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM items WHERE place = 'letter' AND holder NOT IN (SELECT id FROM letters)",
        ),
        (
            "offers are without their item",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM offers WHERE NOT EXISTS (SELECT 1 FROM items WHERE items.id = offers.item AND place = 'offer' AND holder = offers.id)",
        ),
        (
            "items are offered by nobody",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM items WHERE place = 'offer' AND holder NOT IN (SELECT id FROM offers)",
        ),
        (
            "purses of letters have no letter",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM purses WHERE kind = 'letter' AND gold <> 0 AND holder NOT IN (SELECT id FROM letters)",
        ),
        (
            "items more or less are there than were created and not destroyed",
            "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM items) - (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT item FROM (
                 SELECT item, amount FROM ledger WHERE item <> 0 AND to_place NOT IN ('nothing', 'stack')
                 UNION ALL SELECT item, -amount FROM ledger WHERE item <> 0 AND from_place NOT IN ('nothing', 'stack')
             ) AS moves GROUP BY item HAVING SUM(amount) <> 0) AS living)",
        ),
        (
            "items are with characters that there are not",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM items WHERE place IN ('worn', 'inventory', 'stash', 'cube', 'returned')
                 AND holder NOT IN (SELECT id FROM characters)",
        ),
        (
            "purses are of characters that there are not",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM purses WHERE kind = 'character' AND gold <> 0
                 AND holder NOT IN (SELECT id FROM characters)",
        ),
        (
            "items lie upon others",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM items AS one JOIN items AS other ON other.holder = one.holder
                 AND other.place = one.place AND other.page = one.page AND other.id > one.id
                 WHERE one.place IN ('inventory', 'stash', 'cube')
                 AND one.x < other.x + other.width AND other.x < one.x + one.width
                 AND one.y < other.y + other.height AND other.y < one.y + one.height",
        ),
        (
            "numbers of the ledger are missing",
            "SELECT CAST(COALESCE(MAX(number), 0) - COUNT(*) AS BIGINT) FROM ledger",
        ),
        (
            "lines before the last one are unknown to the ledger's head",
            "SELECT CAST(COALESCE((SELECT number FROM ledger_head), 0) - COALESCE(MAX(number), 0) AS BIGINT) FROM ledger",
        ),
    ] {
        let count = number(connection, query).await;
        if count != 0 {
            broken.push(format!("{count} {what}"));
        }
    }
}

/// No key names two things: an item is born once, and an act is one act.
async fn keys(connection: &mut AnyConnection, broken: &mut Vec<String>) {
    for (what, query) in [
        (
            "keys of items were born twice",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT item FROM ledger WHERE item <> 0 AND birth_game IS NOT NULL
                 GROUP BY item HAVING COUNT(*) > 1) AS twice",
        ),
        (
            "keys of acts name several",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT operation FROM ledger GROUP BY operation
                 HAVING MIN(at_ms) <> MAX(at_ms) OR MIN(act) <> MAX(act) OR MIN(actor) <> MAX(actor)) AS several",
        ),
    ] {
        let count = number(connection, query).await;
        if count != 0 {
            broken.push(format!("{count} {what}"));
        }
    }
}

/// How often each act was done, whoever did it.
pub(crate) async fn acts_of_all(mut connection: AnyConnection) -> Vec<(String, i64)> {
    let query = "SELECT act, CAST(COUNT(DISTINCT operation) AS BIGINT) FROM ledger GROUP BY act";
    let rows = sqlx::query(query).fetch_all(&mut connection).await.expect("acts");
    // What it holds open would keep the next realm out.
    connection.close().await.expect("it is closed");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Acts of which a game tells, and not an answer.
const IN_GAMES: &str = "('find', 'pick-up', 'drop', 'use')";

/// How many acts each has done, by the name of the account.
async fn done(connection: &mut AnyConnection, which: &str) -> BTreeMap<String, i64> {
    let query = format!(
        "SELECT CASE WHEN actor LIKE 'account:%' THEN (SELECT name FROM accounts WHERE id = CAST(SUBSTR(actor, 9) AS BIGINT)) ELSE actor END,
         CAST(COUNT(DISTINCT operation) AS BIGINT) FROM ledger WHERE act {which} {IN_GAMES} GROUP BY actor"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(connection).await.expect("acts");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Each act that was acknowledged was done once; one that has no answer yet was done once or not at all.
async fn acts(connection: &mut AnyConnection, bots: &[Bot], broken: &mut Vec<String>) {
    let mut done = done(connection, "NOT IN").await;
    let mut by_staff = 0..=0;
    for account in bots.iter().flat_map(|bot| &bot.accounts) {
        let goods = &account.goods;
        let (own, staff) = match &goods.pending {
            Some(asked) if asked.is_by_staff() => (0, 1),
            Some(_) => (1, 0),
            None => (0, 0),
        };
        let seen = done.remove(&account.name).unwrap_or_default();
        let allowed = goods.acknowledged..=goods.acknowledged + own;
        if !allowed.contains(&seen) {
            broken.push(format!("{} has done {seen} acts with goods, and {allowed:?} were acknowledged", account.name));
        }
        by_staff = by_staff.start() + goods.letters..=by_staff.end() + goods.letters + staff;
    }
    let seen = done.remove("operator").unwrap_or_default();
    if !by_staff.contains(&seen) {
        broken.push(format!("staff have sent {seen} letters, and {by_staff:?} were acknowledged"));
    }
}

/// What a game has told is stored, once; what it has not told yet is stored once or not at all.
async fn games(connection: &mut AnyConnection, bots: &mut [Bot], broken: &mut Vec<String>) {
    let mut done = done(connection, "IN").await;
    for account in bots.iter_mut().flat_map(|bot| &mut bot.accounts) {
        let seen = done.remove(&account.name).unwrap_or_default();
        let allowed = account.ground.allowed();
        if !allowed.contains(&seen) {
            broken.push(format!(
                "{} has laid down, taken and used {seen} things in games, and was told of {allowed:?}",
                account.name
            ));
        }
        let told = account.ground.found(seen);
        for (act, item) in told {
            if !was_done(connection, account, act, item).await {
                broken.push(format!(
                    "{} was told of {act} of item {item}, and the ledger knows nothing of it",
                    account.name
                ));
            }
        }
    }
}

async fn was_done(connection: &mut AnyConnection, account: &Account, act: &str, item: u64) -> bool {
    let query = "SELECT CAST(COUNT(*) AS BIGINT) FROM ledger WHERE item = $1 AND item <> 0 AND actor = (
             SELECT 'account:' || id FROM accounts WHERE name = $2)
         AND (act = $3 OR (act = 'find' AND $3 = 'pick-up'))";
    let asked = sqlx::query_scalar::<_, i64>(query).bind(i64::try_from(item).expect("63 bits"));
    asked.bind(account.name.as_str()).bind(act).fetch_one(connection).await.expect("lines") > 0
}
