//! Letters and the market over real sockets: what is sent, bought and paid for once is so once, whatever becomes of connections and of the realm.

use std::{path::Path, sync::Arc, time::Duration};

use realm::{
    items::verify,
    realms::RealmConfig,
    storage::read_alone,
    types::faults::{Bug, Point},
};
use realm_client::{ClientError, Door, Letter, LetterDraft, Method, Rest, ServerMessage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{
    DEADLINE, PASSWORD, TestRealm,
    program::{Site, Up},
    raw, refused,
};

/// Asks tests for their long campaigns.
const LONG: &str = "REALM_TEST_LONG";

/// A client that speaks as the operator does.
fn operator(rest: &mut Rest, data: &Path) {
    let token = std::fs::read_to_string(data.join("operator.token")).expect("a token in the data folder");
    rest.set_access_token(Some(token));
}

/// What the operator gives somebody to begin with, taken out of its letter; keys of the items.
async fn endow(
    operator: &mut Rest,
    rest: &mut Rest,
    (name, character): (&str, u64),
    gold: i64,
    rings: usize,
) -> Vec<u64> {
    let ring = json!({"base": "ring", "level": 1});
    let body = json!({"to": name, "gold": gold, "items": vec![ring; rings], "reason": "To begin with."});
    let answer = operator.request(Method::POST, "/api/v1/admin/mail", Some(&body)).await.unwrap();
    let letter: Letter = serde_json::from_value(answer.success().unwrap().json).unwrap();
    let key = format!("begin-{}", letter.id);
    assert_eq!(rest.take_letter(letter.id, character, &key).await.unwrap().gold, gold);
    letter.items.iter().map(|item| item.id).collect()
}

/// Everything that is in letters of a character, in words: kind and gold, the newest first.
async fn mailbox(rest: &mut Rest, character: u64) -> Vec<(String, i64)> {
    let letters = rest.letters(character, None).await.unwrap().letters;
    letters.into_iter().map(|letter| (letter.kind, letter.gold)).collect()
}

async fn purse(rest: &mut Rest, (name, character): (&str, u64), operator: &mut Rest) -> i64 {
    // An empty letter changes nothing, and its answer says what is in the purse.
    let body = json!({"to": name, "text": "How much have you?"});
    let answer = operator.request(Method::POST, "/api/v1/admin/mail", Some(&body)).await.unwrap();
    let letter: Letter = serde_json::from_value(answer.success().unwrap().json).unwrap();
    let gold = rest.take_letter(letter.id, character, &format!("purse-{}", letter.id)).await.unwrap().gold;
    rest.delete_letter(letter.id, &format!("gone-{}", letter.id)).await.unwrap();
    gold
}

fn busy(config: &mut realm::config::Config) {
    config.session.request_burst = 1_000_000;
    config.net.handshakes_max = 1_000;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_who_is_not_there_is_paid_and_one_who_is_is_told() {
    let realm = TestRealm::start().await;
    let (mut ann, mut bob) = (realm.hero("Ann", Door::WebSocketJson).await, realm.hero("Bob", Door::Frames).await);
    let mut operator_rest = Rest::new(&realm.endpoint());
    operator(&mut operator_rest, realm.data());
    let (anns, bobs) = (ann.character.id, bob.character.id);
    let rings = endow(&mut operator_rest, &mut ann.player.rest, ("Ann-hero", anns), 10, 2).await;
    endow(&mut operator_rest, &mut bob.player.rest, ("Bob-hero", bobs), 500, 0).await;

    let listed = ann.player.rest.offer((anns, rings[0]), 200, 24, "offer").await.unwrap();
    assert_eq!((listed.fee, listed.gold, listed.offer.item.id), (2, 8, rings[0]));
    let found = bob.player.rest.offers("kind=ring&price_max=200&order=newest").await.unwrap();
    assert_eq!((found.offers.len(), found.offers[0].seller.as_str()), (1, "Ann-hero"));
    assert!(bob.player.rest.offers("kind=sword").await.unwrap().offers.is_empty());
    for wrong in ["kind=moon", "order=oldest", "properties=life", "properties=moon:3", "cursor=7", "level_min=-1"] {
        assert_eq!(refused(bob.player.rest.offers(wrong).await).0, 400, "{wrong}");
    }
    let own = ann.player.rest.buy(listed.offer.id, anns, "own").await;
    assert_eq!(refused(own), (409, "OFFER_OWN".to_owned()));
    let bought = bob.player.rest.buy(listed.offer.id, bobs, "buy").await.unwrap();
    assert_eq!((bought.item, bought.gold, bought.letter), (rings[0], 300, None));
    let sold = ann.lobby.wait_for(DEADLINE, |message| match message {
        ServerMessage::MarketSold(sold) => Some(sold.clone()),
        _ => None,
    });
    let sold = sold.await.unwrap();
    assert_eq!((sold.offer_id, sold.price, sold.proceeds), (listed.offer.id, 200, 190));
    let had = bob.lobby.wait_for(DEADLINE, |message| match message {
        ServerMessage::MarketBought(bought) => Some(bought.item_id),
        _ => None,
    });
    assert_eq!(had.await.unwrap(), rings[0]);
    let taken = ann.player.rest.take_letter(sold.letter_id, anns, "proceeds").await.unwrap();
    assert_eq!(taken.gold, 198);

    // A letter with what was bought, and back again.
    let draft =
        LetterDraft { character: bobs, to: "ann-hero".to_owned(), items: vec![rings[0]], ..LetterDraft::default() };
    let sent = bob.player.rest.send_letter(&draft, "letter").await.unwrap();
    let received = ann.lobby.wait_for(DEADLINE, |message| match message {
        ServerMessage::MailReceived(received) if received.kind == "player" => Some(received.clone()),
        _ => None,
    });
    let received = received.await.unwrap();
    assert_eq!((received.letter_id, received.sender.as_str()), (sent.id, "Bob-hero"));
    ann.player.rest.return_letter(sent.id, "back").await.unwrap();
    assert_eq!(mailbox(&mut bob.player.rest, bobs).await, [("returned".to_owned(), 0)]);
    let foreign = bob.player.rest.letters(anns, None).await;
    assert_eq!(refused(foreign), (404, "CHARACTER_UNKNOWN".to_owned()));
    // Withdrawn, it comes by mail.
    let listed = ann.player.rest.offer((anns, rings[1]), 50, 24, "again").await.unwrap();
    assert_eq!(ann.player.rest.own_offers().await.unwrap().offers.len(), 1);
    ann.player.rest.withdraw_offer(listed.offer.id, "withdraw").await.unwrap();
    assert_eq!(mailbox(&mut ann.player.rest, anns).await, [("unsold".to_owned(), 0)]);
    realm.stop().await;
}

/// Who has never been told that a letter may be of staff has no right to write one.
#[tokio::test(flavor = "multi_thread")]
async fn only_staff_write_letters_of_staff_and_a_text_passes_the_chat_filter() {
    let realm = TestRealm::start().await;
    let mut ann = realm.player("Ann").await;
    let anns = ann.rest.create_character("Ann-hero", "Druid", false).await.unwrap().id;
    let mut bob = realm.player("Bob").await;
    let bobs = bob.rest.create_character("Bob-hero", "Druid", false).await.unwrap().id;
    let body = json!({"to": "Bob-hero", "gold": 5});
    let refusal = ann.rest.request(Method::POST, "/api/v1/admin/mail", Some(&body)).await.unwrap().success();
    assert_eq!(refused(refusal), (403, "FORBIDDEN".to_owned()));
    let draft = |text: &str| LetterDraft {
        character: anns,
        to: "Bob-hero".to_owned(),
        text: text.to_owned(),
        ..LetterDraft::default()
    };
    ann.rest.send_letter(&draft("oh shit, wolves"), "words").await.unwrap();
    let blocked = ann.rest.send_letter(&draft("just kys"), "blocked").await;
    assert_eq!(refused(blocked), (422, "CHAT_BLOCKED".to_owned()));
    let letters = bob.rest.letters(bobs, None).await.unwrap().letters;
    assert_eq!(letters.iter().map(|letter| letter.text.as_str()).collect::<Vec<_>>(), ["oh ****, wolves"]);
    let long = ann.rest.send_letter(&draft(&"long ".repeat(60)), "long").await;
    assert_eq!(refused(long), (422, "CHAT_TEXT_INVALID".to_owned()));
    realm.stop().await;
}

/// A request as it goes over the wire, so that its connection can be cut wherever one likes.
async fn send_and_cut(realm: &TestRealm, (method, path, token, key): (&str, &str, &str, &str), body: &str, how: usize) {
    let text = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = raw::tls(realm, realm.realm().addresses().https, b"http/1.1").await;
    let bytes = if how % 3 == 1 { &text.as_bytes()[..text.len() - 1] } else { text.as_bytes() };
    // The other end may have gone; that is what this is about.
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    if how % 3 == 2 {
        let mut some = [0; 16];
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut some)).await;
    }
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_again_over_cut_connections_is_done_once() {
    let realm = TestRealm::start_with(busy).await;
    let (mut ann, mut bob) = (realm.player("Ann").await, realm.player("Bob").await);
    let anns = ann.rest.create_character("Ann-hero", "Druid", false).await.unwrap().id;
    let bobs = bob.rest.create_character("Bob-hero", "Druid", false).await.unwrap().id;
    let mut operator_rest = Rest::new(&realm.endpoint());
    operator(&mut operator_rest, realm.data());
    let rounds = if std::env::var_os(LONG).is_some() { 200 } else { 12 };
    let ring = endow(&mut operator_rest, &mut ann.rest, ("Ann-hero", anns), 100_000, 1).await[0];
    endow(&mut operator_rest, &mut bob.rest, ("Bob-hero", bobs), 100_000, 0).await;
    let (mut hers, mut his) = (100_000, 100_000);
    for round in 0..rounds {
        let key = format!("round-{round}");
        // Offered, bought, paid for, and sent back as a present, each three times and cut twice.
        let body =
            json!({"character": anns.to_string(), "item": ring.to_string(), "price": 100, "hours": 5}).to_string();
        let request = ("POST", "/market/offers", ann.token.as_str(), key.as_str());
        tokio::join!(send_and_cut(&realm, request, &body, round), send_and_cut(&realm, request, &body, round + 1));
        let listed = ann.rest.offer((anns, ring), 100, 5, &key).await.unwrap();
        hers -= 1;
        assert_eq!(listed.gold, hers);
        let (path, body) =
            (format!("/market/offers/{}/buy", listed.offer.id), json!({"character": bobs.to_string()}).to_string());
        let request = ("POST", path.as_str(), bob.token.as_str(), key.as_str());
        tokio::join!(send_and_cut(&realm, request, &body, round), send_and_cut(&realm, request, &body, round + 2));
        his -= 100;
        assert_eq!(bob.rest.buy(listed.offer.id, bobs, &key).await.unwrap().gold, his);
        let letters = ann.rest.letters(anns, None).await.unwrap().letters;
        assert_eq!(letters.iter().map(|letter| letter.gold).collect::<Vec<_>>(), [95], "paid for once");
        let path = format!("/mail/{}/take", letters[0].id);
        let body = json!({"character": anns.to_string()}).to_string();
        let take_key = format!("{key}-take");
        let request = ("POST", path.as_str(), ann.token.as_str(), take_key.as_str());
        tokio::join!(send_and_cut(&realm, request, &body, round), send_and_cut(&realm, request, &body, round + 1));
        hers += 95;
        assert_eq!(ann.rest.take_letter(letters[0].id, anns, &take_key).await.unwrap().gold, hers);
        let body = json!({"character": bobs.to_string(), "to": "Ann-hero", "items": [ring.to_string()]}).to_string();
        let letter_key = format!("{key}-letter");
        let request = ("POST", "/mail", bob.token.as_str(), letter_key.as_str());
        tokio::join!(send_and_cut(&realm, request, &body, round), send_and_cut(&realm, request, &body, round + 2));
        let letters = realm_letters(&mut bob.rest, &body, &letter_key).await;
        let back = format!("{key}-back");
        let taken = ann.rest.take_letter(letters, anns, &back).await.unwrap();
        assert_eq!((taken.gold, taken.letter), (hers, None));
    }
    assert_eq!(mailbox(&mut ann.rest, anns).await, []);
    let key = "round-0";
    let other = ann.rest.offer((anns, ring), 101, 5, key).await;
    assert_eq!(refused(other), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
    realm.stop().await;
}

/// Sends a letter, whose body is the same as that of those that were cut; its key.
async fn realm_letters(rest: &mut Rest, body: &str, key: &str) -> u64 {
    let body: Value = serde_json::from_str(body).unwrap();
    let answer = rest.request_with(Method::POST, "/api/v1/mail", &[("idempotency-key", key)], Some(&body)).await;
    let letter: Letter = serde_json::from_value(answer.unwrap().success().unwrap().json).unwrap();
    letter.id
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_buy_at_once_one_gets_it() {
    let realm = Arc::new(TestRealm::start_with(busy).await);
    let mut ann = realm.player("Ann").await;
    let anns = ann.rest.create_character("Ann-hero", "Druid", false).await.unwrap().id;
    let mut operator_rest = Rest::new(&realm.endpoint());
    operator(&mut operator_rest, realm.data());
    let rings = endow(&mut operator_rest, &mut ann.rest, ("Ann-hero", anns), 1_000, 5).await;
    let mut buyers = Vec::new();
    for name in ["Bob", "Cem", "Dora", "Ewa"] {
        let mut player = realm.player(name).await;
        let hero = format!("{name}-hero");
        let id = player.rest.create_character(&hero, "Druid", false).await.unwrap().id;
        endow(&mut operator_rest, &mut player.rest, (&hero, id), 1_000, 0).await;
        buyers.push((player, id));
    }
    for (round, ring) in rings.into_iter().enumerate() {
        let offer = ann.rest.offer((anns, ring), 10, 24, &format!("offer-{round}")).await.unwrap().offer.id;
        let mut asking = tokio::task::JoinSet::new();
        for (player, id) in buyers {
            asking.spawn(async move {
                let mut player = player;
                let bought = player.rest.buy(offer, id, &format!("buy-{round}")).await;
                ((player, id), bought)
            });
        }
        let (back, outcomes): (Vec<_>, Vec<_>) = asking.join_all().await.into_iter().unzip();
        buyers = back;
        let winners: Vec<_> = outcomes.iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        assert_eq!(winners[0].item, ring);
        for refusal in outcomes.into_iter().filter(Result::is_err) {
            assert_eq!(refused(refusal), (404, "OFFER_UNKNOWN".to_owned()));
        }
    }
    assert_eq!(mailbox(&mut ann.rest, anns).await.len(), 5, "each was paid for once");
    drop((ann, buyers, operator_rest));
    Arc::into_inner(realm).expect("nobody else has it").stop().await;
}

/// A program with two players, of whom one has rings and the other gold.
struct Stalls {
    site: Site,
    command: std::process::Command,
}

impl Stalls {
    fn new(bug: Option<Bug>) -> Self {
        let site = Site::new();
        let mut command = site.realm(&["up", "--data", "realm-data"]);
        command.env("REALM__SESSION__REQUEST_BURST", "10000").env("REALM__SESSION__REQUEST_PER_MINUTE", "60000");
        if let Some(bug) = bug {
            command.env("REALM_FAULT_BUGS", bug.name());
        }
        Self { site, command }
    }

    async fn client(&self, name: &str) -> (Rest, u64) {
        let mut rest = Rest::new(&self.site.endpoint());
        rest.register(name, PASSWORD).await.unwrap();
        rest.login(name, PASSWORD).await.unwrap();
        let id = rest.create_character(&format!("{name}-hero"), "Druid", false).await.unwrap().id;
        (rest, id)
    }

    /// The same client of a realm that was started again, on other ports.
    fn again(&self, old: &Rest) -> Rest {
        let mut rest = Rest::new(&self.site.endpoint());
        rest.set_access_token(old.access_token().map(str::to_owned));
        rest
    }

    fn operator(&self) -> Rest {
        let mut rest = Rest::new(&self.site.endpoint());
        operator(&mut rest, &self.site.data());
        rest
    }
}

/// A purchase that is broken off between gold and goods by the death of the realm, and sent again under its key; how often it was paid for.
async fn payments_after_a_retry(bug: Option<Bug>) -> usize {
    let mut stalls = Stalls::new(bug);
    let up = Up::start(&mut stalls.command);
    let ((mut ann, anns), (mut bob, bobs)) = (stalls.client("Ann").await, stalls.client("Bob").await);
    let mut operator_rest = stalls.operator();
    let ring = endow(&mut operator_rest, &mut ann, ("Ann-hero", anns), 50, 1).await[0];
    endow(&mut operator_rest, &mut bob, ("Bob-hero", bobs), 500, 0).await;
    let offer = ann.offer((anns, ring), 100, 5, "offer").await.unwrap().offer.id;
    drop(up);
    let fault = format!("{}=kill@1", Point::MarketBetweenLegs.name());
    let up = Up::start(stalls.command.env("REALM_FAULT_POINT", fault));
    let mut bob = stalls.again(&bob);
    let cut = bob.buy(offer, bobs, "buy").await;
    assert!(!matches!(cut, Err(ClientError::Refused { .. }) | Ok(_)), "nobody answers: {cut:?}");
    drop(up);
    let _up = Up::start(stalls.command.env_remove("REALM_FAULT_POINT"));
    let (mut ann, mut bob) = (stalls.again(&ann), stalls.again(&bob));
    assert_eq!(bob.buy(offer, bobs, "buy").await.unwrap().item, ring);
    mailbox(&mut ann, anns).await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_pays_twice_on_a_retry_is_found() {
    assert_eq!(Box::pin(payments_after_a_retry(None)).await, 1);
    assert_eq!(Box::pin(payments_after_a_retry(Some(Bug::MarketPaysTwice))).await, 2, "the mistake has to be seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_dies_between_gold_and_goods_has_moved_neither() {
    let mut stalls = Stalls::new(None);
    let up = Up::start(&mut stalls.command);
    let ((mut ann, anns), (mut bob, bobs)) = (stalls.client("Ann").await, stalls.client("Bob").await);
    let mut operator_rest = stalls.operator();
    let ring = endow(&mut operator_rest, &mut ann, ("Ann-hero", anns), 50, 1).await[0];
    endow(&mut operator_rest, &mut bob, ("Bob-hero", bobs), 500, 0).await;
    let offer = ann.offer((anns, ring), 100, 5, "offer").await.unwrap().offer.id;
    drop(up);
    let fault = format!("{}=kill@1", Point::MarketBetweenLegs.name());
    let up = Up::start(stalls.command.env("REALM_FAULT_POINT", fault));
    let mut bob = stalls.again(&bob);
    let cut = bob.buy(offer, bobs, "buy").await;
    assert!(!matches!(cut, Err(ClientError::Refused { .. }) | Ok(_)), "nobody answers: {cut:?}");
    drop(up);
    let _up = Up::start(stalls.command.env_remove("REALM_FAULT_POINT"));
    let (mut ann, mut bob) = (stalls.again(&ann), stalls.again(&bob));
    assert_eq!(mailbox(&mut ann, anns).await, [], "she was not paid");
    let mut operator_rest = stalls.operator();
    assert_eq!(purse(&mut bob, ("Bob-hero", bobs), &mut operator_rest).await, 500, "and he has not paid");
    assert_eq!(bob.offers("").await.unwrap().offers.len(), 1);
    let bought = bob.buy(offer, bobs, "buy").await.unwrap();
    assert_eq!((bought.item, bought.gold), (ring, 400));
    assert_eq!(mailbox(&mut ann, anns).await, [("sold".to_owned(), 95)]);
}

/// The realm's own check, over what it has stored.
async fn is_whole(realm: &TestRealm) {
    let address = realm.config().storage.clone();
    let sound = read_alone(&address, realm.data(), |connection| Box::pin(verify(connection, None))).await;
    assert_eq!(sound.expect("the ledger can be read").err(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_and_offers_follow_a_character_into_another_realm() {
    let duskwall = || RealmConfig { key: "dusk".to_owned(), name: "Duskwall".to_owned(), ..RealmConfig::default() };
    let realm = TestRealm::start_with(|config| config.realm.push(duskwall())).await;
    let (mut ann, mut bob) = (realm.hero("Ann", Door::Frames).await, realm.hero("Bob", Door::Frames).await);
    let mut operator_rest = Rest::new(&realm.endpoint());
    operator(&mut operator_rest, realm.data());
    let (anns, bobs) = (ann.character.id, bob.character.id);
    let rings = endow(&mut operator_rest, &mut ann.player.rest, ("Ann-hero", anns), 100, 2).await;
    endow(&mut operator_rest, &mut bob.player.rest, ("Bob-hero", bobs), 500, 0).await;
    let offer = ann.player.rest.offer((anns, rings[0]), 200, 24, "offer").await.unwrap().offer.id;
    let to_ann = LetterDraft { character: bobs, to: "Ann-hero".to_owned(), gold: 70, ..LetterDraft::default() };
    let letter = bob.player.rest.send_letter(&to_ann, "letter").await.unwrap();
    let to_bob = LetterDraft {
        character: anns,
        to: "Bob-hero".to_owned(),
        items: vec![rings[1]],
        gold: 5,
        ..LetterDraft::default()
    };
    let lent = ann.player.rest.send_letter(&to_bob, "lent").await.unwrap();

    let path = format!("/api/v1/admin/characters/{anns}/transfer");
    let body = json!({"realm": "Duskwall", "reason": "Asked for."});
    operator_rest.request(Method::POST, &path, Some(&body)).await.unwrap().success().unwrap();
    ann.player.rest.set_realm("dusk");
    let mut rest = ann.player.rest;
    assert_eq!(mailbox(&mut rest, anns).await, [("player".to_owned(), 70)]);
    // 100, without the fee of 2 and the 5 that are with Bob.
    assert_eq!(rest.take_letter(letter.id, anns, "take").await.unwrap().gold, 93 + 70);
    // What is sent back comes to where she is now.
    bob.player.rest.return_letter(lent.id, "back").await.unwrap();
    let back = rest.letters(anns, None).await.unwrap().letters;
    assert_eq!((back[0].kind.as_str(), back[0].gold, back[0].items[0].id), ("returned", 5, rings[1]));
    assert_eq!(rest.take_letter(back[0].id, anns, "take-back").await.unwrap().gold, 93 + 75);
    // What she offers is offered there, sold there, and paid for there.
    assert_eq!(bob.player.rest.offers("").await.unwrap().offers.len(), 0, "not where she was");
    assert_eq!(rest.own_offers().await.unwrap().offers[0].id, offer);
    let mut carol = realm.player("Carol").await.rest;
    carol.set_realm("dusk");
    let carols = carol.create_character("Carol-hero", "Druid", false).await.unwrap().id;
    let body = json!({"realm": "dusk", "to": "Carol-hero", "gold": 300});
    let gift = operator_rest.request(Method::POST, "/api/v1/admin/mail", Some(&body)).await.unwrap();
    let gift: Letter = serde_json::from_value(gift.success().unwrap().json).unwrap();
    carol.take_letter(gift.id, carols, "begin").await.unwrap();
    assert_eq!(carol.offers("kind=ring").await.unwrap().offers[0].id, offer);
    let bought = carol.buy(offer, carols, "buy").await.unwrap();
    assert_eq!((bought.item, bought.gold), (rings[0], 100));
    let sold = rest.letters(anns, None).await.unwrap().letters;
    assert_eq!((sold[0].kind.as_str(), sold[0].gold), ("sold", 190));
    assert_eq!(rest.take_letter(sold[0].id, anns, "sold").await.unwrap().gold, 93 + 75 + 190);
    is_whole(&realm).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owned_stays_when_a_realm_is_called_otherwise() {
    // A database that is shared is never taken over.
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("realm.sqlite").display());
    let own_file = |config: &mut realm::config::Config| config.storage.url = url;
    let realm = TestRealm::start_with(own_file).await;
    let mut ann = realm.player("Ann").await.rest;
    let anns = ann.create_character("Ann-hero", "Druid", false).await.unwrap().id;
    let mut operator_rest = Rest::new(&realm.endpoint());
    operator(&mut operator_rest, realm.data());
    let rings = endow(&mut operator_rest, &mut ann, ("Ann-hero", anns), 100, 2).await;
    let listed = ann.offer((anns, rings[0]), 200, 24, "offer").await.unwrap();
    let body = json!({"to": "Ann-hero", "gold": 7, "items": [{"base": "ring", "level": 1}]});
    let letter = operator_rest.request(Method::POST, "/api/v1/admin/mail", Some(&body)).await.unwrap();
    let letter: Letter = serde_json::from_value(letter.success().unwrap().json).unwrap();

    let realm = realm.restart_with(|config| config.realm[0].key = "ember".to_owned()).await;
    let mut ann = Rest::new(&realm.endpoint());
    ann.login("Ann", PASSWORD).await.unwrap();
    // The same request again has no second effect, and the answer that it had.
    assert_eq!(ann.offer((anns, rings[0]), 200, 24, "offer").await.unwrap(), listed);
    let path = format!("/api/v1/characters/{anns}/inventory");
    let view = ann.request(Method::GET, &path, None).await.unwrap().success().unwrap().json;
    assert_eq!(view["gold"], 98);
    assert_eq!(view["inventory"]["items"][0]["id"], rings[1].to_string());
    assert_eq!(ann.take_letter(letter.id, anns, "take").await.unwrap().gold, 105);
    assert_eq!(ann.offers("kind=ring").await.unwrap().offers[0].id, listed.offer.id);
    let path = format!("/api/v1/market/offers/{}", listed.offer.id);
    ann.request(Method::DELETE, &path, None).await.unwrap().success().unwrap();
    let unsold = ann.letters(anns, None).await.unwrap().letters;
    assert_eq!((unsold[0].kind.as_str(), unsold[0].items[0].id), ("unsold", rings[0]));
    ann.take_letter(unsold[0].id, anns, "unsold").await.unwrap();
    is_whole(&realm).await;
    realm.stop().await;
}
