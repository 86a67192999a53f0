//! Pairs who trade with each other until the realm dies, each time something for something, and what must be so of it after each kill: every item
//! in one place, no gold made or lost, of each trade both legs or none, none lost that was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use realm::{
    hooks::Hooks,
    items::{Holder, Items, verify},
    storage::{Storage, read_alone},
    types::{AccountId, CharacterId, SystemClock},
};
use realm_client::{ClientError, Door, Endpoint, Lobby, Login, Rest, TradeNews, proto};
use realm_world::{Content, items::Certificate};
use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::task::{JoinHandle, JoinSet};

use crate::{DEADLINE, dice::Dice, look, report::Report, server::Program};

const PASSWORD: &str = "four lanterns by the sea";
/// Accounts whose names begin so are theirs; each has one character of the account's name.
pub(crate) const NAME: &str = "Trader-";
const ITEMS_EACH: u32 = 3;
const GOLD_EACH: i64 = 100;
/// A pair begins no two trades within so long: what they leave behind is gone through after each kill.
const PACE: Duration = Duration::from_millis(40);

/// One of them.
#[derive(Default)]
struct Trader {
    name: String,
    token: Option<String>,
    account: Option<AccountId>,
    character: Option<CharacterId>,
    /// As they were stored after the last kill, and have changed by trades since.
    items: Vec<u64>,
    gold: u64,
}

/// All pairs.
#[derive(Default)]
pub(crate) struct Traders(Vec<Pair>);

/// Both of a pair, and what they were told.
#[derive(Default)]
struct Pair {
    both: [Trader; 2],
    /// All items that they have between them; empty before they have any.
    items: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
    dice: Dice,
    /// A refusal that nothing explains.
    broken: Option<String>,
}

/// The realm is gone, and what was under way has no answer.
struct Gone;

impl Traders {
    /// So many pairs.
    pub(crate) fn new(pairs: usize, dice: &mut Dice) -> Self {
        Self((0..pairs).map(|number| Pair::new(number, dice.split())).collect())
    }

    /// How many trades were acknowledged.
    pub(crate) fn trades(&self) -> usize {
        self.0.iter().map(|pair| pair.acknowledged.len()).sum()
    }

    /// All trade until the realm dies; what comes back are they.
    pub(crate) fn set_out(&mut self, program: &Program) -> JoinHandle<Traders> {
        let (endpoint, pairs) = (program.endpoint(), std::mem::take(&mut self.0));
        tokio::spawn(async move {
            let mut playing = JoinSet::new();
            for mut pair in pairs {
                let endpoint = endpoint.clone();
                playing.spawn(async move {
                    pair.play(&endpoint).await;
                    pair
                });
            }
            Traders(playing.join_all().await)
        })
    }

    /// They have noticed that the realm is gone.
    pub(crate) async fn come_home(&mut self, playing: JoinHandle<Traders>, report: &mut Report) {
        match playing.await {
            Ok(home) => *self = home,
            Err(broken) => report.violations.push(format!("the traders broke off: {broken}")),
        }
    }

    /// Everything that is broken, read from the database in this folder, or of this program, while nobody runs over it.
    pub(crate) async fn check(&mut self, program: &Program, copy: Option<&Path>) -> Vec<String> {
        let mut broken: Vec<String> = self.0.iter_mut().filter_map(|pair| pair.broken.take()).collect();
        let data = copy.map_or_else(|| program.data(), Path::to_owned);
        let sound = read_alone(&program.config(), &data, |connection| Box::pin(verify(connection, None))).await;
        if let Err(problem) = sound.expect("the ledger can be read") {
            broken.push(format!("the ledger does not say what is so: {problem}"));
        }
        let mut connection = match copy {
            Some(copy) => look::file(&copy.join("realm.sqlite")).await,
            None => program.connect().await,
        };
        for pair in &mut self.0 {
            pair.look(&mut connection, &mut broken).await;
        }
        self.look_at_trades(&mut connection, &mut broken).await;
        connection.close().await.expect("it is closed");
        broken
    }

    /// Gives pairs what they trade with, as soon as both are there. Nobody runs. What comes back is broken.
    pub(crate) async fn endow(&self, program: &Program) -> Vec<String> {
        let poor = self.0.iter().filter(|pair| pair.items.is_empty()).filter_map(Pair::keys);
        let poor: Vec<_> = poor.flatten().collect();
        let mut broken = Vec::new();
        if poor.is_empty() {
            return broken;
        }
        let storage = Storage::open(&program.config(), &program.data(), 0, Arc::new(SystemClock)).await;
        let storage = storage.expect("the database");
        let items = Items::new("main", storage.clone(), Content::builtin(), Hooks::without_plugins());
        for (account, character) in poor {
            let mut ordinal = 0;
            let mut certificate = || {
                ordinal += 1;
                Certificate::new(character.raw(), 1, ordinal, items.content().hash(), Vec::new())
            };
            let holder = Holder::resting(account, character);
            let given = async {
                for _ in 0..ITEMS_EACH {
                    let ring = items.catalogue().plain("ring", 1).expect("a base of the pack");
                    items.born_on_pick_up(holder, ring, certificate()).await?;
                }
                items.gold_found(holder, GOLD_EACH, certificate()).await
            };
            if let Err(problem) = given.await {
                broken
                    .push(format!("a trader's character {character} should be there with room for a ring: {problem}"));
            }
        }
        storage.close().await;
        broken
    }

