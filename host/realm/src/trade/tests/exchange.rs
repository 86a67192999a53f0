//! What carries trades out, over both databases: all of it or nothing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    items::{
        Act, Bag, Hold, Holder, ItemsError, Spot,
        testing::{change, inventory, lease},
    },
    storage::testing::{Fault, Home, each_database, unreliable},
    trade::{ending::Ending, exchange::Exchange},
    types::Code,
};

use super::stage::{Stage, assert_done, code, resting};

each_database!(
    items_and_gold_go_over_and_the_ledger_says_so,
    two_full_inventories_can_trade,
    without_room_nothing_is_moved,
    what_is_not_as_it_was_shown_is_not_moved,
    who_has_less_gold_than_offered_gives_nothing,
    a_confirmation_that_comes_again_moves_nothing_again,
    what_the_database_did_not_confirm_is_told_as_it_was,
    only_under_the_right_to_both_characters,
    who_has_died_for_good_in_a_game_trades_no_more,
    what_is_offered_cannot_be_moved_meanwhile_and_is_free_afterwards,
);

async fn items_and_gold_go_over_and_the_ledger_says_so(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let (ring, blade) = (stage.give(&ann, "ring").await, stage.give(&bob, "ditch-blade").await);
    stage.endow(&ann, 100).await;
    stage.endow(&bob, 7).await;
    let versions = (stage.of(&ann).await.version, stage.of(&bob).await.version);
    // Whichever of them has the lower key.
    let contract = stage.agree((&bob, &[blade], 7), (&ann, &[ring], 40)).await;
    let trade = stage.trade();
    assert_done(&stage.exchange.carry_out(trade, &contract, resting(&contract)).await);
    drop(contract);
    assert_eq!((stage.keys(&ann).await, stage.keys(&bob).await), (vec![blade], vec![ring]));
    let (of_ann, of_bob) = (stage.of(&ann).await, stage.of(&bob).await);
    assert_eq!((of_ann.gold, of_bob.gold), (67, 40));
    assert!(of_ann.version > versions.0 && of_bob.version > versions.1, "both inventories have new versions");
    // One operation with four lines, each of which names the trade.
    let lines = stage.items.trace(ring, None, 10).await.unwrap();
    assert_eq!((lines[0].act.as_str(), lines[0].from.holder), ("trade", ann.character.to_sql()));
    assert!(lines[0].note.contains(&trade.to_string()), "{}", lines[0].note);
    let other = stage.items.trace(blade, None, 1).await.unwrap();
    assert_eq!(other[0].operation, lines[0].operation, "both legs are one operation");
    stage.close().await;
}

/// Each gives what fills the whole inventory: every place that one needs is taken by something of the other that waits for a place.
async fn two_full_inventories_can_trade(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let (mut of_ann, mut of_bob) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        of_ann.push(stage.give(&ann, "ring").await);
        of_bob.push(stage.give(&bob, "ring").await);
    }
    let contract = stage.agree((&ann, &of_ann[..10], 0), (&bob, &of_bob[..10], 0)).await;
    assert_done(&stage.carry_out(&contract).await);
    drop(contract);
    let sorted = |one: &[_], other: &[_]| {
        let mut keys = [one, other].concat();
        keys.sort_unstable();
        keys
    };
    assert_eq!(stage.keys(&ann).await, sorted(&of_bob[..10], &of_ann[10..]));
    assert_eq!(stage.keys(&bob).await, sorted(&of_ann[..10], &of_bob[10..]));
    for player in [&ann, &bob] {
        let belongings = stage.of(player).await;
        assert!(belongings.items.iter().all(|owned| matches!(owned.at.spot(), Some(Spot::In(Bag::Inventory, _)))));
    }
    stage.close().await;
}

