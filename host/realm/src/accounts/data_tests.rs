//! Export and erasure, over every column that there is.

use std::{collections::BTreeMap, fs, net::IpAddr, path::Path};

use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::tests::{PASSWORD, PEER, Realm, name};
use super::{AccountsError, Config, Identity, totp};
use crate::{
    moderation::{Ban, Decider, Kind, Order, Target},
    storage::{
        StorageError,
        testing::{self, FakeClock, Home, each_database},
    },
};

/// What becomes of a column when an account is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It says nothing about a person: keys, counts, times of the game, states.
    Impersonal,
    /// The row goes.
    Deleted,
    /// Something else stands in its place.
    Replaced,
}
use Fate::{Deleted, Impersonal, Replaced};

/// Whoever adds a table or a column says here what becomes of it, and does it in `accounts/store/erasing.rs`.
const FATES: &[(&str, &str, Fate)] = &[
    ("accounts", "id created_ms role permissions version erased_ms password_version", Impersonal),
    ("accounts", "name folded password login_last_ms password_changed_ms", Replaced),
    ("token_sessions", "id account created_ms active_ms expires_ms rotation address proven", Deleted),
    ("refresh_tokens", "hash token_session rotation used_ms", Deleted),
    ("kept_sessions", "token_session node resume event_last channel selected kept_ms realm", Deleted),
    ("session_ends", "token_session ended_ms", Impersonal),
    ("known_networks", "account network seen_ms", Deleted),
    ("second_factors", "account secret_hex created_ms confirmed_ms step_last", Deleted),
    ("recovery_codes", "hash account", Deleted),
    ("account_keys", "hash hint created_ms account bound_ms revoked_ms number", Impersonal),
    ("account_keys", "note", Replaced),
    ("sanctions", "id number kind account created_ms until_ms lifted_ms changed decided_by lifted_by", Impersonal),
    // A network is no account's: who bans one bans whoever is there.
    ("sanctions", "network", Impersonal),
    ("sanctions", "reason", Replaced),
    ("character_rosters", "account realm version", Impersonal),
    ("characters", "id realm account class level experience strength dexterity vitality energy", Impersonal),
    ("characters", "hardcore dead created_ms played_last_ms play_time_ms deleted_ms", Impersonal),
    ("characters", "version lease_epoch leased", Impersonal),
    ("characters", "list_place skill_levels zone x y items_version", Impersonal),
    // Items and gold belong to characters by their keys; what they are is the game's. The ledger is never changed, and has keys alone.
    ("items", "id realm place holder page x y width height last_holder base quality level pieces body", Impersonal),
    ("items", "version birth_game birth_tick birth_ordinal birth_content birth_rules created_ms", Impersonal),
    ("purses", "kind holder realm gold", Impersonal),
    ("ledger", "number at_ms realm operation act actor goods item amount from_place from_holder from_cell", Impersonal),
    ("ledger", "to_place to_holder to_cell note birth_game birth_tick birth_ordinal hash", Impersonal),
    ("ledger_head", "chain number hash", Impersonal),
    ("characters", "name folded title key_bindings", Replaced),
    ("lease_holders", "id node folder until_ms", Impersonal),
    // The log is never changed: people stand in it by their keys. What staff wrote as a reason, and names of characters that they
    // changed, stay.
    ("audit_log", "number at_ms realm actor act target reason state_before state_after hash", Impersonal),
    ("audit_head", "chain number hash", Impersonal),
    ("kept_answers", "scope idempotency_key request body tag kept_ms", Deleted),
    ("ladder_scores", "character_id realm class score level experience dead scored_ms", Deleted),
    ("ladder_scores", "character_version tie_break", Deleted),
    ("ladder_standings", "realm season place character_id class level score title", Impersonal),
    ("ladder_standings", "name", Replaced),
    ("ladder_seasons", "realm number name began_ms ended_ms", Impersonal),
    ("letters", "id realm kind owner sender about sent_ms expires_ms read_ms version", Impersonal),
    ("letters", "text", Replaced),
    ("offers", "id realm seller item base kind quality level price listed_ms ends_ms hardcore", Impersonal),
    ("offer_properties", "offer property value realm price", Impersonal),
    ("nodes", "node key_ceiling", Impersonal),
    ("owner_tokens", "hash created_ms", Impersonal),
    // What plugins remember is theirs: a plugin that keeps names says so in its own papers.
    ("plugin_keys", "realm plugin key_hex value_hex", Impersonal),
    ("realms", "realm name", Impersonal),
    ("schema_migrations", "version name checksum applied_ms", Impersonal),
];

