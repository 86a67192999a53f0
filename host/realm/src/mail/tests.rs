//! Letters over both databases: what is in them is neither made nor lost.

use std::sync::Arc;

use realm_protocol::ServerMessage;
use realm_world::items::Quality;
use tokio::sync::mpsc;

use super::{Config, Done, Draft, Gift, Letter, LetterKind, Mail, MailError, News, StaffDraft, Told, Writer};
use crate::{
    audit::{By, Who},
    characters::Versions,
    hooks::Hooks,
    items::{
        Holder, Items, ItemsError, Spot,
        testing::{change, endow, give, inventory, items, plain, verified},
    },
    moderation::{Decider, Moderation, Mute},
    once::{Answered, Kept, Once},
    storage::{
        Storage,
        testing::{self, FakeClock, Home, each_database, open},
    },
    types::{AccountId, AccountName, CharacterId, ItemId, LetterId, Refusal},
};

const DAY_MS: i64 = 86_400_000;

/// A realm with two players, each with a character.
struct Village {
    clock: Arc<FakeClock>,
    storage: Storage,
    items: Items,
    mail: Mail,
    moderation: Moderation,
    told: mpsc::Receiver<Told>,
    ann: Holder,
    bob: Holder,
}

impl Village {
    async fn new(home: &Home, config: Config) -> Self {
        let clock = FakeClock::new();
        let storage = open(home, &clock).await;
        let (items, moderation, (news, told)) = (items(&storage), Moderation::new(storage.clone()), News::channel());
        let (own, hooks) = (items.clone(), Hooks::without_plugins());
        let mail = Mail::new(config, "main", storage.clone(), own, hooks, moderation.clone(), news);
        let ann = inhabitant(&storage, "Ann").await;
        let bob = inhabitant(&storage, "Bob").await;
        Self { clock, storage, items, mail, moderation, told, ann, bob }
    }

    async fn send(&self, from: Holder, draft: Draft) -> Result<Letter, MailError> {
        let writer = Writer { holder: from, account_name: AccountName::new("Someone").unwrap() };
        Ok(now(self.mail.send(&writer, draft, None).await?).what)
    }

    async fn letters(&self, of: Holder) -> Vec<Letter> {
        self.mail.letters(of.account, of.character, None, 200).await.unwrap()
    }

    async fn gold(&self, of: Holder) -> i64 {
        self.items.of(of.character).await.unwrap().gold
    }

    /// Keys of what lies on a character.
    async fn owned(&self, of: Holder) -> Vec<ItemId> {
        self.items.of(of.character).await.unwrap().items.iter().map(|owned| owned.key).collect()
    }

    /// Everything in the ledger is so, and nothing was lost.
    async fn end(self) {
        verified(&self.storage).await.expect("the ledger says what is so");
        self.storage.close().await;
    }
}

async fn inhabitant(storage: &Storage, name: &str) -> Holder {
    let account = testing::account(storage).await;
    let character = testing::character(storage, account, &name.to_lowercase(), "Druid").await;
    Holder::resting(account, character)
}

fn now<T>(answered: Answered<T>) -> T {
    match answered {
        Answered::Now(done) => done,
        Answered::Before(kept) => panic!("it was done before: {kept:?}"),
    }
}

fn to(name: &str) -> Draft {
    Draft { to: name.to_owned(), ..Draft::default() }
}

fn code<T: std::fmt::Debug>(outcome: Result<T, MailError>) -> &'static str {
    Refusal::from(outcome.expect_err("it is refused")).code.as_str()
}

