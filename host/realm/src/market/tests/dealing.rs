//! Offering, buying, and what is not sold.

use super::*;

each_database!(
    hardcore_characters_deal_among_themselves,
    gold_and_goods_change_hands_at_once,
    what_cannot_be_offered_or_bought_is_refused_and_nothing_moves,
    what_is_not_sold_comes_back,
    what_has_no_room_comes_by_mail,
);

each_database!(threads: of_many_buyers_at_once_one_gets_it);

async fn gold_and_goods_change_hands_at_once(home: Home) {
    let mut fair = Fair::new(&home, Config::default()).await;
    let (ann, bob) = (fair.trader("ann", 10).await, fair.trader("bob", 300).await);
    let axe = fair.give(ann, plain(&fair.items, "kindling-axe", 1), (0, 0)).await;
    let offer = fair.list(ann, axe, 200).await.unwrap();
    assert_eq!((fair.gold(ann).await, fair.items.of(ann.character).await.unwrap().items.len()), (8, 0));
    assert_eq!(fair.market.offer(offer.id).await.unwrap(), offer);
    assert_eq!((offer.seller_name.as_str(), offer.price), ("ann", 200));
    let bought = fair.buy(bob, offer.id).await.unwrap();
    assert_eq!((bought.item, bought.letter, bought.belongings.gold), (axe, None, 100));
    assert_eq!(bought.belongings.items[0].at.character(), Some(bob.character));
    assert_eq!(bought.belongings.gold, fair.gold(bob).await);
    // The gold waits in a letter, whether or not the seller is there.
    let letters = fair.letters(ann).await;
    assert_eq!((letters.len(), letters[0].kind, letters[0].gold), (1, LetterKind::Sold, 190));
    assert_eq!(letters[0].about, "kindling-axe");
    now(fair.mail.take(ann, letters[0].id, Versions::Any, None).await.unwrap());
    assert_eq!(fair.gold(ann).await, 198);
    let (anns, bobs) = (ann.account.to_string(), bob.account.to_string());
    let expected = [(anns.clone(), "market:sold"), (anns, "mail:received"), (bobs, "market:bought")];
    assert_eq!(words(&mut fair.told), expected);
    assert_eq!(code(fair.buy(bob, offer.id).await), "OFFER_UNKNOWN");
    assert!(fair.search(&Wanted::default()).await.is_empty());
    fair.end().await;
}

async fn what_cannot_be_offered_or_bought_is_refused_and_nothing_moves(home: Home) {
    let fair = Fair::new(&home, Config { offers_max: 2, ..Config::default() }).await;
    let (ann, bob) = (fair.trader("ann", 3).await, fair.trader("bob", 5).await);
    let mut keys = Vec::new();
    for x in 0..3 {
        keys.push(fair.give(ann, plain(&fair.items, "ring", 1), (x, 0)).await);
    }
    let slot = realm_world::items::Slot::LeftFinger;
    let worn = give(&fair.items, ann.character, plain(&fair.items, "ring", 1), Spot::Worn(slot)).await.unwrap();
    let goods = |item: ItemId, price: i64, hours: u32| Goods { item, price, hours };
    for (holder, wished, expected) in [
        (ann, goods(keys[0], 0, 24), "OFFER_INVALID"),
        (ann, goods(keys[0], -4, 24), "OFFER_INVALID"),
        (ann, goods(keys[0], PRICE_MAX + 1, 24), "OFFER_INVALID"),
        (ann, goods(keys[0], 10, 0), "OFFER_INVALID"),
        (ann, goods(keys[0], 10, 169), "OFFER_INVALID"),
        (ann, goods(keys[0], 1_000, 24), "NOT_ENOUGH_GOLD"),
        (ann, goods(ItemId::from_raw(3), 10, 24), "ITEM_NOT_CARRIED"),
        (ann, goods(worn, 10, 24), "ITEM_WORN"),
        (bob, goods(keys[0], 10, 24), "ITEM_NOT_CARRIED"),
        (Holder { character: ann.character, ..bob }, goods(keys[0], 10, 24), "CHARACTER_UNKNOWN"),
    ] {
        assert_eq!(code(fair.market.list(holder, wished, None).await), expected, "{wished:?}");
    }
    let lock = fair.items.lock(&keys[..1]).unwrap();
    assert_eq!(code(fair.list(ann, keys[0], 10).await), "ITEM_IN_TRADE");
    drop(lock);
    assert_eq!((fair.gold(ann).await, fair.items.of(ann.character).await.unwrap().items.len()), (3, 4));
    let offer = fair.list(ann, keys[0], 6).await.unwrap();
    fair.list(ann, keys[1], 6).await.unwrap();
    assert_eq!(code(fair.list(ann, keys[2], 6).await), "OFFER_LIMIT");
    assert_eq!(code(fair.list(ann, keys[0], 6).await), "ITEM_NOT_CARRIED", "it is offered already");

    assert_eq!(code(fair.buy(ann, offer.id).await), "OFFER_OWN");
    let second = testing::character(&fair.storage, ann.account, "annette", "Druid").await;
    assert_eq!(code(fair.buy(Holder::resting(ann.account, second), offer.id).await), "OFFER_OWN");
    assert_eq!(code(fair.buy(bob, offer.id).await), "NOT_ENOUGH_GOLD");
    assert_eq!(code(fair.buy(bob, OfferId::from_raw(9)).await), "OFFER_UNKNOWN");
    assert_eq!(code(fair.market.withdraw(bob.account, offer.id, None).await), "OFFER_UNKNOWN");
    assert_eq!((fair.gold(bob).await, fair.gold(ann).await), (5, 1));
    assert!(fair.letters(ann).await.is_empty());
    fair.end().await;
}

