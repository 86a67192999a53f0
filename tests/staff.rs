//! Staff: roles and permissions, and the audit log, in which no act of theirs is missing.

use std::collections::{BTreeMap, BTreeSet};

use realm_client::{Door, Method, Response, Rest};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    commands::{log_in, with_crier},
    harness::{PASSWORD, TestRealm, named, program::Site, refused},
};

const PERMISSION: &str = "x-permission";

/// A client that speaks as the operator does: with the token in the data folder.
fn operator(realm: &TestRealm) -> Rest {
    let token = std::fs::read_to_string(realm.data().join("operator.token")).expect("a token in the data folder");
    let mut rest = Rest::new(&realm.endpoint());
    rest.set_access_token(Some(token));
    rest
}

async fn ask(rest: &mut Rest, method: Method, path: &str, body: Option<Value>) -> Response {
    rest.request(method, &format!("/api/v1{path}"), body.as_ref()).await.expect("an answer")
}

async fn grant(rest: &mut Rest, name: &str, role: &str, permissions: &[&str]) -> Response {
    let body = json!({"role": role, "permissions": permissions, "reason": "They asked for it."});
    ask(rest, Method::PUT, &format!("/admin/staff/{name}"), Some(body)).await
}

async fn logged_in(realm: &TestRealm, name: &str) -> Rest {
    let mut rest = Rest::new(&realm.endpoint());
    rest.login(name, PASSWORD).await.expect("logging in");
    rest
}