async fn what_is_sent_is_taken_once_and_is_nowhere_else(home: Home) {
    let mut village = Village::new(&home, Config::default()).await;
    let Village { ann, bob, .. } = village;
    let axe =
        give(&village.items, ann.character, plain(&village.items, "kindling-axe", 1), inventory(0, 0)).await.unwrap();
    endow(&village.items, ann.character, 100).await.unwrap();
    let draft = Draft { text: "As agreed.".to_owned(), items: vec![axe], gold: 60, ..to("BOB") };
    let sent = village.send(ann, draft).await.unwrap();
    assert_eq!((village.gold(ann).await, village.owned(ann).await), (40, vec![]));
    let Told { account, message } = village.told.try_recv().unwrap();
    assert_eq!(account, bob.account);
    let ServerMessage::MailReceived(received) = message else { panic!("{message:?}") };
    assert_eq!((received.letter_id, received.sender.as_str()), (sent.id.raw(), "ann"));

    let letters = village.letters(bob).await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].gold, letters[0].items[0].key, letters[0].text.as_str()), (60, axe, "As agreed."));
    assert!(village.letters(ann).await.is_empty());
    assert_eq!(code(village.mail.letter(ann.account, sent.id).await), "LETTER_UNKNOWN", "it is Bob's");
    let deleted = village.mail.delete(bob.account, sent.id, Versions::Any, None).await;
    assert_eq!(code(deleted), "LETTER_NOT_EMPTY");
    let taken = village.mail.take(ann, sent.id, Versions::Any, None).await;
    assert_eq!(code(taken), "LETTER_UNKNOWN");
    let stale = village.mail.take(bob, sent.id, Versions::Of(vec![7]), None).await;
    assert_eq!(code(stale), "VERSION_STALE");

    let read = now(village.mail.mark_read(bob.account, sent.id, None).await.unwrap());
    assert_eq!((read.version, read.read_ms.is_some()), (2, true));
    assert_eq!(now(village.mail.mark_read(bob.account, sent.id, None).await.unwrap()).version, 2);
    let taken = now(village.mail.take(bob, sent.id, Versions::Of(vec![2]), None).await.unwrap());
    assert_eq!((taken.belongings.gold, taken.belongings.items[0].key), (60, axe));
    let left = taken.letter.expect("it has words");
    assert!(left.is_empty());
    let again = now(village.mail.take(bob, sent.id, Versions::Any, None).await.unwrap());
    assert_eq!((again.belongings.gold, again.belongings.items.len()), (60, 1), "there is nothing more in it");
    now(village.mail.delete(bob.account, sent.id, Versions::Any, None).await.unwrap());
    assert!(village.letters(bob).await.is_empty());
    // A letter without words is gone with what was in it.
    let bare = village.send(bob, Draft { gold: 5, ..to("ann") }).await.unwrap();
    assert!(now(village.mail.take(ann, bare.id, Versions::Any, None).await.unwrap()).letter.is_none());
    assert!(village.letters(ann).await.is_empty());
    village.end().await;
}

async fn what_cannot_be_sent_is_refused_and_nothing_moves(home: Home) {
    let config = Config { letters_max: 3, letters_from_one_max: 2, items_max: 2, ..Config::default() };
    let village = Village::new(&home, config).await;
    let Village { ann, bob, .. } = village;
    let mut keys = Vec::new();
    for x in 0..3 {
        let ring = plain(&village.items, "ring", 1);
        keys.push(give(&village.items, ann.character, ring, inventory(x, 0)).await.unwrap());
    }
    let slot = realm_world::items::Slot::LeftFinger;
    let worn = give(&village.items, ann.character, plain(&village.items, "ring", 1), Spot::Worn(slot)).await.unwrap();
    endow(&village.items, ann.character, 10).await.unwrap();
    let before = (village.gold(ann).await, village.owned(ann).await);
    for (draft, expected) in [
        (to("bob"), "LETTER_INVALID"),
        (Draft { gold: 1, ..to("nobody") }, "RECIPIENT_UNKNOWN"),
        (Draft { gold: 1, ..to("7 bells") }, "RECIPIENT_UNKNOWN"),
        (Draft { gold: 1, ..to("ann") }, "LETTER_INVALID"),
        (Draft { gold: -1, ..to("bob") }, "LETTER_INVALID"),
        (Draft { gold: 11, ..to("bob") }, "NOT_ENOUGH_GOLD"),
        (Draft { gold: i64::MAX, ..to("bob") }, "PURSE_FULL"),
        (Draft { items: keys.clone(), ..to("bob") }, "LETTER_INVALID"),
        (Draft { items: vec![keys[0], keys[0]], ..to("bob") }, "LETTER_INVALID"),
        (Draft { items: vec![keys[0], ItemId::from_raw(4)], ..to("bob") }, "ITEM_NOT_CARRIED"),
        (Draft { items: vec![worn], ..to("bob") }, "ITEM_WORN"),
        (Draft { text: "x".repeat(257), ..to("bob") }, "CHAT_TEXT_INVALID"),
        (Draft { text: "a\u{7}b".to_owned(), gold: 1, ..to("bob") }, "CHAT_TEXT_INVALID"),
    ] {
        let shown = format!("{draft:?}");
        assert_eq!(code(village.send(ann, draft).await), expected, "{shown}");
    }
    let bobs = Holder { character: bob.character, ..ann };
    assert_eq!(code(village.send(bobs, Draft { gold: 1, ..to("ann") }).await), "CHARACTER_UNKNOWN");
    let lock = village.items.lock(&[keys[0]]).unwrap();
    assert_eq!(code(village.send(ann, Draft { items: vec![keys[0]], ..to("bob") }).await), "ITEM_IN_TRADE");
    drop(lock);
    assert_eq!((village.gold(ann).await, village.owned(ann).await), before);
    assert!(village.letters(bob).await.is_empty());

    village.send(ann, Draft { gold: 1, ..to("bob") }).await.unwrap();
    village.send(ann, Draft { gold: 1, ..to("bob") }).await.unwrap();
    assert_eq!(code(village.send(ann, Draft { gold: 1, ..to("bob") }).await), "MAILBOX_FULL", "two of one sender");
    let cem = inhabitant(&village.storage, "Cem").await;
    village.send(cem, Draft { text: "Hello.".to_owned(), ..to("bob") }).await.unwrap();
    assert_eq!(code(village.send(cem, Draft { text: "Hello?".to_owned(), ..to("bob") }).await), "MAILBOX_FULL");
    village.moderation.mute(cem.account, Mute::new("spam", i64::MAX), Decider::Operator).await.unwrap();
    assert_eq!(code(village.send(cem, Draft { text: "Hello.".to_owned(), ..to("ann") }).await), "MUTED");
    village.end().await;
}

