//! What bots do with goods: they have staff send them some, move, wear, split, combine, identify and destroy them, buy from vendors, sell to them
//! and have them repair, send things to each other, offer and buy them, and know which of it was acknowledged.
//!
//! Every act carries an Idempotency-Key. One without an answer is asked again under the same key when the realm is back, before anything
//! else: so each account's acts are known exactly, but for one.

use realm_client::{ClientError, Method, Response, Rest};
use serde_json::{Value, json};

use super::{Bot, Gone, Hands, letters};

/// Items below which a bot asks staff for more, and gold.
const ITEMS_MIN: usize = 8;
const GOLD_MIN: i64 = 200;
/// What staff sends: things to wear, with sockets, that stack, that a recipe takes.
const BASES: [(&str, &str); 12] = [
    ("ring", "magic"),
    (SWORD, "rare"),
    (SWORD, "normal"),
    (SWORD, "normal"),
    ("kettle-hat", "magic"),
    ("wicker-shield", "normal"),
    (SCROLL, "normal"),
    ("garnet-splinter", "normal"),
    ("garnet-splinter", "normal"),
    ("ash-salt", "normal"),
    ("whetstone", "normal"),
    ("rope-belt", "magic"),
];
/// What a beginner fights with, and wears out.
const SWORD: &str = "ferry-sword";
/// What bots buy from vendors: what leads home from a game, what tells what something is, what is worn.
const WARES: [&str; 4] = [ROAD, ROAD, SCROLL, "hood"];
/// The scroll that tells what something is.
const SCROLL: &str = "naming-scroll";
/// The scroll that leads home.
const ROAD: &str = "road-scroll";
/// What a recipe takes: so many of the one, and one of the other; in these cells of the cube.
const KIT: [&str; 5] = ["garnet-splinter", "garnet-splinter", "garnet-splinter", "garnet-splinter", "ash-salt"];
/// An account asks for no more than this under keys of its own: the realm keeps so many answers.
const KEYS_MAX: u64 = 9_000;

/// An act that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    key: String,
    method: Method,
    path: String,
    body: Option<Value>,
    /// By staff: it counts for them.
    by_staff: bool,
}

impl Asked {
    pub(crate) fn is_by_staff(&self) -> bool {
        self.by_staff
    }
}

/// What an account did with goods.
#[derive(Debug, Default)]
pub(crate) struct Goods {
    /// The act whose answer has not come.
    pub(crate) pending: Option<Asked>,
    /// Acts that were acknowledged.
    pub(crate) acknowledged: i64,
    /// Letters of staff that were.
    pub(crate) letters: i64,
    keys: u64,
}

/// An item as an inventory shows it.
struct Thing {
    id: String,
    base: String,
    count: u64,
    place: String,
    /// Where in its box.
    cell: (u64, u64),
    /// What it gives is known.
    identified: bool,
}

impl Thing {
    fn read(view: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            id: text(&view["id"])?,
            base: text(&view["base"])?,
            count: view["count"].as_u64()?,
            place: text(&view["at"]["place"])?,
            cell: (view["at"]["x"].as_u64().unwrap_or_default(), view["at"]["y"].as_u64().unwrap_or_default()),
            identified: view["identified"].as_bool()?,
        })
    }
}

/// The answer, a refusal's code, or nothing more in this life.
fn answered(result: Result<Response, ClientError>) -> Result<Result<Value, String>, Gone> {
    super::answer(result.and_then(Response::success)).map(|answer| answer.map(|response| response.json))
}

impl Bot {
    /// Asks again for what had no answer when the realm died.
    pub(super) async fn ask_again(&mut self, rest: &mut Rest, staff: &mut Rest) -> Result<(), Gone> {
        let Some(asked) = self.account().goods.pending.clone() else { return Ok(()) };
        loop {
            match self.ask(rest, staff, asked.clone()).await? {
                // A character that was in a game is free again in a moment.
                Err(code) if code == "CHARACTER_BUSY" => {}
                _ => return Ok(()),
            }
        }
    }

