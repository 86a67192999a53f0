//! What migrations make of rows that were there before.

use sqlx::Row as _;

use super::{
    migrations,
    place::Place,
    testing::{Home, each_database},
};

async fn deciders_of_before_are_told_with_their_kind(home: Home) {
    let mut connection = Place::new(&home.config(), home.path()).unwrap().connect_writer().await.unwrap();
    migrations::run_until(&mut connection, 0, 7).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
         VALUES (7, 'Ann', 'ann', '', 'player', 0, 1), (8, 'crier', 'crier', '', 'player', 0, 1);
         INSERT INTO audit_log (number, at_ms, realm, actor, act, target, reason, state_before, state_after, hash) VALUES
         (1, 10, 'main', 'account:8', 'players.mute', 'account:7', '', '', '{\"kind\":\"mute\",\"number\":3,\"until_ms\":99}', ''),
         (2, 20, 'main', 'account:7', 'sanctions.lift', 'account:7', '', '{\"number\":3,\"kind\":\"mute\",\"until_ms\":99}', '', ''),
         (3, 30, 'main', 'account:7', 'players.ban', 'network:192.0.2.0/24', '', '', '{\"number\":4,\"kind\":\"ban\",\"until_ms\":null}', '');
         INSERT INTO sanctions (id, number, kind, account, network, reason, decided_by, created_ms, until_ms, lifted_by, lifted_ms) VALUES
         (11, 1, 'ban', 7, NULL, '', 'crier', 5, NULL, 'the operator', 6),
         (12, 2, 'ban', 7, NULL, '', 'rule:anti-cheat', 5, NULL, NULL, NULL),
         (13, 3, 'mute', 7, NULL, '', 'crier', 10, 99, 'Ann', 20),
         (14, 4, 'ban', NULL, '192.0.2.0/24', '', 'Ann', 30, NULL, NULL, NULL),
         (15, 5, 'mute', 7, NULL, '', 'crier', 40, 99, NULL, NULL);
         INSERT INTO account_keys (hash, hint, note, created_ms) VALUES ('b', 'B', '', 1), ('a', 'A', '', 2), ('c', 'C', '', 2);",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    migrations::run(&mut connection, 0).await.unwrap();
    let rows = sqlx::query("SELECT number, changed, decided_by, lifted_by FROM sanctions ORDER BY number");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let found: Vec<(i64, i64, String, Option<String>)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    let expected = [
        (1, "account:8", Some("operator")),
        (2, "rule:anti-cheat", None),
        (3, "account:8", Some("account:7")),
        (4, "account:7", None),
        // Of the name of an account, and not in the log: a plugin.
        (5, "plugin:crier", None),
    ];
    let expected = expected.map(|(number, by, lifted)| (number, number, by.to_owned(), lifted.map(str::to_owned)));
    assert_eq!(found, expected);
    let keys = sqlx::query("SELECT hint, number FROM account_keys ORDER BY number").fetch_all(&mut connection).await;
    let keys: Vec<(String, i64)> = keys.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(keys, [("B", 1), ("A", 2), ("C", 3)].map(|(hint, number)| (hint.to_owned(), number)));
    sqlx::Connection::close(connection).await.unwrap();
}

each_database! {
    deciders_of_before_are_told_with_their_kind,
}