async fn a_full_inventory_takes_nothing(home: Home) {
    let village = Village::new(&home, Config::default()).await;
    let Village { ann, bob, .. } = village;
    for x in 0..10 {
        for y in 0..4 {
            if (x, y) != (9, 3) {
                give(&village.items, bob.character, plain(&village.items, "ring", 1), inventory(x, y)).await.unwrap();
            }
        }
    }
    let one = give(&village.items, ann.character, plain(&village.items, "ring", 1), inventory(0, 0)).await.unwrap();
    let two = give(&village.items, ann.character, plain(&village.items, "ring", 1), inventory(1, 0)).await.unwrap();
    endow(&village.items, ann.character, 9).await.unwrap();
    let sent = village.send(ann, Draft { items: vec![one, two], gold: 9, ..to("bob") }).await.unwrap();
    let refused = village.mail.take(bob, sent.id, Versions::Any, None).await;
    assert_eq!(code(refused), "ITEM_NO_ROOM");
    assert_eq!((village.gold(bob).await, village.owned(bob).await.len()), (0, 39), "not even the first of them");
    assert_eq!(village.letters(bob).await[0].items.len(), 2);
    // Sent back, it needs no room.
    now(village.mail.send_back(bob.account, sent.id, Versions::Any, None).await.unwrap());
    let back = village.letters(ann).await;
    assert_eq!((back.len(), back[0].kind, back[0].gold, back[0].items.len()), (1, LetterKind::Returned, 9, 2));
    assert_eq!(back[0].sender_name, "bob");
    let further = village.mail.send_back(ann.account, back[0].id, Versions::Any, None).await;
    assert_eq!(code(further), "LETTER_STAYS", "it does not go to and fro");
    now(village.mail.take(ann, back[0].id, Versions::Any, None).await.unwrap());
    assert_eq!((village.gold(ann).await, village.owned(ann).await.len()), (9, 2));
    village.end().await;
}

async fn what_nobody_takes_goes_back_and_then_stays(home: Home) {
    let config = Config { keep_days: 2, letters_max: 1, ..Config::default() };
    let mut village = Village::new(&home, config).await;
    let Village { ann, bob, .. } = village;
    let ring = give(&village.items, ann.character, plain(&village.items, "ring", 1), inventory(0, 0)).await.unwrap();
    endow(&village.items, ann.character, 20).await.unwrap();
    village.send(ann, Draft { items: vec![ring], gold: 20, ..to("bob") }).await.unwrap();
    // Ann's mailbox is full, and what is hers comes all the same.
    village.send(bob, Draft { text: "Later.".to_owned(), ..to("ann") }).await.unwrap();
    while village.told.try_recv().is_ok() {}
    assert_eq!(village.mail.expire().await.unwrap(), 0);
    village.clock.advance_ms(2 * DAY_MS);
    assert_eq!(village.mail.expire().await.unwrap(), 2);
    assert!(village.letters(bob).await.is_empty());
    let letters = village.letters(ann).await;
    assert_eq!(letters.len(), 1, "the words without goods are gone");
    assert_eq!((letters[0].kind, letters[0].gold, letters[0].items[0].key), (LetterKind::Returned, 20, ring));
    let Told { account, message: ServerMessage::MailReceived(received) } = village.told.try_recv().unwrap() else {
        panic!("a letter comes back")
    };
    assert_eq!((account, received.kind.as_str()), (ann.account, "returned"));
    // Nothing is ever destroyed.
    village.clock.advance_ms(2 * DAY_MS);
    assert_eq!(village.mail.expire().await.unwrap(), 1);
    village.clock.advance_ms(400 * DAY_MS);
    assert_eq!(village.mail.expire().await.unwrap(), 1);
    let kept = &village.letters(ann).await[0];
    assert_eq!((kept.ends(), kept.gold), (None, 20));
    now(village.mail.take(ann, kept.id, Versions::Any, None).await.unwrap());
    assert_eq!((village.gold(ann).await, village.owned(ann).await), (20, vec![ring]));
    village.end().await;
}

