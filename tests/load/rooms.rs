//! Rooms of eight: opens games over REST and brings their players in.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use super::{
    crowd::Crowd,
    http::Https,
    pipe::{Pipe, loopback},
    player::Player,
    seed::{Person, word},
    server::Server,
};

/// Players of one room.
pub const ROOM: usize = 8;
/// Connections that set up at the same time, so that the database commits for several at once.
const HANDS: usize = 4;
const CLASSES: [&str; 7] = ["Amazon", "Sorceress", "Necromancer", "Paladin", "Barbarian", "Druid", "Assassin"];

/// A person with a character.
struct Hero<'a> {
    person: &'a Person,
    character: String,
}

/// The open rooms of a server.
pub struct Rooms<'a> {
    server: &'a Server,
    crowd: &'a Crowd,
    heroes: Vec<Hero<'a>>,
    /// Key of each game; the players of room n are the heroes from n × 8 on.
    games: Vec<String>,
    /// How many of them are full.
    full: usize,
}

impl<'a> Rooms<'a> {
    /// Gives everybody a character.
    pub fn prepare(server: &'a Server, crowd: &'a Crowd, people: &'a [Person]) -> Self {
        let characters = in_parallel(server, people.len(), |rest, index| {
            let body = json!({"name": format!("Hero-{}", word(index)), "class": CLASSES[index % CLASSES.len()], "hardcore": false});
            let made = rest.success("POST", "/characters", &people[index].token, Some(&body));
            made["id"].as_str().expect("a key").to_owned()
        });
        let heroes = people.iter().zip(characters).map(|(person, character)| Hero { person, character }).collect();
        Self { server, crowd, heroes, games: Vec::new(), full: 0 }
    }

    /// How many rooms are open.
    pub fn open(&self) -> usize {
        self.games.len()
    }

    /// Opens rooms until there are so many, each with its first player only.
    pub fn open_to(&mut self, count: usize) {
        let before = self.games.len();
        let opened = in_parallel(self.server, count.saturating_sub(before), |rest, index| {
            let room = before + index;
            let hero = &self.heroes[room * ROOM];
            let body = json!({"character": hero.character, "name": format!("Room {}", word(room))});
            let answer = rest.success("POST", "/games", &hero.person.token, Some(&body));
            self.enter(room * ROOM, &ticket_of(&answer));
            answer["game"]["id"].as_str().expect("a key").to_owned()
        });
        self.games.extend(opened);
    }

    /// Brings the other seven into each room.
    pub fn fill(&mut self) {
        let (first, places) = (self.full, ROOM - 1);
        in_parallel(self.server, (self.games.len() - first) * places, |rest, index| {
            let number = (first + index / places) * ROOM + 1 + index % places;
            self.enter(number, &self.ticket(rest, number));
        });
        self.full = self.games.len();
    }

    /// A seat for one of the other seven of an open room.
    pub fn ticket(&self, rest: &mut Https, number: usize) -> String {
        let hero = &self.heroes[number];
        let path = format!("/games/{}/join", self.games[number / ROOM]);
        let answer = rest.success("POST", &path, &hero.person.token, Some(&json!({"character": hero.character})));
        ticket_of(&answer)
    }

    fn enter(&self, number: usize, ticket: &str) {
        let pipe = Pipe::open(&self.server.frames_config, self.server.game, loopback(number));
        let chance = u32::try_from(number).expect("a small number") + 1;
        let player = pipe.and_then(|pipe| Player::enter(pipe, ticket, chance));
        self.crowd.join(player.expect("whoever has a ticket is let in"));
    }
}

fn ticket_of(answer: &Value) -> String {
    answer["ticket"].as_str().expect("a ticket").to_owned()
}

/// Does a piece of work for each number, several at a time; the results are in order.
fn in_parallel<T: Send>(server: &Server, count: usize, work: impl Fn(&mut Https, usize) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for hand in 0..HANDS {
            let (next, done, work) = (&next, &done, &work);
            scope.spawn(move || {
                let mut rest = server.rest(hand);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let result = work(&mut rest, index);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