/// Every column that there is, by table.
async fn schema(home: &Home, connection: &mut AnyConnection) -> BTreeMap<String, Vec<String>> {
    let statement = if home.is_server() {
        "SELECT table_name::TEXT, column_name::TEXT FROM information_schema.columns WHERE table_schema = current_schema()"
    } else {
        "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
    };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in sqlx::query(statement).fetch_all(connection).await.unwrap() {
        tables.entry(row.get(0)).or_default().push(row.get(1));
    }
    tables
}

/// Every text of every table.
async fn texts(connection: &mut AnyConnection, tables: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut texts = Vec::new();
    for (table, columns) in tables {
        let statement = format!("SELECT {} FROM {table}", columns.join(", "));
        for row in sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut *connection).await.unwrap() {
            for (index, column) in columns.iter().enumerate() {
                if let Ok(Some(text)) = row.try_get::<Option<String>, _>(index) {
                    texts.push(format!("{table}.{column}: {text}"));
                }
            }
        }
    }
    texts
}

async fn every_column_has_a_fate(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    let home = std::sync::Arc::new(home);
    let asked = std::sync::Arc::clone(&home);
    let tables = realm
        .storage
        .write::<_, StorageError, _>(move |connection| Box::pin(async move { Ok(schema(&asked, connection).await) }))
        .await
        .unwrap();
    let mut without: Vec<String> = Vec::new();
    for (table, columns) in &tables {
        for column in columns {
            let named =
                |(of, names, _): &&(&str, &str, Fate)| of == table && names.split(' ').any(|name| name == column);
            if FATES.iter().filter(named).count() != 1 {
                without.push(format!("{table}.{column}"));
            }
        }
    }
    assert!(
        without.is_empty(),
        "say in FATES what becomes of these when an account is erased, and do it in accounts/store/erasing.rs: {without:?}"
    );
    realm.storage.close().await;
}

/// Texts that are the player's own, in every table that may hold some.
const OWN: [&str; 9] = [
    "Wilhelmina",
    "Rosalinde",
    "Kunigunde",
    "198.51.100.77",
    "a gift of aunt Philippa",
    "insulted Philomena",
    "Lorelei-hall",
    "Meet me at Hollybrook",
    "No, at Thistledown",
];

