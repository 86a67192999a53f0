//! The chain over both databases: what is written is whole, and whatever is changed behind the realm's back is found and named.

use serde_json::json;

use super::{Audit, Broken, Line, Sound, Wanted, Who, verify};
use crate::{
    storage::{
        Storage, StorageError,
        testing::{FakeClock, Home, account, each_database, open},
    },
    types::AccountId,
};

/// A log of so many lines, in which the operator and an account take turns.
async fn log(home: &Home, lines: i64) -> (Storage, Audit, AccountId) {
    let clock = FakeClock::new();
    let storage = open(home, &clock).await;
    let staff = account(&storage).await;
    let audit = Audit::new("main", storage.clone());
    for number in 0..lines {
        let who = if number % 2 == 0 { Who::Operator } else { Who::Account(staff) };
        let by = audit.by(who, &format!("because of {number}"));
        let deed = by.does("characters.rename", "character", number);
        audit.note(deed.changing(json!({"name": "Old"}), json!({"name": "New"}))).await.unwrap();
        clock.advance_ms(1_000);
    }
    (storage, audit, staff)
}

async fn checked(storage: &Storage) -> Result<Sound, Broken> {
    against(storage, None).await
}

/// The same against an end that was noted down.
async fn against(storage: &Storage, noted: Option<Sound>) -> Result<Sound, Broken> {
    let verify = storage
        .write::<_, StorageError, _>(|connection| Box::pin(async move { verify(connection, noted.as_ref()).await }));
    verify.await.unwrap()
}