async fn a_letter_to_whose_sender_nothing_can_go_back_stays(home: Home) {
    let village = Village::new(&home, Config::default()).await;
    let Village { ann, bob, .. } = village;
    endow(&village.items, ann.character, 20).await.unwrap();
    let sent = village.send(ann, Draft { gold: 20, text: "Yours.".to_owned(), ..to("bob") }).await.unwrap();
    remove(&village.storage, ann.character).await;
    let back = village.mail.send_back(bob.account, sent.id, Versions::Any, None).await;
    assert_eq!(code(back), "LETTER_STAYS");
    village.clock.advance_ms(31 * DAY_MS);
    assert_eq!(village.mail.expire().await.unwrap(), 1);
    let kept = &village.letters(bob).await[0];
    assert_eq!((kept.gold, kept.sender_name.as_str(), kept.text.as_str()), (20, "", ""), "and with her go her words");
    now(village.mail.take(bob, kept.id, Versions::Any, None).await.unwrap());
    assert_eq!(village.gold(bob).await, 20);
    village.end().await;
}

async fn what_belongs_to_nobody_ends(home: Home) {
    let village = Village::new(&home, Config::default()).await;
    let Village { ann, bob, .. } = village;
    let ring = give(&village.items, ann.character, plain(&village.items, "ring", 1), inventory(0, 0)).await.unwrap();
    endow(&village.items, ann.character, 20).await.unwrap();
    village.send(ann, Draft { gold: 20, items: vec![ring], ..to("bob") }).await.unwrap();
    remove(&village.storage, ann.character).await;
    remove(&village.storage, bob.character).await;
    village.clock.advance_ms(31 * DAY_MS);
    assert_eq!(village.mail.expire().await.unwrap(), 1);
    village.clock.advance_ms(31 * DAY_MS);
    assert_eq!(village.mail.expire().await.unwrap(), 0, "nothing of it is left");
    village.end().await;
}

