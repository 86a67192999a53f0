//! Bans, mutes and flags, against accounts and networks.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_account_is_sent_away_from_everywhere_and_told_why() {
    let clock = Hands::new();
    let realm = TestRealm::start().await.restart_with_clock(clock.clone()).await;
    let mut staff = operator(realm.data(), &realm.endpoint());
    for (number, door) in DOORS.into_iter().enumerate() {
        let name = format!("Maren-{}", door as u8);
        let mut hero = realm.hero(&name, door).await;
        let (_, game) = hero.open_game(&name).await;
        let order = json!({"kind": "ban", "target": name, "reason": "Selling gold.", "seconds": 3_600});
        let spoken = ask(&mut staff, Method::POST, "/admin/sanctions", Some(order)).await.unwrap();
        assert_eq!((&spoken["number"], &spoken["in_force"]), (&json!(number + 1), &json!(true)), "{spoken}");
        assert_eq!((&spoken["target"], &spoken["decided_by"]), (&json!(name), &json!("operator")), "{spoken}");
        let (code, sentence) = goodbye(&mut hero.lobby).await;
        assert_eq!(code, "ACCOUNT_BANNED", "{door:?}");
        for part in ["Selling gold", &format!("sanction {}", number + 1), spoken["until"].as_str().unwrap()] {
            assert!(sentence.contains(part), "{part} is missing: {sentence}");
        }
        game_over(game).await;
        assert_eq!(refused(hero.player.rest.validate().await), answer(401, "TOKEN_INVALID"));
        assert_eq!(refused(hero.player.rest.refresh().await).0, 401);
        match hero.player.rest.login(&name, PASSWORD).await.unwrap_err() {
            ClientError::Refused { status: 403, code, message, .. } => {
                assert_eq!((code.as_str(), message), ("ACCOUNT_BANNED", sentence));
            }
            other => panic!("{other}"),
        }
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        let login = Login::Password { account: name.clone(), password: PASSWORD.to_owned() };
        assert_eq!(refused(lobby.login(login).await), answer(0, "ACCOUNT_BANNED"), "{door:?}");
    }
    // One is lifted, the others end by themselves.
    ask(&mut staff, Method::DELETE, "/admin/sanctions/1", None).await.unwrap();
    assert_eq!(refused(ask(&mut staff, Method::DELETE, "/admin/sanctions/1", None).await), answer(404, "NOT_FOUND"));
    let mut rest = Rest::new(&realm.endpoint());
    rest.login(&format!("Maren-{}", DOORS[0] as u8), PASSWORD).await.unwrap();
    let other = format!("Maren-{}", DOORS[1] as u8);
    assert_eq!(refused(rest.login(&other, PASSWORD).await).1, "ACCOUNT_BANNED");
    clock.turn_minutes(60);
    rest.login(&other, PASSWORD).await.expect("an hour is over");
    let listed = ask(&mut staff, Method::GET, "/admin/sanctions", None).await.unwrap();
    let listed = listed["sanctions"].as_array().unwrap();
    assert_eq!(listed.iter().filter(|one| one["in_force"] == true).count(), 0, "{listed:?}");
    assert_eq!(listed.iter().map(|one| one["number"].as_i64().unwrap()).collect::<Vec<_>>(), [3, 2, 1]);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_sanction_players_and_players_nobody() {
    let realm = TestRealm::start().await;
    let token = realm.realm().owner_token().unwrap().to_owned();
    let mut owner = Rest::new(&realm.endpoint());
    owner.create_owner(&token, "Keeper", PASSWORD).await.unwrap();
    owner.login("Keeper", PASSWORD).await.unwrap();
    let mut player = realm.player("Maren").await.rest;
    let order = |kind: &str, target: &str| Some(json!({"kind": kind, "target": target, "reason": "Because."}));
    for (method, path, body) in [
        (Method::POST, "/admin/sanctions", order("ban", "Keeper")),
        (Method::GET, "/admin/sanctions", None),
        (Method::DELETE, "/admin/sanctions/1", None),
        (Method::GET, "/admin/account-keys", None),
        (Method::POST, "/admin/account-keys", Some(json!({"make": 1}))),
        (Method::POST, "/admin/account-keys/check", Some(json!({"key": "x"}))),
        (Method::POST, "/admin/account-keys/revoke", Some(json!({"key": "x"}))),
    ] {
        let refusal = ask(&mut player, method.clone(), path, body.clone()).await;
        assert_eq!(refused(refusal), answer(403, "FORBIDDEN"), "{method} {path}");
        let mut nobody = Rest::new(&realm.endpoint());
        assert_eq!(refused(ask(&mut nobody, method, path, body).await), answer(401, "TOKEN_INVALID"), "{path}");
    }
    let mut staff = operator(realm.data(), &realm.endpoint());
    for (kind, target, status, code) in [
        ("ban", "Keeper", 403, "FORBIDDEN"),
        ("ban", "Nobody", 422, "SANCTION_INVALID"),
        ("ban", "0.0.0.0/0", 422, "SANCTION_INVALID"),
        ("ban", "127.0.0.1", 422, "SANCTION_INVALID"),
        ("mute", "192.0.2.7", 422, "SANCTION_INVALID"),
        ("mute", "Maren", 422, "SANCTION_INVALID"),
    ] {
        let refusal = ask(&mut staff, Method::POST, "/admin/sanctions", order(kind, target)).await;
        assert_eq!(refused(refusal), answer(status, code), "{kind} {target}");
    }
    let flagged = ask(&mut owner, Method::POST, "/admin/sanctions", order("flag", "maren")).await.unwrap();
    assert_eq!((&flagged["target"], &flagged["decided_by_name"]), (&json!("Maren"), &json!("Keeper")), "{flagged}");
    assert!(flagged["decided_by"].as_str().unwrap().starts_with("account:"), "{flagged}");
    player.validate().await.expect("a flag is for staff alone");
    let found = ask(&mut owner, Method::GET, "/admin/sanctions?target=Maren", None).await.unwrap();
    assert_eq!(found["sanctions"].as_array().unwrap().len(), 1);
    let export = ask(&mut player, Method::GET, "/account/export", None).await.unwrap();
    assert_eq!(export["sanctions"], json!([]), "nor is it told in an export");
    // IPv4 in the dress of IPv6 is IPv4.
    let dressed = ask(&mut staff, Method::POST, "/admin/sanctions", order("ban", "::ffff:203.0.113.0/120")).await;
    assert_eq!(dressed.unwrap()["target"], "203.0.113.0/24");
    // A moderator does not free himself of what those above him decided.
    let promoted = Some(json!({"role": "moderator", "permissions": [], "reason": "Knows the place."}));
    ask(&mut owner, Method::PUT, "/admin/staff/Maren", promoted).await.unwrap();
    let muted = json!({"kind": "mute", "target": "Maren", "reason": "Too loud.", "seconds": 3_600});
    let number = ask(&mut owner, Method::POST, "/admin/sanctions", Some(muted)).await.unwrap()["number"].clone();
    player.login("Maren", PASSWORD).await.unwrap();
    let lift = format!("/admin/sanctions/{number}");
    assert_eq!(refused(ask(&mut player, Method::DELETE, &lift, None).await), answer(403, "FORBIDDEN"));
    ask(&mut owner, Method::DELETE, &lift, None).await.unwrap();
    realm.stop().await;
}

