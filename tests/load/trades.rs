//! `bench items`: many trades at once of the same items, over both databases. Several processes share the database, each with tables and locks of its own,
//! and in each of them the same items are sold to others: of all trades of an item one is carried out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use realm::{
    hooks::Hooks,
    items::{self, Holder, Items},
    storage::{Config, Connection, Storage, StorageError, WriteFuture},
    trade::{self, Figure, TradeSeat, Trades, Whereabouts},
    types::{
        AccountId, AccountName, ChannelName, CharacterId, CharacterName, EventStream, GameId, ItemId, OutboxLimits,
        OutboxReader, Outgoing, RingLimits, SystemClock, TradeId, outbox,
    },
};
use realm_protocol::{ServerMessage, proto};
use realm_world::{Content, items::Certificate};
use tokio::task::JoinSet;

use super::{
    Options,
    histogram::Histogram,
    report::{Goal, Report},
    seed::word,
    tell,
};

/// Characters that trade.
const PEOPLE: usize = 20;
/// Items that are sold again and again.
const ITEMS: usize = 10;
/// Processes that share the database: so often is an item sold at the same time.
const PROCESSES: usize = 5;
/// Trades of one run; of a smoke run.
const TRADES: usize = 10_000;
const TRADES_QUICK: usize = 150;
/// Gold that each of them has at first.
const GOLD: i64 = 1_000_000;
/// The longest that a trade may take; one that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(30);
/// What an answer may take.
const LONGEST_MS: f64 = 100.0;

/// Measures in each database.
pub fn measure(options: &Options, runtime: &tokio::runtime::Runtime) -> Report {
    let count = if options.quick { TRADES_QUICK } else { TRADES };
    let title =
        format!("{count} trades of {ITEMS} items among {PEOPLE} characters, of each item up to {PROCESSES} at once");
    let mut report = Report::new(&title);
    for over_server in [false, true] {
        let name = if over_server { "PostgreSQL" } else { "SQLite" };
        for run in 1..=options.runs {
            tell(&format!("{count} trades in {name}, run {run} of {}", options.runs));
            runtime.block_on(over(over_server.then(realm_postgres::durable_database), name, count, &mut report));
        }
    }
    report
}

async fn over(server: Option<realm_postgres::Database>, name: &str, count: usize, report: &mut Report) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let config = Config { url: server.as_ref().map(realm_postgres::Database::url).unwrap_or_default() };
    let storage = Storage::open(&config, folder.path(), 0, Arc::new(SystemClock)).await.expect("an empty database");
    storage.write::<_, StorageError, _>(people).await.expect("people");
    let mut fair = Fair::new(storage.clone()).await;
    let mut figures = Figures::default();
    let begin = Instant::now();
    while figures.trades < count {
        fair.round(&mut figures).await;
    }
    let took = begin.elapsed();
    fair.check(&figures).await;
    let (trades, carried) =
        [figures.trades, figures.carried].map(|count| f64::from(u32::try_from(count).expect("few"))).into();
    report.add(&format!("{name}: trades that were carried out"), "", None, carried);
    report.add(&format!("{name}: trades that came too late"), "", None, trades - carried);
    report.add(&format!("{name}: two winners of one item, or none"), "", Some(Goal::AtMost(0.0)), 0.0);
    let goal = Some(Goal::AtMost(LONGEST_MS));
    let one = format!("{name}: from the last confirmation to the answer");
    report.add(&format!("{one}, p50"), "ms", None, figures.exchanges.quantile_ms(0.5));
    report.add(&format!("{one}, p99"), "ms", goal, figures.exchanges.quantile_ms(0.99));
    let whole = format!("{name}: from the invitation to the answer");
    report.add(&format!("{whole}, p50"), "ms", None, figures.whole.quantile_ms(0.5));
    report.add(&format!("{whole}, p99"), "ms", None, figures.whole.quantile_ms(0.99));
    report.add(&format!("{name}: trades"), "a second", None, trades / took.as_secs_f64());
    storage.close().await;
}

#[derive(Default)]
struct Figures {
    trades: usize,
    carried: usize,
    exchanges: Histogram,
    whole: Histogram,
}

/// Nobody plays.
struct Nowhere;

impl Whereabouts for Nowhere {
    fn game_of(&self, _account: AccountId) -> Option<(GameId, CharacterId)> {
        None
    }

    fn holder_of(&self, account: AccountId, character: CharacterId) -> Holder {
        Holder::resting(account, character)
    }
}

/// Somebody at a table of one process.
struct Client {
    seat: TradeSeat,
    reader: OutboxReader,
    name: AccountName,
}

impl Client {
    /// The next event that says what is looked for.
    async fn hears<T>(&mut self, what: impl Fn(ServerMessage) -> Option<T>) -> T {
        let hearing = async {
            loop {
                let Some(Outgoing::Message { encoded, .. }) = self.reader.next().await else {
                    panic!("a line is lost")
                };
                let message = ServerMessage::decode(encoded.identifier, &encoded.payload).expect("a message");
                if let Some(found) = what(message) {
                    return found;
                }
            }
        };
        tokio::time::timeout(DEADLINE, hearing).await.expect("no trade hangs")
    }