async fn hardcore_characters_deal_among_themselves(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (ann, bob, cid) = (fair.trader("ann", 100).await, fair.trader("bob", 100).await, fair.trader("cid", 100).await);
    for hard in [ann, cid] {
        change(&fair.storage, "UPDATE characters SET hardcore = $1 WHERE id = $2", 1, hard.character.to_sql()).await;
    }
    let of = async |seller| {
        let key = fair.give(seller, plain(&fair.items, "ring", 1), (0, 0)).await;
        fair.list(seller, key, 10).await.unwrap()
    };
    let (hard, soft) = (of(ann).await, of(bob).await);
    assert!(hard.hardcore && !soft.hardcore);
    assert_eq!(code(fair.buy(bob, hard.id).await), "OTHER_MODE");
    assert_eq!(code(fair.buy(cid, soft.id).await), "OTHER_MODE");
    let asked = |hardcore, order| Wanted { hardcore, order, ..Wanted::default() };
    for order in [Order::Price, Order::Newest] {
        assert_eq!(fair.search(&asked(Some(true), order)).await, [hard.id]);
        assert_eq!(fair.search(&asked(Some(false), order)).await, [soft.id]);
        assert_eq!(fair.search(&asked(None, order)).await.len(), 2);
    }
    assert!(fair.market.offer(hard.id).await.unwrap().hardcore);
    fair.buy(cid, hard.id).await.unwrap();
    fair.end().await;
}

async fn what_is_not_sold_comes_back(home: Home) {
    let mut fair = Fair::new(&home, Config::default()).await;
    let (ann, bob) = (fair.trader("ann", 100).await, fair.trader("bob", 100).await);
    let (one, two) = (
        fair.give(ann, plain(&fair.items, "ring", 1), (0, 0)).await,
        fair.give(ann, plain(&fair.items, "ring", 1), (1, 0)).await,
    );
    let withdrawn = fair.list(ann, one, 10).await.unwrap();
    let over = fair.list(ann, two, 10).await.unwrap();
    now(fair.market.withdraw(ann.account, withdrawn.id, None).await.unwrap());
    assert_eq!(code(fair.market.withdraw(ann.account, withdrawn.id, None).await), "OFFER_UNKNOWN");
    assert_eq!(code(fair.buy(bob, withdrawn.id).await), "OFFER_UNKNOWN");
    fair.clock.advance_ms(24 * HOUR_MS);
    assert_eq!(code(fair.buy(bob, over.id).await), "OFFER_UNKNOWN", "its time is over");
    assert!(fair.search(&Wanted::default()).await.is_empty());
    words(&mut fair.told);
    assert_eq!(fair.market.expire().await.unwrap(), 1);
    assert_eq!(fair.market.expire().await.unwrap(), 0);
    let anns = ann.account.to_string();
    assert_eq!(words(&mut fair.told), [(anns.clone(), "market:ended"), (anns, "mail:received")]);
    let letters = fair.letters(ann).await;
    let kinds: Vec<_> = letters.iter().map(|letter| (letter.kind, letter.items[0].key)).collect();
    assert_eq!(kinds, [(LetterKind::Unsold, two), (LetterKind::Unsold, one)]);
    for letter in letters {
        now(fair.mail.take(ann, letter.id, Versions::Any, None).await.unwrap());
    }
    assert_eq!((fair.gold(ann).await, fair.items.of(ann.character).await.unwrap().items.len()), (98, 2));
    fair.end().await;
}