async fn without_room_nothing_is_moved(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let gift = stage.give(&ann, "ring").await;
    let mut full = Vec::new();
    for _ in 0..40 {
        full.push(stage.give(&bob, "ring").await);
    }
    stage.endow(&bob, 10).await;
    let contract = stage.agree((&ann, &[gift], 0), (&bob, &[], 10)).await;
    let ending = stage.carry_out(&contract).await;
    assert_eq!(code(&ending), Code::ItemNoRoom);
    assert!(ending.sentence().contains("Bob"), "{}", ending.sentence());
    assert_eq!(stage.keys(&ann).await, [gift]);
    assert_eq!((stage.of(&ann).await.gold, stage.of(&bob).await.gold), (0, 10));
    drop(contract);
    // What he gives makes room.
    let contract = stage.agree((&ann, &[gift], 0), (&bob, &full[..1], 10)).await;
    assert_done(&stage.carry_out(&contract).await);
    stage.close().await;
}

async fn what_is_not_as_it_was_shown_is_not_moved(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let (ring, amulet) = (stage.give(&ann, "ring").await, stage.give(&bob, "ring").await);
    let mut contract = stage.agree((&ann, &[ring], 0), (&bob, &[amulet], 0)).await;
    // It was shown in another version, as when somebody else than this process has moved it.
    contract.sides[1].items[0].version += 1;
    let ending = stage.carry_out(&contract).await;
    assert_eq!(code(&ending), Code::ItemMoved);
    assert!(ending.sentence().contains("Bob"));
    // It belongs to somebody else.
    let theirs = stage.promise(&bob, &[], 0).await;
    contract.sides[1].items[0].version -= 1;
    contract.sides.swap(0, 1);
    contract.sides[0].person = theirs.person.clone();
    contract.sides[0].items = Vec::new();
    let mine = stage.promise(&ann, &[], 0).await;
    contract.sides[0].items = std::mem::replace(&mut contract.sides[1].items, mine.items);
    assert_eq!(code(&stage.carry_out(&contract).await), Code::ItemMoved);
    drop(contract);
    // It lies elsewhere than in the inventory.
    let holder = Holder::resting(ann.account, ann.character);
    let to = Spot::In(Bag::Stash { page: 0 }, realm_world::items::Cell { x: 0, y: 0 });
    stage.items.act(holder, Act::Move { item: ring, to }, None).await.unwrap();
    let contract = stage.agree((&ann, &[ring], 0), (&bob, &[amulet], 0)).await;
    assert_eq!(code(&stage.carry_out(&contract).await), Code::ItemMoved);
    assert_eq!((stage.keys(&ann).await, stage.keys(&bob).await), (vec![ring], vec![amulet]));
    stage.close().await;
}

async fn who_has_less_gold_than_offered_gives_nothing(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let ring = stage.give(&ann, "ring").await;
    stage.endow(&ann, 100).await;
    // What comes from the other does not count: he has to have it himself.
    let contract = stage.agree((&ann, &[ring], 100), (&bob, &[], 50)).await;
    let ending = stage.carry_out(&contract).await;
    assert_eq!(code(&ending), Code::NotEnoughGold);
    assert!(ending.sentence().contains("Bob"));
    assert_eq!((stage.keys(&ann).await, stage.of(&ann).await.gold, stage.of(&bob).await.gold), (vec![ring], 100, 0));
    stage.close().await;
}

async fn a_confirmation_that_comes_again_moves_nothing_again(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    stage.endow(&ann, 100).await;
    let (trade, contract) = (stage.trade(), stage.agree((&ann, &[], 30), (&bob, &[], 0)).await);
    assert!(stage.exchange.done(trade).await.unwrap().is_none());
    for _ in 0..3 {
        assert_done(&stage.exchange.carry_out(trade, &contract, resting(&contract)).await);
        assert_eq!((stage.of(&ann).await.gold, stage.of(&bob).await.gold), (70, 30));
    }
    let done = stage.exchange.done(trade).await.unwrap().expect("it is remembered");
    assert_eq!(done.received_by(bob.account).map(|given| given.gold), Some(30));
    assert!(done.received_by(stage.player("Cem").await.account).is_none());
    stage.close().await;
}

