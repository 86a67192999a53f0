//! The scanner over the live database.

use super::*;

each_database!(the_scanner_finds_what_verbs_cannot_do, a_thousand_of_a_thousand_are_found_and_none_falsely,);

async fn the_scanner_finds_what_verbs_cannot_do(home: Home) {
    let stage = Stage::new(home).await;
    let helm = stage.base(|base| base.kind == Kind::Helm);
    let one = stage.give(&helm, 1, inventory(0, 0)).await;
    stage.give(&helm, 1, inventory(2, 0)).await;
    let salt = stage.give("ash-salt", 5, inventory(4, 0)).await;
    let scan = |storage: Storage, items: Items| async move {
        let content = std::sync::Arc::clone(items.content());
        let scanned = storage.write::<_, crate::items::ScanError, _>(move |connection| {
            Box::pin(async move { crate::items::scan(connection, &content, 1_000).await })
        });
        scanned.await.unwrap()
    };
    let clean = scan(stage.storage.clone(), stage.items.clone()).await;
    assert!(clean.is_clean() && clean.report.records == 3, "{clean:?}");
    // Over another, more of it than the ledger knows, and an item that cannot be.
    change(&stage.storage, "UPDATE items SET x = x + $1 WHERE id = $2", 1, one.to_sql()).await;
    change(&stage.storage, "UPDATE items SET pieces = pieces + $1 WHERE id = $2", 1, salt.to_sql()).await;
    let found = scan(stage.storage.clone(), stage.items.clone()).await;
    let words: Vec<String> = found.report.findings.iter().map(|finding| found.words(finding)).collect();
    assert_eq!(words, ["all of \"ash-salt\" together are not the 5 that the ledger says"]);
    let odd: Vec<&str> = found.odd.iter().map(|odd| odd.what.as_str()).collect();
    assert_eq!(odd, ["it lies over something else", "its pieces are told in two ways"], "{found:?}");
    stage.storage.close().await;
}

/// Items of the database that are looked at; of each of four sorts a twelfth is doubled or broken.
const ITEMS: i64 = 3_000;
const OF_EACH: usize = 250;

/// A database that has lost its constraints, as one does that somebody has written into with another program.
async fn a_thousand_of_a_thousand_are_found_and_none_falsely(home: Home) {
    use std::collections::BTreeSet;

    use realm_world::items::Finding;

    let stage = Stage::new(home).await;
    let ring = serde_json::to_string(&plain(&stage.items, "ring", 1)).unwrap();
    let columns =
        "id, realm, place, holder, page, x, y, width, height, last_holder, base, quality, level, pieces, body, version,
        birth_game, birth_tick, birth_ordinal, birth_content, birth_rules, created_ms";
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {ITEMS})"
    );
    let copy = |id: i64, holder: i64, tick: i64, which: i64| {
        format!(
            "INSERT INTO items ({columns}) SELECT id + {id}, realm, place, holder + {holder}, page, x, y, width, height, last_holder,
             base, quality, level, pieces, body, version, birth_game, birth_tick + {tick}, birth_ordinal, birth_content, birth_rules,
             created_ms FROM kept_items WHERE id % 12 = {which}"
        )
    };
    let statements = [
        format!(
            "{numbers} INSERT INTO items ({columns}) SELECT n, 'main', 'stash', 5 + n / 400, n % 400 / 100, n % 10, n / 10 % 10, 1, 1, 5,
             'ring', 'normal', 1, 1, '{ring}', 1, 7, n, 0, '', '', 0 FROM numbers"
        ),
        format!(
            "{numbers} INSERT INTO ledger (number, at_ms, realm, operation, act, actor, goods, item, amount, from_place, from_holder,
             from_cell, to_place, to_holder, to_cell, note, birth_game, birth_tick, birth_ordinal, hash)
             SELECT n + 1, 0, 'main', n, 'find', 'realm', 'ring', n, 1, 'nothing', 0, '', 'stash', 5, '', '', 7, n, 0, '' FROM numbers"
        ),
        "ALTER TABLE items RENAME TO kept_items".to_owned(),
        "CREATE TABLE items AS SELECT * FROM kept_items".to_owned(),
        // One key twice (two of them at the end of what is read at once), one birth twice, one place twice, and no pieces.
        copy(0, 1_000, 10_000, 10),
        copy(100_000, 2_000, 0, 1),
        copy(200_000, 0, 20_000, 2),
        "UPDATE items SET pieces = 0 WHERE id < 100000 AND id % 12 = 3".to_owned(),
    ];
    let content = std::sync::Arc::clone(stage.items.content());
    let scanned = stage.storage.write::<_, crate::items::ScanError, _>(move |connection| {
        Box::pin(async move {
            for statement in statements {
                let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await;
                done.map_err(crate::storage::StorageError::from)?;
            }
            crate::items::scan(connection, &content, 10_000).await
        })
    });
    let found = scanned.await.unwrap().report;
    assert_eq!((found.records, found.more), (3_750, 0));
    let named = |pick: fn(&Finding) -> Option<u64>| found.findings.iter().filter_map(pick).collect::<BTreeSet<u64>>();
    let injected = |first: u64, which: u64| {
        (0..3_000).filter(|key| key % 12 == which).map(|key| key + first).collect::<BTreeSet<u64>>()
    };
    let twice = named(|finding| if let Finding::KeyTwice { key, times: 2 } = finding { Some(*key) } else { None });
    let cloned =
        named(|finding| if let Finding::CertificateTwice { other, .. } = finding { Some(*other) } else { None });
    let shared = named(|finding| if let Finding::PlaceTwice { other, .. } = finding { Some(*other) } else { None });
    let none = named(|finding| if let Finding::CountWrong { key, .. } = finding { Some(*key) } else { None });
    assert_eq!(twice.len() + cloned.len() + shared.len() + none.len(), 4 * OF_EACH);
    assert_eq!((twice, cloned), (injected(0, 10), injected(100_000, 1)));
    assert_eq!((shared, none), (injected(200_000, 2), injected(0, 3)));
    stage.storage.close().await;
}