async fn what_has_no_room_comes_by_mail(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (ann, bob) = (fair.trader("ann", 10).await, fair.trader("bob", 100).await);
    for x in 0..10 {
        for y in 0..4 {
            fair.give(bob, plain(&fair.items, "ring", 1), (x, y)).await;
        }
    }
    let ring = fair.give(ann, plain(&fair.items, "ring", 1), (0, 0)).await;
    let offer = fair.list(ann, ring, 40).await.unwrap();
    let bought = fair.buy(bob, offer.id).await.unwrap();
    let letters = fair.letters(bob).await;
    assert_eq!((bought.letter, bought.item), (Some(letters[0].id), ring));
    assert_eq!((letters[0].kind, letters[0].items[0].key, fair.gold(bob).await), (LetterKind::Bought, ring, 60));
    fair.end().await;
}

async fn of_many_buyers_at_once_one_gets_it(home: Home) {
    let fair = Arc::new(Fair::new(&home, Config::default()).await);
    let ann = fair.trader("ann", 1_000).await;
    let mut buyers = Vec::new();
    for number in 0..10 {
        buyers.push(fair.trader(&format!("buyer-{number}"), 100).await);
    }
    for round in 0..5 {
        let ring = fair.give(ann, plain(&fair.items, "ring", 1), (0, 0)).await;
        let offer = fair.list(ann, ring, 10).await.unwrap();
        let mut asking = tokio::task::JoinSet::new();
        for buyer in buyers.clone() {
            for key in ["first", "first", "second"] {
                let (fair, id) = (Arc::clone(&fair), offer.id);
                asking.spawn(async move {
                    let answer = |done: &Done<Bought>| Kept { body: done.what.item.to_string(), tag: String::new() };
                    let (scope, key) = (buyer.account.to_string(), format!("{round}-{key}"));
                    let once = Once::new("main", scope, &key, &[b"buy"], answer).unwrap();
                    match fair.market.buy(buyer, id, Some(once)).await {
                        Ok(Answered::Now(_)) => 1,
                        Ok(Answered::Before(kept)) => {
                            assert_eq!(kept.body, ring.to_string());
                            0
                        }
                        Err(refused) => {
                            assert!(matches!(refused, MarketError::OfferUnknown), "{refused}");
                            0
                        }
                    }
                });
            }
        }
        let winners: usize = asking.join_all().await.into_iter().sum();
        assert_eq!(winners, 1, "round {round}");
    }
    assert_eq!(fair.letters(ann).await.len(), 5, "each is paid for once");
    let mut left = 0;
    for buyer in &buyers {
        left += fair.gold(*buyer).await;
    }
    assert_eq!(left, 10 * 100 - 5 * 10);
    Arc::into_inner(fair).expect("everybody has asked").end().await;
}

#[test]
fn a_message_of_the_market_is_an_event() {
    for message in [
        ServerMessage::from(realm_protocol::proto::MarketSold { event: 3, ..Default::default() }),
        ServerMessage::from(realm_protocol::proto::MailReceived { event: 3, ..Default::default() }),
    ] {
        assert_eq!(message.event(), Some(3));
    }
}