/// A door before the realm's doors that says for everybody who comes through it that he comes from `address`.
async fn from_address(realm: &TestRealm, address: &'static str) -> Endpoint {
    let through = async |door: SocketAddr| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(door).await?;
                    server.write_all(format!("PROXY TCP4 {address} 192.0.2.1 4711 443\r\n").as_bytes()).await?;
                    copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        port
    };
    let (addresses, mut endpoint) = (realm.realm().addresses(), realm.endpoint());
    endpoint.https_port = through(addresses.https).await;
    endpoint.realm_port = through(addresses.realm).await;
    endpoint.game_port = through(addresses.game).await;
    endpoint
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_network_is_shut_out_at_every_door_and_others_are_not() {
    let clock = Hands::new();
    let realm = TestRealm::start_with(|config| config.net.proxy_networks = vec!["127.0.0.0/8".to_owned()]).await;
    let realm = realm.restart_with_clock(clock.clone()).await;
    let (spammer, neighbour) = (from_address(&realm, "198.51.100.7").await, from_address(&realm, "198.51.101.7").await);
    let mut staff = operator(realm.data(), &realm.endpoint());
    let mut connected = Vec::new();
    for (name, endpoint) in [("Spammer", &spammer), ("Neighbour", &neighbour)] {
        let mut rest = Rest::new(endpoint);
        rest.register(name, PASSWORD).await.unwrap();
        let token = rest.login(name, PASSWORD).await.unwrap().access_token;
        let mut lobby = Lobby::connect(endpoint, Door::WebSocketJson).await.unwrap();
        lobby.login(Login::Token(token)).await.unwrap();
        connected.push((rest, lobby));
    }
    let order = json!({"kind": "ban", "target": "198.51.100.9/24", "reason": "Spam.", "seconds": 3_600});
    let spoken = ask(&mut staff, Method::POST, "/admin/sanctions", Some(order)).await.unwrap();
    assert_eq!(spoken["target"], "198.51.100.0/24");
    let (mut rest, mut lobby) = connected.remove(0);
    assert_eq!(goodbye(&mut lobby).await.0, "LOGGED_OUT", "sessions from there end");
    // A connection that was open is told, and so is every new one.
    match rest.validate().await.unwrap_err() {
        ClientError::Refused { status: 403, code, message, .. } => {
            assert_eq!(code, "ADDRESS_BANNED");
            let until = spoken["until"].as_str().unwrap();
            assert!(message.contains("Spam (sanction 1)") && message.contains(until), "{message}");
        }
        other => panic!("{other}"),
    }
    assert_eq!(refused(Rest::new(&spammer).realms().await), answer(403, "ADDRESS_BANNED"));
    for door in [Door::WebSocketJson, Door::WebSocketBinary] {
        let refusal = Lobby::connect(&spammer, door).await.map(drop);
        assert_eq!(refused(refusal), answer(403, "ADDRESS_BANNED"), "{door:?}");
    }
    let mut frames = Lobby::connect(&spammer, Door::Frames).await.unwrap();
    let login = Login::Password { account: "Spammer".to_owned(), password: PASSWORD.to_owned() };
    assert_eq!(refused(frames.login(login).await), answer(0, "ADDRESS_BANNED"));

    let (mut rest, mut lobby) = connected.remove(0);
    assert_eq!(rest.validate().await.unwrap().name, "Neighbour");
    lobby.ping().await.expect("somebody else's connection stays");
    Rest::new(&neighbour).login("Spammer", PASSWORD).await.expect("a network is banned, and no account");
    clock.turn_minutes(60);
    Rest::new(&spammer).login("Spammer", PASSWORD).await.expect("an hour is over");
    assert!(
        raw::loopback(&realm, "/metrics").await.contains("reason=\"banned\""),
        "operators see how many were sent away"
    );
    realm.stop().await;
}