/// A character that was deleted long ago.
async fn remove(storage: &Storage, character: CharacterId) {
    storage
        .write::<_, crate::storage::StorageError, _>(move |connection| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM characters WHERE id = $1").bind(character.to_sql());
                gone.execute(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
}

async fn a_letter_sent_again_under_its_key_is_one_letter(home: Home) {
    let village = Village::new(&home, Config::default()).await;
    let Village { ann, bob, .. } = village;
    endow(&village.items, ann.character, 50).await.unwrap();
    let writer = Writer { holder: ann, account_name: AccountName::new("Someone").unwrap() };
    let once = || {
        let answer = |done: &Done<Letter>| Kept { body: done.what.id.to_string(), tag: String::new() };
        Some(Once::new("main", "ann".to_owned(), "key", &[b"send"], answer).unwrap())
    };
    let draft = || Draft { gold: 10, ..to("bob") };
    let first = now(village.mail.send(&writer, draft(), once()).await.unwrap()).what.id;
    for _ in 0..3 {
        match village.mail.send(&writer, draft(), once()).await.unwrap() {
            Answered::Before(kept) => assert_eq!(kept.body, first.to_string()),
            Answered::Now(done) => panic!("it was sent again: {done:?}"),
        }
    }
    assert_eq!((village.gold(ann).await, village.letters(bob).await.len()), (40, 1));
    village.end().await;
}

async fn staff_give_what_is_made_and_minted_for_it_and_it_is_written_down(home: Home) {
    let village = Village::new(&home, Config { letters_max: 1, ..Config::default() }).await;
    let Village { ann, bob, .. } = village;
    village.send(ann, Draft { text: "Full.".to_owned(), ..to("bob") }).await.unwrap();
    let by = || By { realm: "main".into(), who: Who::Operator, reason: "He lost it.".to_owned() };
    let gift = Gift { base: "ring".to_owned(), quality: Quality::Rare, level: 40 };
    let draft = StaffDraft { to: "bob".to_owned(), text: "Sorry.".to_owned(), items: vec![gift], gold: 70 };
    let sent = now(village.mail.send_as_staff(by(), draft, None).await.unwrap()).what;
    let letters = village.letters(bob).await;
    assert_eq!((letters.len(), letters[0].id, letters[0].kind), (2, sent.id, LetterKind::Staff));
    let taken = now(village.mail.take(bob, sent.id, Versions::Any, None).await.unwrap());
    assert_eq!((taken.belongings.gold, taken.belongings.items[0].item.base.as_str()), (70, "ring"));
    let audit = crate::audit::Audit::new("main", village.storage.clone());
    let lines = audit.page(&crate::audit::Wanted::default(), None, 10).await.unwrap();
    assert_eq!((lines.len(), lines[0].act.as_str(), lines[0].reason.as_str()), (1, "mail.send", "He lost it."));
    assert!(lines[0].after.contains("\"gold\":70"), "{}", lines[0].after);
    for (draft, expected) in [
        (StaffDraft { to: "nobody".to_owned(), gold: 1, ..StaffDraft::default() }, "RECIPIENT_UNKNOWN"),
        (StaffDraft { to: "bob".to_owned(), ..StaffDraft::default() }, "LETTER_INVALID"),
        (StaffDraft { to: "bob".to_owned(), gold: -5, ..StaffDraft::default() }, "LETTER_INVALID"),
        (
            StaffDraft {
                to: "bob".to_owned(),
                items: vec![Gift { base: "moon".to_owned(), quality: Quality::Normal, level: 1 }],
                ..StaffDraft::default()
            },
            "ITEM_UNKNOWN",
        ),
    ] {
        assert_eq!(code(village.mail.send_as_staff(by(), draft, None).await), expected);
    }
    village.end().await;
}

/// The keys of letters only rise, so that a page goes on where the last one ended.
async fn goods_stay_with_who_plays_in_the_same_mode(home: Home) {
    let village = Village::new(&home, Config::default()).await;
    let (ann, bob) = (village.ann, village.bob);
    let axe =
        give(&village.items, ann.character, plain(&village.items, "kindling-axe", 1), inventory(0, 0)).await.unwrap();
    endow(&village.items, ann.character, 100).await.unwrap();
    change(&village.storage, "UPDATE characters SET hardcore = $1 WHERE id = $2", 1, bob.character.to_sql()).await;
    for draft in [Draft { items: vec![axe], ..to("bob") }, Draft { gold: 1, text: "Here.".to_owned(), ..to("bob") }] {
        assert_eq!(code(village.send(ann, draft).await), "OTHER_MODE");
    }
    village.send(ann, Draft { text: "Words go anywhere.".to_owned(), ..to("bob") }).await.unwrap();
    assert_eq!((village.letters(bob).await.len(), village.gold(ann).await), (1, 100));
    let zed = inhabitant(&village.storage, "Zed").await;
    change(&village.storage, "UPDATE characters SET hardcore = $1 WHERE id = $2", 1, zed.character.to_sql()).await;
    endow(&village.items, bob.character, 5).await.unwrap();
    village.send(bob, Draft { gold: 5, ..to("zed") }).await.unwrap();
    village.end().await;
}

async fn a_mailbox_is_read_in_pages(home: Home) {
    let village = Village::new(&home, Config { letters_from_one_max: 100, ..Config::default() }).await;
    let Village { ann, bob, .. } = village;
    for number in 0..7 {
        village.send(ann, Draft { text: format!("Letter {number}"), ..to("bob") }).await.unwrap();
    }
    let (mut seen, mut before): (Vec<String>, Option<LetterId>) = (Vec::new(), None);
    loop {
        let page = village.mail.letters(bob.account, bob.character, before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        seen.extend(page.into_iter().map(|letter| letter.text));
    }
    let expected: Vec<String> = (0..7).rev().map(|number| format!("Letter {number}")).collect();
    assert_eq!(seen, expected);
    let foreign: AccountId = ann.account;
    let refused = village.mail.letters(foreign, bob.character, None, 3).await;
    assert!(matches!(refused, Err(MailError::Items(ItemsError::CharacterUnknown))));
    village.end().await;
}

each_database! {
    what_is_sent_is_taken_once_and_is_nowhere_else,
    what_cannot_be_sent_is_refused_and_nothing_moves,
    a_full_inventory_takes_nothing,
    what_nobody_takes_goes_back_and_then_stays,
    a_letter_to_whose_sender_nothing_can_go_back_stays,
    what_belongs_to_nobody_ends,
    a_letter_sent_again_under_its_key_is_one_letter,
    staff_give_what_is_made_and_minted_for_it_and_it_is_written_down,
    goods_stay_with_who_plays_in_the_same_mode,
    a_mailbox_is_read_in_pages,
}
