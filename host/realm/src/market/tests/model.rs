//! Random sequences of verbs of market and mail, beside a model.

use super::*;

each_database!(random_sequences_keep_every_item_and_all_gold_but_the_fees,);

/// One step of the random sequences.
#[derive(Debug, Clone, Copy)]
enum Step {
    List { who: usize, price: i64 },
    Buy { who: usize, which: usize },
    Withdraw { which: usize },
    Send { from: usize, to: usize, gold: i64 },
    Take { who: usize },
    SendBack { who: usize },
    Wait { hours: i64 },
}

const TRADERS: usize = 3;
const GOLD: i64 = 120;

fn any_step() -> impl Strategy<Value = Step> {
    let who = || 0..TRADERS;
    prop_oneof![
        (who(), 1..90_i64).prop_map(|(who, price)| Step::List { who, price }),
        (who(), 0..6_usize).prop_map(|(who, which)| Step::Buy { who, which }),
        (0..6_usize).prop_map(|which| Step::Withdraw { which }),
        (who(), who(), 0..80_i64).prop_map(|(from, to, gold)| Step::Send { from, to, gold }),
        who().prop_map(|who| Step::Take { who }),
        who().prop_map(|who| Step::SendBack { who }),
        (1..900_i64).prop_map(|hours| Step::Wait { hours }),
    ]
}

/// Where the model says everything is: gold by purse and fees, and items by place.
#[derive(Debug, Default)]
struct Model {
    gold: [i64; TRADERS],
    fees: i64,
}

async fn random_sequences_keep_every_item_and_all_gold_but_the_fees(home: Home) {
    let sequences: Vec<Vec<Step>> = {
        let mut runner = TestRunner::deterministic();
        let strategy = prop::collection::vec(any_step(), 30..60);
        let count = if std::env::var_os("REALM_TEST_LONG").is_some() { 60 } else { 4 };
        (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
    };
    let fair = Fair::new(&home, Config::default()).await;
    for (number, sequence) in sequences.iter().enumerate() {
        run(&fair, number, sequence).await;
    }
    fair.end().await;
}

async fn run(fair: &Fair, number: usize, sequence: &[Step]) {
    let mut traders = Vec::new();
    let mut born: Vec<ItemId> = Vec::new();
    for who in 0..TRADERS {
        let trader = fair.trader(&format!("t{number}-{who}"), GOLD).await;
        for x in 0..3 {
            born.push(fair.give(trader, plain(&fair.items, "ring", 1), (x, 0)).await);
        }
        traders.push(trader);
    }
    let mut model = Model { gold: [GOLD; TRADERS], fees: 0 };
    let mut offers: Vec<(OfferId, usize, i64)> = Vec::new();
    for step in sequence {
        match *step {
            Step::List { who, price } => {
                let items = fair.items.of(traders[who].character).await.unwrap().items;
                let Some(item) = items.first() else { continue };
                let fee = fair.market.config().listing_fee(price);
                match fair.list(traders[who], item.key, price).await {
                    Ok(offer) => {
                        assert!(fee <= model.gold[who]);
                        model.gold[who] -= fee;
                        model.fees += fee;
                        offers.push((offer.id, who, price));
                    }
                    Err(refused) => {
                        assert!(fee > model.gold[who], "{refused}");
                    }
                }
            }
            Step::Buy { who, which } => {
                let Some(&(id, seller, price)) = offers.get(which) else { continue };
                match fair.buy(traders[who], id).await {
                    Ok(_) => {
                        assert!(who != seller && model.gold[who] >= price);
                        model.gold[who] -= price;
                        model.fees += fair.market.config().sales_fee(price);
                        offers.remove(which);
                    }
                    Err(MarketError::OwnOffer) => assert_eq!(who, seller),
                    Err(MarketError::OfferUnknown) => drop(offers.remove(which)),
                    Err(_) => assert!(model.gold[who] < price),
                }
            }
            Step::Withdraw { which } => {
                let Some(&(id, seller, _)) = offers.get(which) else { continue };
                // Over already, it is gone or goes now.
                let _ = fair.market.withdraw(traders[seller].account, id, None).await;
                offers.remove(which);
            }
            Step::Send { from, to, gold } => {
                let items = fair.items.of(traders[from].character).await.unwrap().items;
                let draft = mail::Draft {
                    to: format!("t{number}-{to}"),
                    text: String::new(),
                    items: items.last().map(|item| item.key).into_iter().collect(),
                    gold,
                };
                let account_name = crate::types::AccountName::new("Someone").unwrap();
                let writer = mail::Writer { holder: traders[from], account_name };
                let sent = fair.mail.send(&writer, draft, None).await;
                if sent.is_ok() {
                    assert!(from != to && gold <= model.gold[from]);
                    model.gold[from] -= gold;
                }
            }
            Step::Take { who } => {
                let Some(letter) = fair.letters(traders[who]).await.pop() else { continue };
                let taken = now(fair.mail.take(traders[who], letter.id, Versions::Any, None).await.unwrap());
                model.gold[who] += letter.gold;
                assert_eq!(taken.belongings.gold, model.gold[who]);
            }
            Step::SendBack { who } => {
                let Some(letter) = fair.letters(traders[who]).await.pop() else { continue };
                let back = fair.mail.send_back(traders[who].account, letter.id, Versions::Any, None).await;
                assert_eq!(back.is_ok(), letter.kind == LetterKind::Player, "{letter:?}");
            }
            Step::Wait { hours } => {
                fair.clock.advance_ms(hours * HOUR_MS);
                fair.market.expire().await.unwrap();
                fair.mail.expire().await.unwrap();
            }
        }
    }
    // Every item is in one place, and all gold but the fees is somewhere.
    let (mut found, mut gold): (BTreeMap<ItemId, usize>, i64) = (BTreeMap::new(), model.fees);
    for (who, trader) in traders.iter().enumerate() {
        let belongings = fair.items.of(trader.character).await.unwrap();
        assert_eq!(belongings.gold, model.gold[who]);
        gold += belongings.gold;
        belongings.items.iter().for_each(|item| *found.entry(item.key).or_default() += 1);
        for letter in fair.letters(*trader).await {
            gold += letter.gold;
            letter.items.iter().for_each(|item| *found.entry(item.key).or_default() += 1);
        }
        for offer in fair.market.of_account(trader.account, None, 100).await.unwrap() {
            *found.entry(offer.item.key).or_default() += 1;
        }
    }
    assert_eq!(gold, GOLD * TRADERS as i64, "{sequence:?}");
    assert_eq!(found, born.iter().map(|item| (*item, 1)).collect(), "{sequence:?}");
}