async fn what_the_database_did_not_confirm_is_told_as_it_was(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    stage.endow(&ann, 100).await;
    let (shaky, faults) = unreliable(&stage.storage);
    let exchange = Exchange { storage: shaky, ..stage.exchange.clone() };
    let contract = stage.agree((&ann, &[], 30), (&bob, &[], 0)).await;
    faults.set(Fault::AnswerLost);
    assert_done(&exchange.carry_out(stage.trade(), &contract, resting(&contract)).await);
    assert_eq!((stage.of(&ann).await.gold, stage.of(&bob).await.gold), (70, 30), "once, however often it was tried");
    faults.set(Fault::AllLost);
    let trade = stage.trade();
    let ending = exchange.carry_out(trade, &contract, resting(&contract)).await;
    assert!(matches!(ending, Ending::Unsure), "nobody says that nothing was moved: {ending:?}");
    assert!(stage.exchange.done(trade).await.unwrap().is_none());
    faults.set(Fault::None);
    assert_done(&exchange.carry_out(trade, &contract, resting(&contract)).await);
    assert_eq!((stage.of(&ann).await.gold, stage.of(&bob).await.gold), (40, 60));
    stage.close().await;
}

async fn only_under_the_right_to_both_characters(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let ring = stage.give(&ann, "ring").await;
    let contract = stage.agree((&ann, &[ring], 0), (&bob, &[], 0)).await;
    // Bob is in a game, and the trade was one of the lobby.
    lease(&stage.storage, bob.character, 7).await;
    assert_eq!(code(&stage.carry_out(&contract).await), Code::CharacterBusy);
    let holds = |epoch| {
        let [ann, bob] = resting(&contract);
        [ann, Holder { hold: Hold::Leased(epoch), ..bob }]
    };
    let ending = stage.exchange.carry_out(stage.trade(), &contract, holds(6)).await;
    assert_eq!(code(&ending), Code::CharacterBusy, "a lease of before");
    assert_eq!(stage.keys(&ann).await, [ring]);
    assert_done(&stage.exchange.carry_out(stage.trade(), &contract, holds(7)).await);
    assert_eq!(stage.keys(&bob).await, [ring]);
    stage.close().await;
}

async fn what_is_offered_cannot_be_moved_meanwhile_and_is_free_afterwards(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let ring = stage.give(&ann, "ring").await;
    let contract = stage.agree((&ann, &[ring], 0), (&bob, &[], 0)).await;
    let elsewhere = |x| Act::Move { item: ring, to: inventory(x, 3) };
    let of_ann = Holder::resting(ann.account, ann.character);
    let refused = stage.items.act(of_ann, elsewhere(5), None).await;
    assert!(matches!(refused, Err(ItemsError::InTrade)), "{refused:?}");
    assert_done(&stage.carry_out(&contract).await);
    drop(contract);
    stage.items.act(Holder::resting(bob.account, bob.character), elsewhere(6), None).await.unwrap();
    stage.close().await;
}

async fn who_has_died_for_good_in_a_game_trades_no_more(home: Home) {
    let stage = Stage::new(home).await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let ring = stage.give(&ann, "ring").await;
    let contract = stage.agree((&ann, &[ring], 0), (&bob, &[], 0)).await;
    change(&stage.storage, "UPDATE characters SET hardcore = $1 WHERE id = $2", 1, ann.character.to_sql()).await;
    lease(&stage.storage, ann.character, 7).await;
    // Both have confirmed, and what is known of her since she was saved last says that she lives.
    let [ann_rests, bob_rests] = resting(&contract);
    let sheet = realm_world::Sheet::newborn(realm_world::Class::Amazon, true);
    let holders = [Holder { hold: Hold::Leased(7), sheet: Some(sheet), ..ann_rests }, bob_rests];
    let has_fallen = Arc::new(AtomicBool::new(false));
    stage.items.watch(ann.character, &has_fallen);
    has_fallen.store(true, Ordering::Release);
    let ending = stage.exchange.carry_out(stage.trade(), &contract, holders).await;
    assert_eq!(code(&ending), Code::CharacterDead);
    assert!(ending.sentence().contains("Ann"), "{}", ending.sentence());
    assert_eq!((stage.keys(&ann).await, stage.keys(&bob).await), (vec![ring], Vec::new()));
    drop(contract);
    stage.close().await;
}