/// The newest lines of the audit log.
async fn lines(operator: &mut Rest, count: usize) -> Vec<Value> {
    let answer = ask(operator, Method::GET, &format!("/admin/audit?limit={count}"), None).await;
    answer.success().expect("the operator may read it").json["lines"].as_array().expect("lines").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_gives_roles_and_a_role_is_what_one_may() {
    let realm = TestRealm::start().await;
    let token = realm.realm().owner_token().expect("a new realm has no owner").to_owned();
    let mut owner = Rest::new(&realm.endpoint());
    owner.create_owner(&token, "Warden", PASSWORD).await.unwrap();
    owner.login("Warden", PASSWORD).await.unwrap();
    let mut ann = realm.player("Ann").await.rest;

    let granted = grant(&mut owner, "ann", "moderator", &["audit.read", "players.ban"]).await.success().unwrap().json;
    assert_eq!((&granted["name"], &granted["role"]), (&json!("Ann"), &json!("moderator")));
    assert_eq!(granted["extra"], json!(["audit.read"]), "what the role gives is not said twice");
    assert_eq!(refused(ann.validate().await), (401, "TOKEN_INVALID".to_owned()), "older tokens say less than is so");
    let mut ann = logged_in(&realm, "Ann").await;
    assert_eq!(ann.validate().await.unwrap().role, "moderator");
    for path in ["/admin/plugins", "/admin/audit", "/admin/staff", "/admin/roles", "/plugins"] {
        assert_eq!(ask(&mut ann, Method::GET, path, None).await.status, 200, "{path}");
    }
    for (method, path, body, permission) in [
        (Method::POST, "/admin/plugins/ladder/disable", None, "plugins.reload"),
        (Method::POST, "/admin/ladder/season-end", Some(json!({})), "ladder.season_end"),
        (Method::PUT, "/admin/staff/Ann", Some(json!({"role": "administrator"})), "roles.grant"),
        (Method::GET, "/admin/characters/1", None, "characters.read"),
    ] {
        let answer = ask(&mut ann, method, path, body).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), (403, Some("FORBIDDEN")), "{path}");
        assert!(answer.json["detail"].as_str().unwrap().contains(permission), "{}", answer.json);
    }
    for (name, role, permissions, status, code) in [
        ("Ann", "owner", &[][..], 409, "ROLE_REFUSED"),
        ("Warden", "player", &[], 409, "ROLE_REFUSED"),
        ("Nobody", "moderator", &[], 404, "ACCOUNT_UNKNOWN"),
        ("Ann", "moderator", &["world.destroy"], 400, "REQUEST_INVALID"),
        ("Ann", "king", &[], 400, "REQUEST_INVALID"),
    ] {
        let answer = grant(&mut owner, name, role, permissions).await.success();
        assert_eq!(refused(answer), (status, code.to_owned()), "{name} as {role}");
    }
    let staff = ask(&mut owner, Method::GET, "/admin/staff", None).await.json;
    let names: Vec<_> = staff["staff"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Warden", "Ann"], "the oldest account first");

    // A restart keeps roles and permissions with the sessions.
    let realm = realm.restart().await;
    let token = ann.access_token().map(str::to_owned);
    let mut ann = Rest::new(&realm.endpoint());
    ann.set_access_token(token);
    assert_eq!(ask(&mut ann, Method::GET, "/admin/audit", None).await.status, 200);
    let mut owner = logged_in(&realm, "Warden").await;
    grant(&mut owner, "Ann", "player", &[]).await.success().unwrap();
    let mut ann = logged_in(&realm, "Ann").await;
    assert_eq!(refused(ask(&mut ann, Method::GET, "/admin/audit", None).await.success()).0, 403);
    let newest = &lines(&mut operator(&realm), 1).await[0];
    assert_eq!((newest["act"].as_str(), newest["actor_name"].as_str()), (Some("roles.grant"), Some("Warden")));
    assert_eq!((newest["target_name"].as_str(), newest["reason"].as_str()), (Some("Ann"), Some("They asked for it.")));
    assert!(newest["before"].as_str().unwrap().contains("moderator"), "{newest}");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_or_takes_more_than_they_may_do_themselves() {
    let realm = TestRealm::start().await;
    let mut operator = operator(&realm);
    for name in ["Ann", "Bob", "Cem"] {
        realm.player(name).await;
    }
    grant(&mut operator, "Ann", "moderator", &["roles.grant"]).await.success().unwrap();
    grant(&mut operator, "Cem", "administrator", &[]).await.success().unwrap();
    let mut ann = logged_in(&realm, "Ann").await;
    for (name, role, permissions, status, code) in [
        ("Ann", "moderator", &["roles.grant", "audit.read"][..], 409, "ROLE_REFUSED"),
        ("Ann", "player", &[], 409, "ROLE_REFUSED"),
        ("Bob", "game-master", &[], 403, "FORBIDDEN"),
        ("Bob", "player", &["audit.read"], 403, "FORBIDDEN"),
        ("Cem", "player", &[], 403, "FORBIDDEN"),
    ] {
        let answer = grant(&mut ann, name, role, permissions).await.success();
        assert_eq!(refused(answer), (status, code.to_owned()), "{name} as {role} {permissions:?}");
    }
    grant(&mut ann, "Bob", "moderator", &[]).await.success().expect("as much as she may");
    grant(&mut ann, "Bob", "player", &[]).await.success().expect("and back");
    assert_eq!(lines(&mut operator, 200).await.len(), 4, "what was refused changed nothing");
    realm.stop().await;
}

/// A verb of staff, as the description tells it.
#[derive(Debug)]
struct VerbOfStaff {
    method: Method,
    path: String,
    permission: String,
    /// Of a verb that asks for another permission with each kind of sanction: which one this is.
    kind: Option<String>,
}

/// Every verb of staff in the description.
async fn verbs_of_staff(rest: &mut Rest) -> Vec<VerbOfStaff> {
    let description = ask(rest, Method::GET, "/openapi.json", None).await.json;
    let mut found = Vec::new();
    for (path, verbs) in description["paths"].as_object().expect("paths") {
        for (verb, operation) in verbs.as_object().expect("verbs") {
            let permissions: Vec<(Option<String>, &str)> = match &operation[PERMISSION] {
                Value::String(permission) => vec![(None, permission)],
                Value::Object(kinds) => {
                    kinds.iter().map(|(kind, name)| (Some(kind.clone()), name.as_str().unwrap())).collect()
                }
                _ => Vec::new(),
            };
            let of_staff = path.starts_with("/api/v1/admin/") || path == "/api/v1/plugins";
            assert_eq!(
                !permissions.is_empty(),
                of_staff,
                "{verb} {path}: staff's verbs, and they alone, name a permission"
            );
            for (kind, permission) in permissions {
                let method = Method::from_bytes(verb.to_uppercase().as_bytes()).expect("a method");
                let (path, permission) = (path["/api/v1".len()..].to_owned(), permission.to_owned());
                found.push(VerbOfStaff { method, path, permission, kind });
            }
        }
    }
    assert!(found.len() >= 12, "{found:?}");
    found
}

/// A body for each verb of staff that changes something, and the act that the audit log is to name. A new verb has to be added here.
fn changing_verbs() -> BTreeMap<&'static str, (Option<Value>, &'static str)> {
    BTreeMap::from([
        ("PUT /admin/staff/{name}", (Some(json!({"role": "moderator"})), "roles.grant")),
        ("POST /admin/plugins/{name}/{act}", (None, "plugins.")),
        (
            "POST /admin/plugin-shadows",
            (Some(json!({"file": "next.shadow.wasm", "sha256": "ab".repeat(32)})), "plugins.shadow"),
        ),
        ("POST /admin/ladder/season-end", (Some(json!({"next": "Winter"})), "ladder.season_end")),
        (
            "POST /admin/characters/{id}/rename",
            (Some(json!({"name": "Better", "reason": "It was rude."})), "characters.rename"),
        ),
        (
            "POST /admin/sanctions",
            (Some(json!({"kind": "ban", "target": "203.0.113.9", "reason": "Spam."})), "players.ban"),
        ),
        ("DELETE /admin/sanctions/{number}", (None, "sanctions.lift")),
        ("POST /admin/account-keys", (Some(json!({"import": ["ABCDE-FGHJK-LMNPQ-RSTUV"]})), "keys.add")),
        ("POST /admin/account-keys/check", (Some(json!({"key": "ABCDE-FGHJK-LMNPQ-RSTUV"})), "keys.check")),
        ("POST /admin/account-keys/revoke", (Some(json!({"key": "ABCDE-FGHJK-LMNPQ-RSTUV"})), "keys.revoke")),
        ("POST /admin/characters/{id}/transfer", (Some(json!({"account": "Bob"})), "characters.transfer")),
        ("POST /admin/mail", (Some(json!({"to": "Better", "gold": 5, "reason": "A prize."})), "mail.send")),
        ("POST /admin/items/roll-back", (Some(json!({"account": "Bob", "minutes": 60})), "items.rollback")),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_of_staff_asks_for_its_permission() {
    let realm = TestRealm::start().await;
    let mut operator = operator(&realm);
    let mut player = realm.player("Ann").await.rest;
    realm.player("Bob").await;
    realm.player("Cem").await;
    let kinds = ["ban", "mute", "flag"];
    for kind in kinds {
        let order = json!({"kind": kind, "target": "Cem", "reason": "Spam.", "seconds": 3_600});
        ask(&mut operator, Method::POST, "/admin/sanctions", Some(order)).await.success().unwrap();
    }
    let roles = ask(&mut operator, Method::GET, "/admin/roles", None).await.json;
    let all: Vec<String> =
        roles["permissions"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    let mut nearly: BTreeMap<String, Rest> = BTreeMap::new();
    for VerbOfStaff { method, path, permission, kind } in verbs_of_staff(&mut operator).await {
        assert!(all.contains(&permission), "{path}: there is no permission {permission}");
        if !nearly.contains_key(&permission) {
            // Everything but this one.
            let others: Vec<&str> = all.iter().map(String::as_str).filter(|name| *name != permission).collect();
            grant(&mut operator, "Bob", "player", &others).await.success().unwrap();
            nearly.clear();
            nearly.insert(permission.clone(), logged_in(&realm, "Bob").await);
        }
        let mut body = changing_verbs().get(format!("{method} {path}").as_str()).and_then(|(body, _)| body.clone());
        if let (Some(kind), Some(body)) = (&kind, &mut body) {
            body["kind"] = json!(kind);
        }
        let number = 1 + kind.and_then(|kind| kinds.iter().position(|one| *one == kind)).unwrap_or(0);
        let path = path
            .replace("{id}", "1")
            .replace("{number}", &number.to_string())
            .replace("{act}", "reload")
            .replace("{name}", "ladder");
        let answer = ask(&mut player, method.clone(), &path, body.clone()).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), (403, Some("FORBIDDEN")), "{method} {path}");
        let answer = ask(nearly.get_mut(&permission).expect("it was made"), method.clone(), &path, body).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), (403, Some("FORBIDDEN")), "{method} {path}");
        assert!(answer.json["detail"].as_str().unwrap().contains(&permission), "{method} {path}: {}", answer.json);
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verb_of_staff_over_rest_goes_unaudited() {
    let realm = TestRealm::start().await;
    let mut operator = operator(&realm);
    let mut ann = realm.player("Ann").await.rest;
    realm.player("Bob").await;
    let ash = ann.create_character("Ash", "Druid", false).await.unwrap();
    let table = changing_verbs();
    let mut audited = BTreeSet::new();
    for VerbOfStaff { method, path, kind, .. } in verbs_of_staff(&mut operator).await {
        // One kind of sanction stands for all.
        if method == Method::GET || kind.is_some_and(|kind| kind != "ban") {
            continue;
        }
        let verb = format!("{method} {path}");
        let Some((body, act)) = table.get(verb.as_str()) else {
            panic!("{verb} changes something: add it to `changing_verbs` with the act that the audit log names");
        };
        audited.insert(verb.clone());
        let acts: &[&str] = if path.contains("{act}") {
            &["disable", "enable", "reload", "rollback", "promote", "drop"]
        } else {
            &[""]
        };
        for order in acts {
            let path = path.replace("{id}", &ash.id.to_string()).replace("{number}", "1").replace("{act}", order);
            let path = path.replace("{name}", if path.contains("/staff/") { "Bob" } else { "ladder" });
            let before = lines(&mut operator, 1).await.first().map(|line| line["number"].clone());
            let answer = ask(&mut operator, method.clone(), &path, body.clone()).await;
            let newest = lines(&mut operator, 1).await.remove(0);
            assert_ne!(Some(&newest["number"]), before.as_ref(), "{method} {path} ({}) left no line", answer.status);
            assert_eq!(
                (newest["act"].as_str(), newest["actor"].as_str()),
                (Some(&*format!("{act}{order}")), Some("operator"))
            );
            // What was refused after it had been noted says so.
            let said_no = newest["after"].as_str().unwrap().contains("refused");
            assert_eq!(answer.status >= 400, said_no, "{method} {path}: {} {newest}", answer.status);
        }
    }
    let known: BTreeSet<String> = table.keys().map(|verb| (*verb).to_owned()).collect();
    assert_eq!(audited, known, "the table names no verb that is gone");
    let moved = ask(&mut operator, Method::GET, &format!("/admin/characters/{}", ash.id), None).await.json;
    assert_eq!(moved["character"]["name"], "Better");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_do_in_chat_and_games_is_audited_and_what_players_do_is_not() {
    let realm = with_crier(|_| {}).await;
    let mut operator = operator(&realm);
    realm.player("Warden").await;
    grant(&mut operator, "Warden", "moderator", &[]).await.success().unwrap();
    let mut hero = realm.hero("Ann", Door::Frames).await;
    hero.lobby.join_channel("Market").await.unwrap();
    hero.lobby.say("/cry Market hear me").await.unwrap();
    let (ticket, _game) = hero.open_game("Cellar").await;
    let id = ticket.game.unwrap().id;
    let count = lines(&mut operator, 200).await.len();
    assert_eq!(count, 1, "a player's acts are no acts of staff");

    let mut warden = log_in(&realm, "Warden").await;
    warden.join_channel("Market").await.unwrap();
    warden.say("/cry Market the gates close").await.unwrap();
    let heard = warden.line(crate::harness::DEADLINE).await.unwrap().text;
    assert_eq!(heard, "the gates close");
    let newest = lines(&mut operator, 1).await.remove(0);
    assert_eq!((newest["act"].as_str(), newest["target"].as_str()), (Some("commands.run"), Some("command:cry")));
    assert_eq!(newest["actor_name"], "Warden");
    logged_in(&realm, "Warden").await.close_game(id).await.unwrap();
    let newest = lines(&mut operator, 1).await.remove(0);
    assert_eq!(
        (newest["act"].as_str(), newest["target"].as_str()),
        (Some("games.close"), Some(&*format!("game:{id}")))
    );

    let mut rest = logged_in(&realm, "Ann").await;
    let ticket = rest.create_game(hero.character.id, &named("Attic")).await.unwrap();
    rest.close_game(ticket.game.unwrap().id).await.unwrap();
    assert_eq!(lines(&mut operator, 200).await.len(), 3, "a host closes its own game as a player");
    realm.stop().await;
}

/// Of several who close one game at the same time one does it; the log tells of each who tried whether it was done.
#[tokio::test(flavor = "multi_thread")]
async fn a_close_of_a_game_that_was_refused_is_told_as_refused() {
    let realm = TestRealm::start().await;
    let mut operator = operator(&realm);
    for name in ["Ann", "Bob"] {
        realm.player(name).await;
        grant(&mut operator, name, "moderator", &[]).await.success().unwrap();
    }
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (mut ann, mut bob) = (logged_in(&realm, "Ann").await, logged_in(&realm, "Bob").await);
    let mut closed = 0;
    for round in 0..5 {
        let (ticket, _game) = hero.open_game(&format!("Cellar {round}")).await;
        let path = format!("/games/{}", ticket.game.unwrap().id);
        let (one, two) =
            tokio::join!(ask(&mut ann, Method::DELETE, &path, None), ask(&mut bob, Method::DELETE, &path, None));
        let done = [&one, &two].iter().filter(|answer| answer.status == 204).count();
        assert!(done >= 1, "{} {}", one.status, two.status);
        closed += done;
    }
    let lines = lines(&mut operator, 200).await;
    let closes: Vec<&Value> = lines.iter().filter(|line| line["act"] == "games.close").collect();
    let refused = closes.iter().filter(|line| line["after"].as_str().unwrap().contains("refused")).count();
    assert_eq!(closes.len() - 2 * refused, closed, "who is not told as refused did it: {closes:?}");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_page_by_page() {
    let realm = TestRealm::start().await;
    let mut operator = operator(&realm);
    realm.player("Ann").await;
    for role in ["moderator", "game-master", "player", "moderator", "player"] {
        grant(&mut operator, "Ann", role, &[]).await.success().unwrap();
    }
    let mut numbers = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = ask(&mut operator, Method::GET, &format!("/admin/audit?limit=2{cursor}"), None).await.json;
        numbers
            .extend(page["lines"].as_array().unwrap().iter().map(|line| line["number"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(numbers, ["5", "4", "3", "2", "1"]);
    let none = ask(&mut operator, Method::GET, "/admin/audit?act=characters.rename", None).await.json;
    assert_eq!(none["lines"], json!([]));
    for wrong in ["?cursor=5", "?cursor=", "?limit=many", "?colour=red", "?actor=a%00b"] {
        let answer = ask(&mut operator, Method::GET, &format!("/admin/audit{wrong}"), None).await.success();
        assert_eq!(refused(answer), (400, "REQUEST_INVALID".to_owned()), "{wrong}");
    }
    realm.stop().await;
}

/// What a verb of the program is to the audit log.
enum Verb {
    /// Changes nothing of a realm that is kept: it looks, copies, or works on files of the author's.
    Harmless,
    /// Leaves a line with this act.
    Leaves(&'static str),
}

/// Every verb of the program. A new one has to be added here.
fn verbs_of_the_program() -> BTreeMap<&'static str, Verb> {
    use Verb::{Harmless, Leaves};
    BTreeMap::from([
        ("up", Harmless),
        ("check", Harmless),
        ("migrate", Harmless),
        ("backup", Harmless),
        ("verify", Harmless),
        ("bots", Harmless),
        ("replay", Harmless),
        ("explain", Harmless),
        ("docs", Harmless),
        ("config default", Harmless),
        ("config show", Harmless),
        ("audit list", Harmless),
        ("audit verify", Harmless),
        ("staff list", Harmless),
        ("staff roles", Harmless),
        ("character show", Harmless),
        ("item trace", Harmless),
        ("item scan", Harmless),
        ("ledger verify", Harmless),
        ("plugin new", Harmless),
        ("plugin build", Harmless),
        ("plugin check", Harmless),
        ("plugin test", Harmless),
        ("plugin bench", Harmless),
        ("plugin dev", Harmless),
        ("plugin keygen", Harmless),
        ("plugin sign", Harmless),
        ("plugin replay", Harmless),
        ("plugin list", Harmless),
        ("plugin inspect", Harmless),
        ("plugin logs", Harmless),
        ("sanction list", Harmless),
        ("key list", Harmless),
        ("key check", Leaves("keys.check")),
        ("key make", Leaves("keys.add")),
        ("key import", Leaves("keys.add")),
        ("key revoke", Leaves("keys.revoke")),
        ("sanction ban", Leaves("players.ban")),
        ("sanction mute", Leaves("players.mute")),
        ("sanction flag", Leaves("players.flag")),
        ("sanction lift", Leaves("sanctions.lift")),
        ("owner create", Leaves("roles.owner")),
        ("staff grant", Leaves("roles.grant")),
        ("character rename", Leaves("characters.rename")),
        ("character transfer", Leaves("characters.transfer")),
        ("item roll-back", Leaves("items.rollback")),
        ("season end", Leaves("ladder.season_end")),
        ("plugin disable", Leaves("plugins.disable")),
        ("plugin enable", Leaves("plugins.enable")),
        ("plugin reload", Leaves("plugins.reload")),
        ("plugin rollback", Leaves("plugins.rollback")),
        ("plugin shadow", Leaves("plugins.shadow")),
        ("plugin promote", Leaves("plugins.promote")),
        ("plugin drop", Leaves("plugins.drop")),
        ("restore", Leaves("database.restore")),
    ])
}

#[test]
fn every_verb_of_the_program_is_known_to_the_audit_log() {
    let mut found = BTreeSet::new();
    for verb in realm::cli::command().get_subcommands() {
        let name = verb.get_name().to_owned();
        let parts: Vec<String> = verb.get_subcommands().map(|part| format!("{name} {}", part.get_name())).collect();
        if parts.is_empty() {
            found.insert(name);
        }
        found.extend(parts);
    }
    let known: BTreeSet<String> = verbs_of_the_program().keys().map(|verb| (*verb).to_owned()).collect();
    assert_eq!(found, known, "say of every verb in `verbs_of_the_program` what it is to the audit log");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verb_of_the_program_goes_unaudited_and_a_changed_byte_is_named() {
    let site = Site::new();
    let up = site.up();
    let realm = |arguments: &[&str]| site.run(&[arguments, &["--data", "realm-data"]].concat());
    let newest = || -> Value {
        let listed: Value =
            serde_json::from_str(&realm(&["audit", "list", "--json", "--lines", "1"]).success()).unwrap();
        listed["lines"][0].clone()
    };
    let token = up.token().to_owned();
    let mut seen = BTreeSet::new();
    let table = verbs_of_the_program();
    let mut audited = |verb: &'static str| {
        let Verb::Leaves(act) = table[verb] else { panic!("{verb} leaves no line") };
        let line = newest();
        assert_eq!(line["act"], act, "realm {verb}: {line}");
        seen.insert(verb);
    };
    let with_password = |arguments: &[&str]| {
        let mut command = site.realm(&[arguments, &["--data", "realm-data"]].concat());
        crate::harness::program::run(&mut command, &format!("{PASSWORD}\n"))
    };
    with_password(&["owner", "create", "Warden", "--token", &token]).success();
    audited("owner create");
    let mut ann = Rest::new(&site.endpoint());
    for name in ["Ann", "Bob"] {
        ann.register(name, PASSWORD).await.unwrap();
    }
    ann.login("Ann", PASSWORD).await.unwrap();
    let ash = ann.create_character("Ash", "Druid", false).await.unwrap().id.to_string();
    let said = realm(&["staff", "grant", "Bob", "--role", "moderator", "--permission", "audit.read"]).success();
    assert!(said.contains("Bob") && said.contains("moderator") && said.contains("audit.read"), "{said}");
    audited("staff grant");
    assert!(realm(&["staff", "list"]).success().contains("Warden"));
    assert!(realm(&["staff", "roles"]).success().contains("characters.transfer"));
    realm(&["character", "rename", &ash, "Birch", "--reason", "It was rude."]).success();
    audited("character rename");
    realm(&["character", "transfer", &ash, "Bob"]).success();
    audited("character transfer");
    realm(&["item", "roll-back", "Bob", "--minutes", "60", "--reason", "They were robbed."]).success();
    audited("item roll-back");
    assert!(realm(&["item", "trace", "5"]).success().contains("no line"));
    assert!(realm(&["item", "scan"]).success().contains("0 items are in order"));
    assert!(realm(&["ledger", "verify"]).success().contains("is whole"));
    assert!(realm(&["character", "show", &ash]).success().contains("Birch"));
    for (verb, target) in [("sanction ban", "203.0.113.9"), ("sanction mute", "Ann"), ("sanction flag", "Ann")] {
        let kind = verb.split_once(' ').unwrap().1;
        realm(&["sanction", kind, target, "--reason", "Spam.", "--for", "12h"]).success();
        audited(verb);
    }
    realm(&["sanction", "lift", "1"]).success();
    audited("sanction lift");
    let key = realm(&["key", "make", "1"]).success().lines().next().unwrap().trim().to_owned();
    audited("key make");
    std::fs::write(site.folder().join("keys.txt"), "ABCDE-FGHJK-LMNPQ-RSTUV\n").unwrap();
    realm(&["key", "import", "keys.txt"]).success();
    audited("key import");
    realm(&["key", "check", &key]).success();
    audited("key check");
    realm(&["key", "revoke", &key]).success();
    audited("key revoke");
    realm(&["season", "end", "--next", "Winter"]).success();
    audited("season end");
    for verb in ["plugin disable", "plugin enable", "plugin reload"] {
        realm(&["plugin", verb.split_once(' ').unwrap().1, "ladder"]).success();
        audited(verb);
    }
    for verb in ["plugin rollback", "plugin promote", "plugin drop"] {
        realm(&["plugin", verb.split_once(' ').unwrap().1, "ladder"]).refusal();
        audited(verb);
        assert!(newest()["after"].as_str().unwrap().contains("refused"));
    }
    let built = crate::harness::built_plugins().join("matchmaking.wasm");
    std::fs::copy(built, site.folder().join("next.wasm")).unwrap();
    // Whatever becomes of the file: that it was put there is noted.
    realm(&["plugin", "shadow", "next.wasm"]);
    audited("plugin shadow");
    let shown = realm(&["audit", "list"]).success();
    assert!(
        shown.contains("operator  characters.rename  character:") && shown.contains("why     It was rude."),
        "{shown}"
    );
    assert!(realm(&["audit", "verify"]).success().starts_with("The audit log is whole: "), "while it runs");
    realm(&["backup", "kept.sqlite"]).success();
    assert_eq!(up.end(Signal::TERM).0, Some(0));

    realm(&["restore", "kept.sqlite"]).success();
    let up = site.up();
    audited("restore");
    let expected: BTreeSet<&str> =
        table.iter().filter(|(_, kind)| matches!(kind, Verb::Leaves(_))).map(|(verb, _)| *verb).collect();
    assert_eq!(seen, expected);
    assert_eq!(up.end(Signal::TERM).0, Some(0));
    let whole = realm(&["audit", "verify"]).success();
    realm(&["audit", "verify", "--expect", whole.split_whitespace().last().unwrap()]).success();

    let database = format!("sqlite://{}", site.data().join("realm.sqlite").display());
    sqlx::any::install_default_drivers();
    let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&database).await.unwrap();
    let change = async |connection: &mut sqlx::AnyConnection, statement: &'static str| {
        sqlx::raw_sql(statement).execute(connection).await.expect("a statement");
    };
    let rude = "UPDATE audit_log SET reason = 'It was rode.' WHERE act = 'characters.rename'";
    change(&mut connection, rude).await;
    let said = realm(&["audit", "verify"]).refusal();
    assert!(said.contains("line 3 is not as it was written"), "{said}");
    change(&mut connection, "UPDATE audit_log SET reason = 'It was rude.' WHERE act = 'characters.rename'").await;
    assert_eq!(realm(&["audit", "verify"]).success(), whole);
    change(&mut connection, "DELETE FROM audit_log WHERE number = 5").await;
    let said = realm(&["audit", "verify"]).refusal();
    assert!(said.contains("line 5 is missing"), "{said}");
    // Cut off with the note beside it, the log is whole in itself: what was noted down elsewhere says that it is not.
    let noted = whole.split_whitespace().last().unwrap();
    change(&mut connection, "UPDATE audit_head SET number = 4, hash = (SELECT hash FROM audit_log WHERE number = 4)")
        .await;
    change(&mut connection, "DELETE FROM audit_log WHERE number > 4").await;
    assert!(realm(&["audit", "verify"]).success().starts_with("The audit log is whole: 4 lines"));
    let said = realm(&["audit", "verify", "--expect", noted]).refusal();
    assert!(said.contains("the log ends with line 4") && said.contains("was noted down"), "{said}");
    assert!(realm(&["audit", "verify", "--expect", "4"]).errors.contains("64 hexadecimal digits"));
}