    /// Each trade has both legs or none, and none is lost that was acknowledged.
    async fn look_at_trades(&self, connection: &mut AnyConnection, broken: &mut Vec<String>) {
        let lines = sqlx::query("SELECT note, from_holder FROM ledger WHERE act = 'trade'").fetch_all(&mut *connection);
        let mut givers = BTreeMap::<u64, BTreeSet<i64>>::new();
        for row in lines.await.expect("lines of the ledger") {
            let note: String = row.get(0);
            let trade = note.split(' ').nth(1).and_then(|key| key.parse().ok()).expect("a trade is named");
            givers.entry(trade).or_default().insert(row.get(1));
        }
        for (trade, givers) in &givers {
            if givers.len() != 2 {
                broken.push(format!("trade {trade} has one leg"));
            }
        }
        let acknowledged = || self.0.iter().flat_map(|pair| &pair.acknowledged);
        let lost = acknowledged().filter(|trade| !givers.contains_key(trade)).count();
        if lost > 0 {
            broken.push(format!("{lost} of {} acknowledged trades are lost", self.trades()));
        }
    }
}

impl Pair {
    fn new(number: usize, dice: Dice) -> Self {
        let both = ["Ann", "Bob"].map(|who| Trader { name: format!("{NAME}{who}-{number}"), ..Trader::default() });
        Self { both, dice, ..Self::default() }
    }

    /// Accounts and characters of both, as soon as they are known.
    fn keys(&self) -> Option<[(AccountId, CharacterId); 2]> {
        match self.both.each_ref().map(|trader| trader.account.zip(trader.character)) {
            [Some(ann), Some(bob)] => Some([ann, bob]),
            _ => None,
        }
    }

    fn answer<T>(&mut self, what: &str, result: Result<T, ClientError>) -> Result<T, Gone> {
        result.map_err(|error| {
            if let ClientError::Refused { code, message, .. } = &error {
                // Of two connections that a kill cuts the realm may see one first.
                // A fast machine may come to the end of an allowance.
                if !["TRADE_DISCONNECTED", "TRADE_APART", "RATE_LIMITED"].contains(&code.as_str()) {
                    self.broken = Some(format!("{what} was refused: {code}: {message}"));
                }
            }
            Gone
        })
    }

    /// Trades until the realm dies.
    async fn play(&mut self, endpoint: &Endpoint) {
        let Ok(ann) = self.come_in(endpoint, 0).await else { return };
        let Ok(bob) = self.come_in(endpoint, 1).await else { return };
        let mut lobbies = [ann, bob];
        // What they have is given to them while nobody runs.
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.items.is_empty() {
            pace.tick().await;
            let Ok(()) = self.trade(&mut lobbies).await else { return };
        }
    }

    async fn come_in(&mut self, endpoint: &Endpoint, who: usize) -> Result<Lobby, Gone> {
        let mut lobby = Lobby::connect(endpoint, Door::Frames).await.map_err(|_| Gone)?;
        let kept = match self.both[who].token.clone() {
            Some(token) => lobby.login(Login::Token(token)).await.is_ok(),
            None => false,
        };
        if !kept {
            let mut rest = Rest::new(endpoint);
            let name = self.both[who].name.clone();
            match rest.register(&name, PASSWORD).await {
                Err(error) if error.code() == Some("ACCOUNT_TAKEN") => {}
                registered => drop(self.answer("a registration", registered)?),
            }
            let tokens = rest.login(&name, PASSWORD).await;
            let token = self.answer("a log-in", tokens)?.access_token;
            self.both[who].token = Some(token.clone());
            lobby = Lobby::connect(endpoint, Door::Frames).await.map_err(|_| Gone)?;
            let session = lobby.login(Login::Token(token)).await.cloned();
            self.answer("a session", session)?;
        }
        let account = lobby.session().map(|session| AccountId::from_raw(session.account_id));
        let characters = lobby.characters().await;
        let known = self.answer("a list", characters)?.characters;
        let character = match known.first() {
            Some(character) => character.id,
            None => {
                let made = lobby.create_character(&self.both[who].name, "Druid", false).await;
                self.answer("a character", made)?.id
            }
        };
        let selected = lobby.select_character(character).await;
        self.answer("a selection", selected)?;
        let joined = lobby.join_channel("Trade").await;
        self.answer("a channel", joined)?;
        let pong = lobby.ping().await;
        self.answer("a ping", pong)?;
        (self.both[who].account, self.both[who].character) = (account, Some(CharacterId::from_raw(character)));
        Ok(lobby)
    }