async fn life(realm: &Realm) {
    let peer = "198.51.100.77".parse().unwrap();
    let accounts = &realm.accounts;
    accounts.import_keys(&["ABCDE-FGHJK-LMNPQ-RSTUV".to_owned()], OWN[4], None).await.unwrap();
    accounts.register_with(name(OWN[0]), PASSWORD, "ABCDE-FGHJK-LMNPQ-RSTUV", peer).await.unwrap();
    let tokens = accounts.login(OWN[0], PASSWORD, peer).await.unwrap();
    let (who, id) = (tokens.identity.clone(), tokens.identity.account);
    accounts.refresh(&tokens.refresh).await.unwrap();
    let order = Order {
        kind: Kind::Mute,
        target: Target::Account(id),
        reason: OWN[5].to_owned(),
        until_ms: Some(i64::MAX / 2),
    };
    realm.moderation.sanction(order, Decider::Account(id), None).await.unwrap();
    let lifted = realm.moderation.sanction(
        Order {
            kind: Kind::Ban,
            target: Target::Network("203.0.113.0/24".parse().unwrap()),
            reason: "spam".to_owned(),
            until_ms: None,
        },
        Decider::Operator,
        None,
    );
    realm.moderation.lift(lifted.await.unwrap().number, Decider::Account(id), None).await.unwrap();
    let enrolment = accounts.begin_second_factor(&who, PASSWORD, peer).await.unwrap();
    assert!(enrolment.address.contains(OWN[0]));
    let (rosalinde, _) = (
        testing::character(&realm.storage, id, OWN[1], "Druid").await,
        testing::character(&realm.storage, id, OWN[2], "Druid").await,
    );
    let session = who.session.to_sql();
    realm
        .storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                for statement in [
                    format!("INSERT INTO ladder_scores (character_id, realm, class, score, level, experience, dead, scored_ms, character_version) VALUES ({}, 'main', 'Druid', 1, 1, 0, 0, 0, 1)", rosalinde.to_sql()),
                    format!("INSERT INTO ladder_standings (realm, season, place, character_id, name, class, level, score, title) VALUES ('main', 1, 1, {}, '{}', 'Druid', 1, 1, '')", rosalinde.to_sql(), OWN[1]),
                    format!("INSERT INTO letters (id, realm, kind, owner, sender, text, about, sent_ms, version) VALUES (1, 'main', 'player', {}, 5, '{}', '', 0, 1)", rosalinde.to_sql(), OWN[7]),
                    format!("INSERT INTO letters (id, realm, kind, owner, sender, text, about, sent_ms, version) VALUES (2, 'main', 'player', 5, {}, '{}', '', 0, 1)", rosalinde.to_sql(), OWN[8]),
                    format!("INSERT INTO kept_sessions (token_session, node, resume, event_last, channel, selected, kept_ms) VALUES ({session}, 0, 'aa', 1, '{}', 0, 0)", OWN[6]),
                ] {
                    sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
}

/// The files of the data folder, as bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let text = text.to_ascii_lowercase();
    lower.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn erase(realm: &Realm, who: &Identity, password: &str, code: &str, peer: IpAddr) -> Result<(), AccountsError> {
    let erasable = realm.accounts.prove_erasure(who, password, code, peer).await?;
    realm.accounts.erase(erasable).await
}

async fn an_export_tells_everything_and_an_erasure_leaves_nothing(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Bystander").await;
    life(&realm).await;
    let peer = "198.51.100.77".parse().unwrap();
    let tokens = realm.accounts.login(OWN[0], PASSWORD, peer).await.unwrap();
    let export = realm.accounts.export(&tokens.identity).await.unwrap();
    let text = serde_json::to_string(&export).unwrap();
    for own in OWN {
        assert!(text.contains(own), "{own} is missing: {text}");
    }
    assert_eq!(export["account"][0]["id"], tokens.identity.account.to_string());
    assert_eq!(export["sessions"].as_array().unwrap().len(), 2);
    assert!(!text.contains("argon2") && !text.contains("secret"), "secrets are left out: {text}");

    let stranger = erase(&realm, &tokens.identity, "not the password", "", peer).await;
    assert!(matches!(stranger, Err(AccountsError::PasswordWrong)));
    erase(&realm, &tokens.identity, PASSWORD, "", peer).await.unwrap();
    assert!(realm.accounts.authenticate(&tokens.access).is_err(), "every session has ended");
    assert!(realm.accounts.refresh(&tokens.refresh).await.is_err());
    assert!(matches!(realm.accounts.login(OWN[0], PASSWORD, peer).await, Err(AccountsError::InvalidCredentials)));

    let home = std::sync::Arc::new(home);
    let asked = std::sync::Arc::clone(&home);
    let texts = realm
        .storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                let tables = schema(&asked, connection).await;
                Ok(texts(connection, &tables).await)
            })
        })
        .await
        .unwrap();
    for own in OWN {
        let left: Vec<&String> = texts.iter().filter(|text| holds(text.as_bytes(), own)).collect();
        assert!(left.is_empty(), "{own} is left: {left:?}");
    }
    let pseudonym = realm.accounts.look_up(tokens.identity.account).await.unwrap().expect("the row stays").0;
    assert!(pseudonym.as_str().starts_with("erased-"), "{pseudonym}");
    let by_key = format!("sanctions.lifted_by: account:{}", tokens.identity.account);
    assert!(texts.contains(&by_key), "who decided is told by a key, whose name is a pseudonym now: {texts:?}");
    let back = realm.accounts.login(pseudonym.as_str(), PASSWORD, PEER).await;
    assert!(matches!(back, Err(AccountsError::InvalidCredentials)));
    // Nothing is left in the file or in the log beside it, while the realm runs and after it.
    if !home.is_server() {
        for stopped in [false, true] {
            if stopped {
                realm.storage.close().await;
            }
            for (file, bytes) in files(home.path()) {
                for own in OWN {
                    assert!(!holds(&bytes, own), "{own} stands in {file}");
                }
            }
        }
        return;
    }
    realm.storage.close().await;
}

async fn the_second_factor_is_asked_for_before_an_erasure_and_the_owner_stays(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let who = realm.login("Wanderer").await.identity;
    let secret = realm.second_factor(&who).await;
    let without = erase(&realm, &who, PASSWORD, "", PEER).await;
    assert!(matches!(without, Err(AccountsError::SecondFactorRequired)));
    clock.advance_ms(60_000);
    let code = totp::shown(&secret, realm.storage.now_ms());
    erase(&realm, &who, PASSWORD, &code, PEER).await.unwrap();
    let token = realm.accounts.owner_token().await.unwrap().unwrap();
    realm.accounts.create_owner(&token, name("Keeper"), PASSWORD, PEER).await.unwrap();
    let keeper = realm.login("Keeper").await.identity;
    assert!(matches!(erase(&realm, &keeper, PASSWORD, "", PEER).await, Err(AccountsError::OwnerStays)));
    // A ban that was spoken meanwhile is one against nobody.
    realm.moderation.ban(who.account, Ban::new("late", None), Decider::Operator).await.unwrap();
    realm.storage.close().await;
}

each_database! {
    every_column_has_a_fate,
    an_export_tells_everything_and_an_erasure_leaves_nothing,
    the_second_factor_is_asked_for_before_an_erasure_and_the_owner_stays,
}