    async fn ask(&mut self, rest: &mut Rest, staff: &mut Rest, asked: Asked) -> Result<Result<Value, String>, Gone> {
        let by = if asked.by_staff { staff } else { rest };
        self.account().goods.pending = Some(asked.clone());
        self.counts.in_doubt += 1;
        let headers = [("Idempotency-Key", asked.key.as_str())];
        let answer = answered(by.request_with(asked.method.clone(), &asked.path, &headers, asked.body.as_ref()).await)?;
        self.counts.in_doubt -= 1;
        let is_busy = matches!(&answer, Err(code) if code == "CHARACTER_BUSY");
        let goods = &mut self.account().goods;
        if !is_busy {
            goods.pending = None;
        }
        if answer.is_ok() {
            if asked.by_staff {
                goods.letters += 1;
            } else {
                goods.acknowledged += 1;
            }
            self.counts.goods += 1;
        }
        Ok(answer)
    }

    /// Asks for something new.
    async fn wish(
        &mut self,
        rest: &mut Rest,
        staff: &mut Rest,
        method: Method,
        path: String,
        body: Option<Value>,
    ) -> Result<(), Gone> {
        let key = self.next_key();
        let by_staff = path.starts_with("/api/v1/admin/");
        let refused = self.ask(rest, staff, Asked { key, method, path, body, by_staff }).await?.err();
        self.account().goods.pending = None;
        if refused.is_some() {
            self.counts.refused += 1;
        }
        Ok(())
    }

    fn next_key(&mut self) -> String {
        // Of staff's keys there are those of all.
        let (number, account) = (self.number, self.accounts.len());
        let goods = &mut self.account().goods;
        goods.keys += 1;
        format!("{number}-{account}-{}", goods.keys)
    }

    /// One act with goods of a living character.
    pub(super) async fn trade(&mut self, rest: &mut Rest, staff: &mut Rest, index: usize) -> Result<(), Gone> {
        if self.account().goods.keys >= KEYS_MAX {
            self.new_account();
            return self.come_in(rest).await;
        }
        let known = &self.account().characters[index];
        let (id, name) = (known.id.expect("it exists"), known.name.clone());
        let (things, gold) = self.look(rest, index).await?;
        let poor = things.len() < ITEMS_MIN || gold < GOLD_MIN;
        let acts = format!("/api/v1/characters/{id}/items");
        let roll = self.dice.below(16);
        if roll < 2 && poor {
            let bases = if self.dice.below(2) == 0 {
                KIT.map(|base| (base, "normal")).to_vec()
            } else {
                (0..4).map(|_| BASES[self.dice.index(BASES.len())]).collect()
            };
            let item = |(base, quality): (&str, &str)| json!({ "base": base, "quality": quality, "level": 20 });
            let items: Vec<Value> = bases.into_iter().map(item).collect();
            let body = json!({ "to": name, "items": items, "gold": 500, "reason": "supplies" });
            return self.wish(rest, staff, Method::POST, "/api/v1/admin/mail".to_owned(), Some(body)).await;
        }
        if roll < 4 || things.is_empty() {
            return self.take_letters(rest, staff, id).await;
        }
        if roll < 6 {
            return self.buy(rest, staff, id).await;
        }
        if roll == 10 && self.dice.below(2) == 0 {
            return self.craft(rest, staff, &acts, &things).await;
        }
        let thing = &things[self.dice.index(things.len())];
        let item = thing.id.clone();
        let act = match roll {
            6..=7 => self.somewhere(thing),
            8 if thing.place == "worn" => json!({ "act": "unequip", "item": item }),
            // Never what is worn already, which would be no act.
            8 => {
                let is_sword = |thing: &&Thing| thing.base == SWORD && thing.identified && thing.place != "worn";
                json!({ "act": "equip", "item": things.iter().find(is_sword).unwrap_or(thing).id })
            }
            9 if thing.count > 1 => json!({ "act": "split", "item": item, "count": 1 }),
            9 => {
                let other = things.iter().find(|other| other.id != thing.id && other.base == thing.base);
                match other {
                    Some(other) => json!({ "act": "merge", "item": item, "onto": other.id }),
                    None => self.somewhere(thing),
                }
            }
            11 => match self.dice.below(5) {
                // What fights have worn out and what nobody knows, when there is any.
                0..=1 => json!({ "act": "repair", "item": self.one_of(&things, |thing| thing.place == "worn").id }),
                2 => {
                    let scroll = self.one_of(&things, |thing| thing.base == SCROLL).id.clone();
                    json!({ "act": "identify", "scroll": scroll, "item": self.one_of(&things, |thing| !thing.identified).id })
                }
                _ => json!({ "act": "sell", "item": item }),
            },
            10 => json!({ "act": "buy", "base": WARES[self.dice.index(WARES.len())] }),
            12 if self.dice.below(4) == 0 => json!({ "act": "destroy", "item": item }),
            12..=13 => {
                let to = format!("C{}{}", letters(self.dice.index(self.peers)), letters(1));
                let (items, gold) =
                    if self.dice.below(2) == 0 { (vec![item], 0) } else { (Vec::new(), 1 + self.dice.below(50)) };
                let body = json!({ "character": id.to_string(), "to": to, "text": "", "items": items, "gold": gold });
                return self.wish(rest, staff, Method::POST, "/api/v1/mail".to_owned(), Some(body)).await;
            }
            _ => {
                let body =
                    json!({ "character": id.to_string(), "item": item, "price": 1 + self.dice.below(90), "hours": 1 });
                return self.wish(rest, staff, Method::POST, "/api/v1/market/offers".to_owned(), Some(body)).await;
            }
        };
        self.wish(rest, staff, Method::POST, acts, Some(act)).await
    }

