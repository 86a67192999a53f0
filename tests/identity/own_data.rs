//! What is kept about somebody, and its end.

use super::*;

/// Every file of a folder that holds a text, whatever its case.
fn holding(folder: &Path, text: &str, found: &mut Vec<String>) {
    // What goes while it is looked at holds nothing.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            holding(&path, text, found);
        } else if let Ok(bytes) = fs::read(&path) {
            let bytes = bytes.to_ascii_lowercase();
            if bytes.windows(text.len()).any(|window| window == text.to_ascii_lowercase().as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_account_leaves_no_trace_in_database_and_log() {
    let site = Site::new();
    let up = patient(&site);
    let endpoint = site.endpoint();
    let mut rest = Rest::new(&endpoint);
    rest.register("Wilhelmina", PASSWORD).await.unwrap();
    let token = rest.login("Wilhelmina", PASSWORD).await.unwrap().access_token;
    let mut lobby = Lobby::connect(&endpoint, Door::WebSocketJson).await.unwrap();
    lobby.login(Login::Token(token)).await.unwrap();
    let character = lobby.create_character("Rosalinde", "Druid", false).await.unwrap();
    lobby.select_character(character.id).await.unwrap();
    lobby.join_channel("Kunigunde").await.unwrap();
    lobby.say("a word of Philippa").await.unwrap();
    let wrong = Rest::new(&endpoint).login("Wilhelmina", "not the password").await;
    assert_eq!(refused(wrong).1, "INVALID_CREDENTIALS");
    let export = ask(&mut rest, Method::GET, "/account/export", None).await.unwrap();
    assert_eq!(
        (&export["account"][0]["name"], &export["characters"][0]["name"]),
        (&json!("Wilhelmina"), &json!("Rosalinde"))
    );
    assert_eq!(export["sessions"][0]["address"], "127.0.0.1", "{export}");
    ask(&mut rest, Method::POST, "/account/erase", Some(json!({"password": PASSWORD}))).await.unwrap();
    assert_eq!(goodbye(&mut lobby).await.0, "LOGGED_OUT");
    assert_eq!(refused(rest.validate().await), answer(401, "TOKEN_INVALID"));
    assert_eq!(refused(rest.login("Wilhelmina", PASSWORD).await).1, "INVALID_CREDENTIALS");
    let own = ["Wilhelmina", "Rosalinde", "Kunigunde", "Philippa"];
    eventually("nothing of it being left in the files of the running realm", async || {
        let mut found = Vec::new();
        own.iter().for_each(|own| holding(&site.data(), own, &mut found));
        found.is_empty().then_some(())
    })
    .await;
    rest.register("Wilhelmina", PASSWORD).await.expect("the name is free again");
    ask_to_erase_again(&endpoint).await;
    let (code, log) = up.end(Signal::TERM);
    assert_eq!(code, Some(0));
    for own in own {
        assert!(!log.to_lowercase().contains(&own.to_lowercase()), "{own} stands in the log:\n{log}");
    }
    let mut found = Vec::new();
    own.iter().for_each(|own| holding(&site.data(), own, &mut found));
    assert!(found.is_empty(), "{found:?}");
}

/// Whoever has the name next is erased as well.
async fn ask_to_erase_again(endpoint: &Endpoint) {
    let mut rest = Rest::new(endpoint);
    rest.login("Wilhelmina", PASSWORD).await.unwrap();
    ask(&mut rest, Method::POST, "/account/erase", Some(json!({"password": PASSWORD}))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_know_the_password_takes_nobody_out_of_the_game_by_erasing() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (ticket, game) = hero.open_game("Cellar").await;
    let id = ticket.game.unwrap().id;
    let rest = &mut hero.player.rest;
    let wrong = Some(json!({"password": "not the password"}));
    assert_eq!(refused(ask(rest, Method::POST, "/account/erase", wrong).await), answer(401, "INVALID_CREDENTIALS"));
    let seen = ask(rest, Method::GET, &format!("/games/{id}"), None).await.unwrap();
    assert_eq!(seen["players"].as_array().unwrap().len(), 1, "in the game still: {seen}");
    ask(rest, Method::POST, "/account/erase", Some(json!({"password": PASSWORD}))).await.unwrap();
    game_over(game).await;
    realm.stop().await;
}