    /// One trade, begun by either.
    async fn trade(&mut self, lobbies: &mut [Lobby; 2]) -> Result<(), Gone> {
        let host = self.dice.index(2);
        let guest = 1 - host;
        let (mine, theirs) = (self.offer_of(host), self.offer_of(guest));
        let invited = lobbies[host].invite_to_trade(&self.both[guest].name).await;
        let trade = self.answer("an invitation", invited)?.trade_id;
        let invitation = lobbies[guest].trade_invitation(DEADLINE).await;
        let invitation = self.answer("waiting for it", invitation)?;
        let opened = lobbies[guest].accept_trade(&invitation).await;
        let opened = self.answer("an acceptance", opened)?;
        let offered = lobbies[guest].offer_in_trade(&opened, &theirs.0, theirs.1).await;
        let offered = self.answer("the guest's offer", offered)?;
        let offered = lobbies[host].offer_in_trade(&offered, &mine.0, mine.1).await;
        let seen = self.answer("the host's offer", offered)?;
        for who in [host, guest] {
            let locked = lobbies[who].lock_trade(&seen).await;
            self.answer("a lock", locked)?;
        }
        for who in [guest, host] {
            let confirmed = lobbies[who].confirm_trade(&seen).await;
            if let TradeNews::Ended(ended) = self.answer("a confirmation", confirmed)? {
                self.note(ended, (host, &mine), (guest, &theirs))?;
                return Ok(());
            }
        }
        let ended = lobbies[host].trade_end(trade, DEADLINE).await;
        let ended = self.answer("the end", ended)?;
        self.note(ended, (host, &mine), (guest, &theirs))?;
        let ended = lobbies[guest].trade_end(trade, DEADLINE).await;
        self.answer("the end for the other", ended)?;
        Ok(())
    }

    /// Something and some gold: each gives something in every trade.
    fn offer_of(&mut self, who: usize) -> (Vec<u64>, u64) {
        let items = &self.both[who].items;
        let item = items[self.dice.index(items.len())];
        (vec![item], self.dice.below(self.both[who].gold.min(5) + 1))
    }

    /// A trade is over; what it moved is theirs now.
    fn note(
        &mut self,
        ended: proto::TradeEnded,
        host: (usize, &(Vec<u64>, u64)),
        guest: (usize, &(Vec<u64>, u64)),
    ) -> Result<(), Gone> {
        if !ended.done {
            let refused =
                ClientError::Refused { status: 0, code: ended.code, message: ended.message, retry_after_ms: 0 };
            return self.answer("a trade", Err(refused));
        }
        self.acknowledged.insert(ended.trade_id);
        for ((giver, given), taker) in [(host, guest.0), (guest, host.0)] {
            self.both[giver].items.retain(|item| !given.0.contains(item));
            self.both[taker].items.extend(&given.0);
            self.both[giver].gold -= given.1;
            self.both[taker].gold += given.1;
        }
        Ok(())
    }

    async fn look(&mut self, connection: &mut AnyConnection, broken: &mut Vec<String>) {
        // Others may have goods, too.
        let own = self.both.each_ref().map(|trader| trader.character.map_or(-1, CharacterId::to_sql));
        let rows = sqlx::query("SELECT id, place, holder FROM items WHERE last_holder IN ($1, $2) ORDER BY id")
            .bind(own[0])
            .bind(own[1])
            .fetch_all(&mut *connection)
            .await;
        let (mut stored, mut of) = (BTreeSet::new(), BTreeMap::<i64, Vec<u64>>::new());
        for row in rows.expect("items") {
            let (key, place): (i64, String) = (row.get(0), row.get(1));
            if place != "inventory" {
                broken.push(format!("item {key} is left in {place}"));
            }
            stored.insert(key.unsigned_abs());
            of.entry(row.get(2)).or_default().push(key.unsigned_abs());
        }
        if self.items.is_empty() {
            self.items.clone_from(&stored);
        }
        if stored != self.items {
            broken.push(format!(
                "there were {} items to trade with, and now there are {}",
                self.items.len(),
                stored.len()
            ));
        }
        let purses = sqlx::query("SELECT holder, gold FROM purses WHERE kind = 'character' AND holder IN ($1, $2)")
            .bind(own[0])
            .bind(own[1])
            .fetch_all(&mut *connection);
        let purses: BTreeMap<i64, i64> =
            purses.await.expect("purses").iter().map(|row| (row.get(0), row.get(1))).collect();
        let gold: i64 = purses.values().sum();
        if !stored.is_empty() && gold != 2 * GOLD_EACH {
            broken.push(format!("there were {} gold to trade with, and now there are {gold}", 2 * GOLD_EACH));
        }
        for trader in &mut self.both {
            let key = trader.character.map_or(0, |character| i64::try_from(character.raw()).unwrap_or(0));
            trader.items = of.remove(&key).unwrap_or_default();
            trader.gold = purses.get(&key).copied().unwrap_or(0).unsigned_abs();
        }
    }
}