    async fn hears_the_end(&mut self, trade: TradeId) -> proto::TradeEnded {
        self.hears(|message| match message {
            ServerMessage::TradeEnded(ended) if ended.trade_id == trade.raw() => Some(ended),
            _ => None,
        })
        .await
    }
}

/// Who sells what to whom in one process, in one round.
#[derive(Debug, Clone, Copy)]
struct Sale {
    process: usize,
    item: ItemId,
    seller: usize,
    buyer: usize,
    price: i64,
    /// The buyer has invited.
    turned: bool,
}

struct Fair {
    storage: Storage,
    items: Items,
    /// Of each process everybody; `None` while he trades.
    clients: Vec<Vec<Option<Client>>>,
    /// Each with who has it.
    owners: BTreeMap<ItemId, usize>,
    gold: [i64; PEOPLE],
    rounds: usize,
    _processes: Vec<Trades>,
}

impl Fair {
    async fn new(storage: Storage) -> Self {
        let items = || Items::new("main", storage.clone(), Content::builtin(), Hooks::without_plugins());
        let own = items();
        let mut owners = BTreeMap::new();
        for number in 0..PEOPLE {
            let birth =
                |ordinal| Certificate::new(1, 1, u32::try_from(number * 2 + ordinal).expect("few"), 7, Vec::new());
            own.gold_found(holder(number), GOLD, birth(0)).await.expect("a purse");
            if number < ITEMS {
                let ring = own.catalogue().plain("ring", 1).expect("the pack has rings");
                let found = own.born_on_pick_up(holder(number), ring, birth(1)).await.expect("there is room");
                owners.insert(found.item, number);
            }
        }
        let config = trade::Config { invitations_per_minute: 60_000, ..trade::Config::default() };
        let mut processes = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..PROCESSES {
            let trades = Trades::start(&config, "main", storage.clone(), items(), Arc::new(Nowhere));
            clients.push((0..PEOPLE).map(|number| Some(connect(&trades, number))).collect());
            processes.push(trades);
        }
        Self { storage, items: own, clients, owners, gold: [GOLD; PEOPLE], rounds: 0, _processes: processes }
    }

    /// Every item is sold in as many processes as can be: in each of them everybody trades once at most.
    fn sales(&self) -> Vec<Sale> {
        let mut sales = Vec::new();
        for process in 0..PROCESSES {
            let mut busy = BTreeSet::new();
            for (place, (item, seller)) in self.owners.iter().enumerate() {
                let first = self.rounds + process * 3 + place;
                let buyer = (0..PEOPLE - 1).map(|step| (seller + 1 + (first + step) % (PEOPLE - 1)) % PEOPLE);
                let buyer = buyer.into_iter().find(|buyer| !busy.contains(buyer));
                let (false, Some(buyer)) = (busy.contains(seller), buyer) else { continue };
                busy.extend([*seller, buyer]);
                let price = i64::try_from(1 + process).expect("few");
                sales.push(Sale { process, item: *item, seller: *seller, buyer, price, turned: process % 2 == 1 });
            }
        }
        sales
    }

    /// All of them agree, and then all of them confirm at the same time.
    async fn round(&mut self, figures: &mut Figures) {
        let sales = self.sales();
        self.rounds += 1;
        let mut agreeing = JoinSet::new();
        for sale in sales {
            let mut take = |number: usize| self.clients[sale.process][number].take().expect("one trade at a time");
            let (seller, buyer) = (take(sale.seller), take(sale.buyer));
            agreeing.spawn(agree(sale, seller, buyer));
        }
        let agreed = agreeing.join_all().await;
        let mut confirming = JoinSet::new();
        for one in agreed {
            confirming.spawn(confirm(one));
        }
        let mut winners: BTreeMap<ItemId, usize> = BTreeMap::new();
        let mut offered = BTreeSet::new();
        for (sale, [seller, buyer], ended, took) in confirming.join_all().await {
            figures.trades += 1;
            figures.exchanges.record(took.1);
            figures.whole.record(took.0 + took.1);
            offered.insert(sale.item);
            if ended.done {
                assert!(winners.insert(sale.item, sale.buyer).is_none(), "two trades have won item {}", sale.item);
                self.gold[sale.seller] += sale.price;
                self.gold[sale.buyer] -= sale.price;
                figures.carried += 1;
            } else {
                assert_eq!(ended.code, "ITEM_MOVED", "the others come too late: {}", ended.message);
            }
            self.clients[sale.process][sale.seller] = Some(seller);
            self.clients[sale.process][sale.buyer] = Some(buyer);
        }
        assert_eq!(winners.keys().copied().collect::<BTreeSet<_>>(), offered, "exactly one wins each item");
        self.owners.extend(winners);
    }