/// Says a line, and waits for it or for the code with which it is refused.
async fn what_came_of_a_line(lobby: &mut Lobby) -> String {
    let sequence = lobby.say("hear me").await.unwrap();
    let pick = |message: &ServerMessage| match message {
        ServerMessage::Error(error) if error.sequence == sequence => Some(error.code.clone()),
        ServerMessage::ChatMessage(_) => Some("said".to_owned()),
        _ => None,
    };
    lobby.wait_for(DEADLINE, pick).await.unwrap()
}

/// What is decided on one node is in force on the other over the same server: bans, mutes and their ends.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_decides_is_in_force_on_the_other() {
    let database = realm_postgres::database();
    let start = async |node: u16| {
        TestRealm::start_with(|config| {
            config.storage.url = database.url();
            config.realm[0].shared = true;
            config.node.id = node;
        })
        .await
    };
    let (here, there) = (start(0).await, start(1).await);
    let mut staff = operator(here.data(), &here.endpoint());
    let mut hero = there.hero("Maren", Door::Frames).await;
    let (_, game) = hero.open_game("Cellar").await;
    hero.lobby.join_channel("Market").await.unwrap();
    let muted = json!({"kind": "mute", "target": "Maren", "reason": "Too loud.", "seconds": 3_600});
    let muted = ask(&mut staff, Method::POST, "/admin/sanctions", Some(muted)).await.unwrap()["number"].clone();
    // A line a second, as a player may.
    let mut pace = tokio::time::interval(std::time::Duration::from_secs(1));
    eventually("the mute being in force there", async || {
        pace.tick().await;
        (what_came_of_a_line(&mut hero.lobby).await == "MUTED").then_some(())
    })
    .await;
    ask(&mut staff, Method::DELETE, &format!("/admin/sanctions/{muted}"), None).await.unwrap();
    eventually("the mute being lifted there", async || {
        pace.tick().await;
        (what_came_of_a_line(&mut hero.lobby).await == "said").then_some(())
    })
    .await;
    let banned = json!({"kind": "ban", "target": "Maren", "reason": "Selling gold.", "seconds": 3_600});
    let banned = ask(&mut staff, Method::POST, "/admin/sanctions", Some(banned)).await.unwrap()["number"].clone();
    // Told by the ban, or by the end of its session, whichever is heard first.
    let (code, _) = goodbye(&mut hero.lobby).await;
    assert!(["ACCOUNT_BANNED", "LOGGED_OUT"].contains(&code.as_str()), "{code}");
    game_over(game).await;
    assert_eq!(refused(hero.player.rest.login("Maren", PASSWORD).await).1, "ACCOUNT_BANNED");
    ask(&mut staff, Method::DELETE, &format!("/admin/sanctions/{banned}"), None).await.unwrap();
    hero.player.rest.login("Maren", PASSWORD).await.expect("lifted");
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sanctions_account_keys_and_staff_are_listed_a_page_at_a_time() {
    let realm = TestRealm::start().await;
    let mut staff = operator(realm.data(), &realm.endpoint());
    for name in ["Cem", "Ann", "Bob"] {
        Rest::new(&realm.endpoint()).register(name, PASSWORD).await.unwrap();
        let role = Some(json!({"role": "moderator"}));
        ask(&mut staff, Method::PUT, &format!("/admin/staff/{name}"), role).await.unwrap();
        let order = Some(json!({"kind": "flag", "target": name, "reason": "Because."}));
        ask(&mut staff, Method::POST, "/admin/sanctions", order).await.unwrap();
    }
    ask(&mut staff, Method::POST, "/admin/account-keys", Some(json!({"make": 3}))).await.unwrap();
    for (path, list, member, expected) in [
        ("/admin/sanctions", "sanctions", "number", json!([3, 2, 1])),
        ("/admin/account-keys", "keys", "number", json!([3, 2, 1])),
        ("/admin/staff", "staff", "name", json!(["Cem", "Ann", "Bob"])),
    ] {
        let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = ask(&mut staff, Method::GET, &format!("{path}?limit=2{cursor}"), None).await.unwrap();
            let entries = page[list].as_array().unwrap();
            assert!(entries.len() <= 2, "{page}");
            found.extend(entries.iter().map(|entry| entry[member].clone()));
            pages += 1;
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!((json!(found), pages), (expected, 2), "{path}");
        for wrong in ["?cursor=", "?cursor=3", "?cursor=n0", "?limit=many", "?colour=red"] {
            let refusal = ask(&mut staff, Method::GET, &format!("{path}{wrong}"), None).await;
            assert_eq!(refused(refusal), answer(400, "REQUEST_INVALID"), "{path}{wrong}");
        }
    }
    realm.stop().await;
}
