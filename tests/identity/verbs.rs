//! Account keys, and the operator's verbs about accounts.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn account_keys_are_asked_for_where_the_operator_wants_them() {
    let realm = TestRealm::start_with(|config| config.accounts.require_key = true).await;
    let mut staff = operator(realm.data(), &realm.endpoint());
    let made = json!({"make": 2, "note": "beta"});
    let made = ask(&mut staff, Method::POST, "/admin/account-keys", Some(made)).await.unwrap();
    let key = |number: usize| made["made"][number].as_str().unwrap().to_owned();
    let mut rest = Rest::new(&realm.endpoint());
    assert_eq!(refused(rest.register("Maren", PASSWORD).await), answer(403, "INVALID_CDKEY"));
    let register = |name: &str, key: &str| Some(json!({"name": name, "password": PASSWORD, "account_key": key}));
    let mut tried = async |name: &str, key: &str| {
        ask(&mut rest, Method::POST, "/auth/register", register(name, key)).await.map(drop)
    };
    assert_eq!(refused(tried("Maren", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA").await), answer(403, "INVALID_CDKEY"));
    tried("Maren", &key(0)).await.unwrap();
    assert_eq!(refused(tried("Tomas", &key(0)).await), answer(403, "INVALID_CDKEY"), "a key is one account's");
    let mut maren = Rest::new(&realm.endpoint());
    maren.login("Maren", PASSWORD).await.unwrap();
    let of = |key: &str| Some(json!({"key": key}));
    let found = ask(&mut staff, Method::POST, "/admin/account-keys/check", of(&key(0))).await.unwrap();
    assert_eq!((&found["state"], &found["note"]), (&json!("bound"), &json!("beta")), "{found}");
    let unknown = ask(&mut staff, Method::POST, "/admin/account-keys/check", of("AAAAA")).await;
    assert_eq!(refused(unknown), answer(403, "INVALID_CDKEY"));
    let revoked = ask(&mut staff, Method::POST, "/admin/account-keys/revoke", of(&key(0))).await.unwrap();
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(refused(maren.validate().await), answer(401, "TOKEN_INVALID"), "its sessions end");
    assert_eq!(refused(maren.login("Maren", PASSWORD).await), answer(403, "INVALID_CDKEY"));
    let body = json!({"name": "Maren", "password": PASSWORD, "account_key": key(1)});
    ask(&mut maren, Method::POST, "/auth/login", Some(body)).await.expect("with another key");
    maren.login("Maren", PASSWORD).await.expect("which is Maren's from now on");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_s_verbs_say_what_they_did_and_what_to_do_instead() {
    let site = Site::new();
    let up = patient(&site);
    let at = ["--data", "realm-data"];
    let run = |arguments: &[&str]| site.run(&[arguments, &at].concat());
    let endpoint = site.endpoint();
    let mut rest = Rest::new(&endpoint);
    rest.register("Maren", PASSWORD).await.unwrap();
    let token = rest.login("Maren", PASSWORD).await.unwrap().access_token;
    let mut lobby = Lobby::connect(&endpoint, Door::Frames).await.unwrap();
    lobby.login(Login::Token(token)).await.unwrap();
    lobby.join_channel("Cave").await.unwrap();
    let said = run(&["sanction", "mute", "maren", "--reason", "Shouting.", "--for", "2h"]).success();
    assert!(said.contains("1  mute Maren until 20") && said.contains("by the operator: Shouting."), "{said}");
    lobby.say("can you hear me").await.unwrap();
    let refusal = loop {
        if let ServerMessage::Error(error) = lobby.next().await.unwrap() {
            break error;
        }
    };
    assert_eq!(refusal.code, "MUTED");
    assert!(refusal.message.contains("Shouting (sanction 1)"), "{refusal:?}");
    assert!(run(&["sanction", "lift", "1"]).success().contains(", lifted 20"));
    lobby.say("and now").await.unwrap();
    assert_eq!(lobby.line(DEADLINE).await.expect("a lifted mute holds nobody").text, "and now");
    assert!(run(&["sanction", "lift", "1"]).refusal().contains("No sanction 1 is in force"));
    assert!(run(&["sanction", "ban", "Nobody", "--reason", "Because."]).refusal().contains("no account \"Nobody\""));
    assert!(run(&["sanction", "mute", "Maren", "--reason", "Because."]).refusal().contains("how long"));
    assert!(run(&["sanction", "ban", "Maren", "--reason", "Because.", "--for", "soon"]).refusal().contains("12h"));
    run(&["sanction", "ban", "2001:db8::/48", "--reason", "Spam."]).success();
    let listed = run(&["sanction", "list"]).success();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let of_one: Value = serde_json::from_str(&run(&["sanction", "list", "2001:db8::/48", "--json"]).success()).unwrap();
    assert_eq!(of_one["sanctions"][0]["target"], "2001:db8::/48", "{of_one}");
    run(&["sanction", "ban", "Maren", "--reason", "Because."]).success();
    assert_eq!(goodbye(&mut lobby).await.0, "ACCOUNT_BANNED");

    let made = run(&["key", "make", "2", "--note", "spring"]).success();
    let made: Vec<&str> = made.lines().collect();
    fs::write(site.folder().join("keys.txt"), format!("{}\nABCDE-12345-FGHIJ-67890\n\nno key\n", made[0])).unwrap();
    let imported = run(&["key", "import", "keys.txt"]).success();
    assert_eq!(imported.trim(), "1 keys imported; 1 lines are no keys, the rest were there.");
    assert!(run(&["key", "check", "abcde12345fghij67890"]).success().contains("…7890  free"));
    assert!(run(&["key", "revoke", made[1]]).success().contains("revoked"));
    assert!(run(&["key", "check", made[1]]).success().contains("spring"));
    assert!(run(&["key", "check", "no key"]).refusal().contains("INVALID_CDKEY"));
    assert_eq!(run(&["key", "list"]).success().lines().count(), 3);
    assert_eq!(up.end(Signal::TERM).0, Some(0));
    assert!(run(&["sanction", "list"]).refusal().contains("no realm runs"));
}
