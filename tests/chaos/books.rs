//! What must be so of items and gold after each kill, by the rows alone: the realm's own check (`realm ledger verify`) is not asked.

use std::collections::BTreeMap;

use sqlx::{Row as _, SqliteConnection};

use crate::bot::Bot;

/// Sides of lines that are no place: from where items come, and where they go to when they end.
const NOWHERE: &str = "('nothing', 'stack')";

/// Everything that is broken.
pub(crate) async fn all(connection: &mut SqliteConnection, bots: &[Bot]) -> Vec<String> {
    let mut broken = Vec::new();
    gold(connection, &mut broken).await;
    items(connection, &mut broken).await;
    acts(connection, bots, &mut broken).await;
    broken
}

async fn number(connection: &mut SqliteConnection, query: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(connection).await.expect("a number")
}

/// What was minted and not burned lies in purses, and each purse has what the ledger says.
async fn gold(connection: &mut SqliteConnection, broken: &mut Vec<String>) {
    let sum = number(connection, "SELECT COALESCE(SUM(gold), 0) FROM purses").await;
    if sum != 0 {
        broken.push(format!("all purses and the mint together have {sum} gold"));
    }
    let differing = number(
        connection,
        "SELECT COUNT(*) FROM (SELECT kind, holder, realm, SUM(gold) AS gold FROM (
             SELECT kind, holder, realm, gold FROM purses
             UNION ALL SELECT SUBSTR(to_place, 7), to_holder, realm, -amount FROM ledger WHERE goods = 'gold'
             UNION ALL SELECT SUBSTR(from_place, 7), from_holder, realm, amount FROM ledger WHERE goods = 'gold'
         ) GROUP BY kind, holder, realm) WHERE gold <> 0",
    )
    .await;
    if differing != 0 {
        broken.push(format!("{differing} purses do not have what the ledger says"));
    }
}

/// Of each item there is as much as came into being and did not end, and it is where its last line says.
async fn items(connection: &mut SqliteConnection, broken: &mut Vec<String>) {
    let differing = number(
        connection,
        &format!(
            "SELECT COUNT(*) FROM (SELECT item, SUM(pieces) AS pieces FROM (
                 SELECT id AS item, pieces FROM items
                 UNION ALL SELECT item, -amount FROM ledger WHERE item <> 0 AND to_place NOT IN {NOWHERE}
                 UNION ALL SELECT item, amount FROM ledger WHERE item <> 0 AND from_place NOT IN {NOWHERE}
             ) GROUP BY item) WHERE pieces <> 0"
        ),
    )
    .await;
    if differing != 0 {
        broken.push(format!("of {differing} items there is more or less than the ledger says"));
    }
    let elsewhere = number(
        connection,
        &format!(
            "SELECT COUNT(*) FROM items WHERE NOT EXISTS (SELECT 1 FROM ledger WHERE ledger.number =
                 (SELECT MAX(number) FROM ledger WHERE ledger.item = items.id AND to_place NOT IN {NOWHERE})
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
            "SELECT COUNT(*) FROM items WHERE place = 'letter' AND holder NOT IN (SELECT id FROM letters)",
        ),
        (
            "offers are without their item",
            "SELECT COUNT(*) FROM offers WHERE NOT EXISTS (SELECT 1 FROM items WHERE items.id = offers.item AND place = 'offer' AND holder = offers.id)",
        ),
        (
            "items are offered by nobody",
            "SELECT COUNT(*) FROM items WHERE place = 'offer' AND holder NOT IN (SELECT id FROM offers)",
        ),
        (
            "purses of letters have no letter",
            "SELECT COUNT(*) FROM purses WHERE kind = 'letter' AND gold <> 0 AND holder NOT IN (SELECT id FROM letters)",
        ),
        ("numbers of the ledger are missing", "SELECT COALESCE(MAX(number), 0) - COUNT(*) FROM ledger"),
        (
            "lines before the last one are unknown to the ledger's head",
            "SELECT COALESCE((SELECT number FROM ledger_head), 0) - COALESCE(MAX(number), 0) FROM ledger",
        ),
    ] {
        let count = number(connection, query).await;
        if count != 0 {
            broken.push(format!("{count} {what}"));
        }
    }
}

/// Each act that was acknowledged was done once; one that has no answer yet was done once or not at all.
async fn acts(connection: &mut SqliteConnection, bots: &[Bot], broken: &mut Vec<String>) {
    let query = "SELECT CASE WHEN actor LIKE 'account:%' THEN (SELECT name FROM accounts WHERE id = CAST(SUBSTR(actor, 9) AS INTEGER)) ELSE actor END,
         COUNT(DISTINCT operation) FROM ledger WHERE act NOT IN ('find', 'pick-up', 'drop') GROUP BY actor";
    let rows = sqlx::query(query).fetch_all(connection).await.expect("acts");
    let mut done: BTreeMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
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