    /// Everybody has what the trades say that he has, and the ledger says so.
    async fn check(&self, figures: &Figures) {
        for number in 0..PEOPLE {
            let has = self.items.of(holder(number).character).await.expect("the database answers");
            let keys: BTreeSet<ItemId> = has.items.iter().map(|owned| owned.key).collect();
            let own = self.owners.iter().filter(|(_, owner)| **owner == number).map(|(item, _)| *item);
            assert_eq!((keys, has.gold), (own.collect(), self.gold[number]), "character {number}");
        }
        let verdict = self.storage.write::<_, StorageError, _>(|connection| Box::pin(items::verify(connection, None)));
        let sound = verdict.await.expect("the database answers").expect("the ledger is whole and says what is so");
        let lines = PEOPLE + ITEMS + 2 * figures.carried;
        assert_eq!(sound.lines, i64::try_from(lines).expect("few"), "each trade has both legs or none");
    }
}

/// Two of one process, who have locked what lies between them.
struct Agreed {
    sale: Sale,
    trade: TradeId,
    clients: [Client; 2],
    took: Duration,
}

async fn agree(sale: Sale, seller: Client, buyer: Client) -> Agreed {
    let begin = Instant::now();
    let mut clients = if sale.turned { [buyer, seller] } else { [seller, buyer] };
    let [host, guest] = &mut clients;
    host.seat.invite(&guest.name).expect("both are in one place");
    let invited = |message| match message {
        ServerMessage::TradeInvited(invited) => Some(invited.trade_id),
        _ => None,
    };
    let trade = TradeId::from_raw(guest.hears(invited).await);
    // Each step that changes what lies there makes the next version.
    guest.seat.accept(trade, 1).expect("the invitation stands");
    let goods = [sale.item];
    let (ring, price) = ((goods.as_slice(), 0), ([].as_slice(), sale.price));
    let lays = if sale.turned { [price, ring] } else { [ring, price] };
    for ((client, (keys, gold)), version) in [&*host, &*guest].into_iter().zip(lays).zip([2, 3]) {
        client.seat.offer(trade, version, keys, gold).await.expect("it is there");
    }
    host.seat.lock(trade, 4).expect("the newest version");
    guest.seat.lock(trade, 4).expect("the newest version");
    host.seat.confirm(trade, 4).await.expect("both have locked it");
    Agreed { sale, trade, clients, took: begin.elapsed() }
}

/// How long it took to agree, and from the last confirmation to the answer of who got it last.
type Took = (Duration, Duration);

async fn confirm(agreed: Agreed) -> (Sale, [Client; 2], proto::TradeEnded, Took) {
    let Agreed { sale, trade, clients: [mut host, mut guest], took } = agreed;
    let begin = Instant::now();
    guest.seat.confirm(trade, 4).await.expect("both have locked it");
    let ended = host.hears_the_end(trade).await;
    assert_eq!(guest.hears_the_end(trade).await.done, ended.done, "both are told the same");
    let took = (took, begin.elapsed());
    let clients = if sale.turned { [guest, host] } else { [host, guest] };
    (sale, clients, ended, took)
}

fn connect(trades: &Trades, number: usize) -> Client {
    let events = EventStream::new(RingLimits { events_max: 64, bytes_max: 1_000_000 });
    let (sender, reader) = outbox(OutboxLimits { messages_max: 256, bytes_max: 1_000_000 });
    events.attach(sender, None);
    let name = AccountName::new(format!("Load-{}", word(number))).expect("a legal name");
    let mut seat = trades.connect(holder(number).account, &name, events);
    let (id, hero) = (holder(number).character, character_name(number));
    let channel = ChannelName::new("bazaar").expect("a legal name");
    seat.stand(Some(Figure { id, name: hero, hardcore: false }), Some(&channel));
    Client { seat, reader, name }
}

fn character_name(number: usize) -> CharacterName {
    CharacterName::new(format!("Hero-{}", word(number))).expect("a legal name")
}

fn holder(number: usize) -> Holder {
    let number = number as u64;
    Holder::resting(AccountId::from_raw(1 + number), CharacterId::from_raw(1_001 + number))
}

fn people(connection: &mut Connection) -> WriteFuture<'_, Result<(), StorageError>> {
    Box::pin(async move {
        for number in 0..PEOPLE {
            let (Holder { account, character, .. }, name) = (holder(number), character_name(number));
            let [account, character] = [account.raw(), character.raw()].map(u64::cast_signed);
            sqlx::query(
                "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
                 VALUES ($1, $2, $2, '-', 'player', 0, 1)",
            )
            .bind(account)
            .bind(format!("load-{}", word(number)))
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength,
                 dexterity, vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased)
                 VALUES ($1, 'main', $2, $3, $4, 'Druid', 1, 0, 20, 20, 20, 20, 0, 0, 0, 0, 1, 0, 0)",
            )
            .bind(character)
            .bind(account)
            .bind(name.as_str())
            .bind(name.folded())
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    })
}