    /// What a character has, and its gold.
    async fn look(&mut self, rest: &mut Rest, index: usize) -> Result<(Vec<Thing>, i64), Gone> {
        let known = &self.account().characters[index];
        let (id, name) = (known.id.expect("it exists"), known.name.clone());
        let path = format!("/api/v1/characters/{id}/inventory");
        let view = match answered(rest.request(Method::GET, &path, None).await)? {
            Ok(view) => view,
            Err(code) => panic!("{name} has no inventory: {code}"),
        };
        let lists = [
            &view["equipment"],
            &view["inventory"]["items"],
            &view["stash"]["items"],
            &view["cube"]["items"],
            &view["returned"],
        ];
        let things = lists.iter().filter_map(|list| list.as_array()).flatten().filter_map(Thing::read).collect();
        Ok((things, view["gold"].as_i64().unwrap_or_default()))
    }

    /// What a character that goes into a game may do there with what it carries.
    pub(super) async fn hands(&mut self, rest: &mut Rest, index: usize) -> Result<Hands, Gone> {
        let (things, _) = self.look(rest, index).await?;
        let carried = || things.iter().filter(|thing| thing.place == "inventory");
        let single = carried().filter(|thing| thing.count == 1 && thing.base != ROAD);
        let single = single.filter_map(|thing| thing.id.parse().ok()).collect();
        let road = carried().find(|thing| thing.base == ROAD).and_then(|thing| thing.id.parse().ok());
        Ok(Hands::new(self.dice.split(), single, road))
    }