async fn behind_the_back(storage: &Storage, statements: &[&'static str]) {
    let statements = statements.to_vec();
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                for statement in statements {
                    sqlx::raw_sql(statement).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
}

async fn what_was_written_is_whole_and_read_page_by_page(home: Home) {
    let (storage, audit, staff) = log(&home, 7).await;
    let sound = checked(&storage).await.unwrap();
    assert_eq!(sound.lines, 7);
    let first = audit.page(&Wanted::default(), None, 3).await.unwrap();
    let numbers = |lines: &[Line]| lines.iter().map(|line| line.number).collect::<Vec<_>>();
    assert_eq!(numbers(&first), [7, 6, 5]);
    assert_eq!(first[0].hash, sound.hash);
    let next = audit.page(&Wanted::default(), Some(5), 100).await.unwrap();
    assert_eq!(numbers(&next), [4, 3, 2, 1]);
    let by_staff = Wanted { actor: format!("account:{staff}"), ..Wanted::default() };
    assert_eq!(numbers(&audit.page(&by_staff, None, 100).await.unwrap()), [6, 4, 2]);
    let on_two = Wanted { target: "character:2".to_owned(), ..Wanted::default() };
    let found = audit.page(&on_two, None, 100).await.unwrap();
    assert_eq!((numbers(&found), found[0].reason.as_str()), (vec![3], "because of 2"));
    assert_eq!((found[0].before.as_str(), found[0].after.as_str()), ("{\"name\":\"Old\"}", "{\"name\":\"New\"}"));
    assert_eq!(audit.names(&first).await.unwrap().get(&staff).map(String::as_str), Some("Someone"));
}

async fn an_empty_log_is_whole(home: Home) {
    let (storage, _, _) = log(&home, 0).await;
    assert_eq!(checked(&storage).await.unwrap().lines, 0);
}

async fn one_changed_byte_is_found_in_every_column_and_its_line_is_named(home: Home) {
    for (column, value) in [
        ("at_ms", "at_ms + 1"),
        ("realm", "'mair'"),
        ("actor", "'operatop'"),
        ("act", "'characters.renamf'"),
        ("target", "'character:9'"),
        ("reason", "'because of 8'"),
        ("state_before", "''"),
        ("state_after", "'{\"name\":\"Nex\"}'"),
        ("hash", "'00' || SUBSTR(hash, 3)"),
    ] {
        let home = home.another();
        let (storage, _, _) = log(&home, 6).await;
        let statement = format!("UPDATE audit_log SET {column} = {value} WHERE number = 4");
        behind_the_back(&storage, &[Box::leak(statement.into_boxed_str())]).await;
        assert_eq!(checked(&storage).await, Err(Broken::Changed(4)), "{column}");
    }
}

async fn missing_swapped_and_added_lines_are_named(home: Home) {
    let cases: [(&[&'static str], Broken); 7] = [
        (&["DELETE FROM audit_log WHERE number = 3"], Broken::Missing { first: 3, last: 3 }),
        (&["DELETE FROM audit_log WHERE number < 3"], Broken::Missing { first: 1, last: 2 }),
        (&["DELETE FROM audit_log WHERE number > 4"], Broken::Missing { first: 5, last: 6 }),
        (
            &[
                "UPDATE audit_log SET number = 100 WHERE number = 2",
                "UPDATE audit_log SET number = 2 WHERE number = 5",
                "UPDATE audit_log SET number = 5 WHERE number = 100",
            ],
            Broken::Changed(2),
        ),
        (
            &["INSERT INTO audit_log SELECT 0, at_ms, realm, actor, act, target, reason, state_before, state_after, hash
               FROM audit_log WHERE number = 1"],
            Broken::Foreign(0),
        ),
        (
            // All is renumbered and the head with it: the hashes say so.
            &[
                "DELETE FROM audit_log WHERE number = 6",
                "UPDATE audit_head SET number = 5",
            ],
            Broken::Replaced(5),
        ),
        (&["DELETE FROM audit_head"], Broken::Headless(6)),
    ];
    for (statements, broken) in cases {
        let home = home.another();
        let (storage, _, _) = log(&home, 6).await;
        behind_the_back(&storage, statements).await;
        assert_eq!(checked(&storage).await, Err(broken), "{statements:?}");
    }
}

async fn a_log_that_was_cut_off_or_replaced_with_all_that_is_beside_it_is_found_by_what_was_noted_down(home: Home) {
    let (storage, audit, _) = log(&home, 6).await;
    let noted = checked(&storage).await.unwrap();
    assert_eq!(noted.to_string().parse(), Ok(noted.clone()), "as it is written it is read");
    let again = async || audit.note(audit.by(Who::Operator, "").does("plugins.reload", "plugin", "ladder")).await;
    again().await.unwrap();
    assert_eq!(against(&storage, Some(noted.clone())).await.unwrap().lines, 7, "what came later is welcome");
    let cut = [
        "UPDATE audit_head SET number = 4, hash = (SELECT hash FROM audit_log WHERE number = 4)",
        "DELETE FROM audit_log WHERE number > 4",
    ];
    behind_the_back(&storage, &cut).await;
    assert_eq!(checked(&storage).await.unwrap().lines, 4, "in itself it is whole");
    assert_eq!(against(&storage, Some(noted.clone())).await, Err(Broken::CutOff { last: 4, noted: 6 }));
    for _ in 0..3 {
        again().await.unwrap();
    }
    assert_eq!(checked(&storage).await.unwrap().lines, 7, "and stays so as it grows");
    assert_eq!(against(&storage, Some(noted.clone())).await, Err(Broken::Another(6)));
    behind_the_back(&storage, &["DELETE FROM audit_log", "DELETE FROM audit_head"]).await;
    assert_eq!(checked(&storage).await.unwrap().lines, 0);
    assert_eq!(against(&storage, Some(noted)).await, Err(Broken::CutOff { last: 0, noted: 6 }));
    for none in ["", "7", "7:", ":ab", "7:abc", "0:0000000000000000000000000000000000000000000000000000000000000000"] {
        assert!(none.parse::<Sound>().is_err(), "{none}");
    }
    storage.close().await;
}

/// Two nodes over one server write at the same time: one chain, every line of both in it once.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_write_one_chain() {
    const LINES: usize = 100;
    let (home, clock) = (Home::postgresql(), FakeClock::new());
    let here = open(&home, &clock).await;
    let there = home.node(&here, &clock).await;
    let mut writing = Vec::new();
    for (realm, storage) in [("here", &here), ("there", &there.storage)] {
        for number in 0..LINES {
            let audit = Audit::new(realm, storage.clone());
            writing.push(tokio::spawn(async move {
                audit.note(audit.by(Who::Operator, "").does("plugins.reload", "plugin", number)).await.unwrap();
            }));
        }
    }
    for one in writing {
        one.await.unwrap();
    }
    assert_eq!(checked(&there.storage).await.unwrap().lines, 2 * i64::try_from(LINES).unwrap());
    let audit = Audit::new("here", here.clone());
    let mut told = std::collections::BTreeSet::new();
    let mut before = None;
    loop {
        let page = audit.page(&Wanted::default(), before, 200).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        told.extend(page.into_iter().map(|line| (line.realm, line.target)));
    }
    assert_eq!(told.len(), 2 * LINES, "each once");
    there.storage.close().await;
    here.close().await;
}

async fn after_a_loss_the_numbers_go_on_and_the_gap_stays_seen(home: Home) {
    let (storage, audit, _) = log(&home, 4).await;
    behind_the_back(&storage, &["DELETE FROM audit_log WHERE number = 4"]).await;
    audit.note(audit.by(Who::Operator, "").does("plugins.reload", "plugin", "ladder")).await.unwrap();
    assert_eq!(checked(&storage).await, Err(Broken::Missing { first: 4, last: 4 }));
}

async fn a_log_whose_end_was_cut_with_its_note_takes_no_line(home: Home) {
    let (storage, audit, _) = log(&home, 4).await;
    behind_the_back(&storage, &["DELETE FROM audit_log WHERE number = 4", "DELETE FROM audit_head"]).await;
    let deed = || audit.by(Who::Operator, "").does("plugins.reload", "plugin", "ladder");
    assert!(audit.note(deed()).await.is_err(), "it would hide the cut");
    assert_eq!(checked(&storage).await, Err(Broken::Headless(3)));
}

async fn an_act_that_fails_leaves_no_line(home: Home) {
    let (storage, audit, _) = log(&home, 1).await;
    let deed = audit.by(Who::Operator, "").does("characters.rename", "character", 1);
    let failed = storage
        .write::<(), StorageError, _>(move |connection| {
            Box::pin(async move {
                super::write(connection, &deed, 1).await?;
                Err(StorageError::Conflict)
            })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(checked(&storage).await.unwrap().lines, 1);
}

each_database!(
    what_was_written_is_whole_and_read_page_by_page,
    an_empty_log_is_whole,
    one_changed_byte_is_found_in_every_column_and_its_line_is_named,
    missing_swapped_and_added_lines_are_named,
    a_log_that_was_cut_off_or_replaced_with_all_that_is_beside_it_is_found_by_what_was_noted_down,
    after_a_loss_the_numbers_go_on_and_the_gap_stays_seen,
    a_log_whose_end_was_cut_with_its_note_takes_no_line,
    an_act_that_fails_leaves_no_line,
);