    /// Lays what a recipe takes into the cube, when there is enough of it, and combines it.
    async fn craft(&mut self, rest: &mut Rest, staff: &mut Rest, acts: &str, things: &[Thing]) -> Result<(), Gone> {
        let mut kit: Vec<&Thing> = Vec::new();
        for base in KIT {
            let fits = |thing: &&Thing| {
                thing.base == base && thing.count == 1 && !kit.iter().any(|taken| taken.id == thing.id)
            };
            // What lies there already first.
            let mut fitting: Vec<&Thing> = things.iter().filter(fits).collect();
            fitting.sort_by_key(|thing| thing.place != "cube");
            kit.extend(fitting.first());
        }
        let in_cube = || things.iter().filter(|thing| thing.place == "cube");
        let disturbs = in_cube().find(|thing| !kit.iter().any(|taken| taken.id == thing.id));
        if let Some(disturbs) = disturbs {
            let act = self.somewhere(disturbs);
            return self.wish(rest, staff, Method::POST, acts.to_owned(), Some(act)).await;
        }
        if kit.len() == KIT.len() {
            let cells = (0..4).flat_map(|y| (0..4).map(move |x| (x, y)));
            let free: Vec<_> = cells.filter(|cell| !in_cube().any(|thing| thing.cell == *cell)).collect();
            for (thing, (x, y)) in kit.iter().filter(|thing| thing.place != "cube").zip(free) {
                let act = json!({ "act": "move", "item": thing.id, "to": { "place": "cube", "x": x, "y": y } });
                self.wish(rest, staff, Method::POST, acts.to_owned(), Some(act)).await?;
            }
        }
        // Without a recipe it is refused.
        self.wish(rest, staff, Method::POST, acts.to_owned(), Some(json!({ "act": "combine" }))).await
    }

    /// One of the things that fit, or any when none does.
    fn one_of<'a>(&mut self, things: &'a [Thing], fits: impl Fn(&Thing) -> bool) -> &'a Thing {
        let fitting: Vec<&Thing> = things.iter().filter(|thing| fits(thing)).collect();
        match fitting.is_empty() {
            true => &things[self.dice.index(things.len())],
            false => fitting[self.dice.index(fitting.len())],
        }
    }

    /// To any cell of any box, where it may not fit; never where it is, which would be no act.
    fn somewhere(&mut self, thing: &Thing) -> Value {
        let (place, columns, rows) = if thing.place == "inventory" { ("stash", 10, 10) } else { ("inventory", 10, 4) };
        let (x, y, page) = (self.dice.below(columns), self.dice.below(rows), self.dice.below(4));
        let mut to = json!({ "place": place, "x": x, "y": y });
        if place == "stash" {
            to["page"] = page.into();
        }
        json!({ "act": "move", "item": thing.id, "to": to })
    }

    async fn take_letters(&mut self, rest: &mut Rest, staff: &mut Rest, id: u64) -> Result<(), Gone> {
        let page = answered(rest.request(Method::GET, &format!("/api/v1/mail?character={id}"), None).await)?;
        let page = page.unwrap_or_else(|code| panic!("no letters: {code}"));
        let holds = |letter: &&Value| {
            letter["gold"].as_i64().unwrap_or_default() > 0
                || letter["items"].as_array().is_some_and(|items| !items.is_empty())
        };
        let full: Vec<&Value> = page["letters"].as_array().into_iter().flatten().filter(holds).collect();
        let Some(letter) = full.get(self.dice.index(full.len())).and_then(|letter| letter["id"].as_str()) else {
            return Ok(());
        };
        let body = json!({ "character": id.to_string() });
        self.wish(rest, staff, Method::POST, format!("/api/v1/mail/{letter}/take"), Some(body)).await
    }

    /// Buys what somebody offers, or takes an own offer back.
    async fn buy(&mut self, rest: &mut Rest, staff: &mut Rest, id: u64) -> Result<(), Gone> {
        let own = self.dice.below(4) == 0;
        let path = if own { "/api/v1/market/own?limit=20" } else { "/api/v1/market/offers?limit=50&order=newest" };
        let page = answered(rest.request(Method::GET, path, None).await)?;
        let page = page.unwrap_or_else(|code| panic!("no market: {code}"));
        let offers: Vec<&str> =
            page["offers"].as_array().into_iter().flatten().filter_map(|offer| offer["id"].as_str()).collect();
        let Some(offer) = offers.get(self.dice.index(offers.len())) else { return Ok(()) };
        if own {
            return self.wish(rest, staff, Method::DELETE, format!("/api/v1/market/offers/{offer}"), None).await;
        }
        let body = json!({ "character": id.to_string() });
        self.wish(rest, staff, Method::POST, format!("/api/v1/market/offers/{offer}/buy"), Some(body)).await
    }
}
