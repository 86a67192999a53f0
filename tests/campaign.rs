//! Many swaps of good and bad files while many games tick: nothing is lost, nothing is doubled, every game goes on, nothing grows.
//! How late ticks are meanwhile, and that none is left out, is for `cargo xtask bench plugins` on a quiet machine to say.

use std::fs;

use realm_client::{Door, Endpoint, GameConnection, Method, Rest};
use rustix::process::Signal;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    harness::{
        DEADLINE, Hero, PASSWORD, Player, eventually,
        pilot::snapshot,
        program::{Site, Up},
    },
    load::{
        machine::resident_bytes,
        plugins::swaps::{decided_about, file},
    },
    seen::figures,
};

/// Games that tick meanwhile, with one player each.
fn games() -> usize {
    if long() { 100 } else { 6 }
}

/// Asked for with `cargo xtask test --long`.
fn long() -> bool {
    std::env::var_os("REALM_TEST_LONG").is_some()
}

/// Swaps after which the realm has all it needs.
const SETTLED_SWAPS: u32 = 100;
/// Growth that all further swaps may leave, in parts of what the process had then.
const GROWTH_PARTS: u64 = 20;

fn swaps() -> u32 {
    if long() { 1_000 } else { 30 }
}

/// A realm in a process of its own, with players, and the operator beside it.
pub(crate) struct Stage {
    pub(crate) site: Site,
    pub(crate) up: Up,
    endpoint: Endpoint,
    operator: Rest,
    stop: watch::Sender<bool>,
    games: Vec<JoinHandle<u32>>,
}

impl Stage {
    /// A realm whose players may talk faster than people.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// The same with more in its configuration.
    pub(crate) fn start_with(more: &str) -> Self {
        let site = Site::new();
        let settings = "[accounts]\nlogin_burst = 10_000\nlogin_per_minute = 10_000\nanonymous_burst = 10_000\nregistrations_per_hour = 10_000\n\
                        [session]\nchat_burst = 10_000\nchat_per_minute = 60_000\nrequest_burst = 10_000\nrequest_per_minute = 60_000\n\
                        [plugins.configuration.chat-filter]\nlines_max = 0\nrepeats_max = 0\n";
        fs::write(site.folder().join("realm.toml"), format!("{more}{settings}")).expect("a configuration");
        Self::on(site)
    }

    /// A realm with what an earlier one has left.
    pub(crate) fn on(site: Site) -> Self {
        let up = site.up();
        let endpoint = site.endpoint();
        let token = fs::read_to_string(site.data().join("operator.token")).expect("a token in the data folder");
        let mut operator = Rest::new(&endpoint);
        operator.set_access_token(Some(token));
        Self { site, up, endpoint, operator, stop: watch::Sender::new(false), games: Vec::new() }
    }

    /// An account with a character, in the lobby.
    pub(crate) async fn hero(&self, name: &str) -> Hero {
        Rest::new(&self.endpoint).register(name, PASSWORD).await.expect("registering");
        let player = self.player(name).await;
        let mut lobby = player.lobby(Door::Frames).await;
        let character = lobby.create_character(&format!("{name}-hero"), "Druid", false).await.expect("a character");
        lobby.select_character(character.id).await.expect("selecting it");
        Hero { player, lobby, character }
    }

    /// An account that there is, logged in.
    pub(crate) async fn player(&self, name: &str) -> Player {
        let mut rest = Rest::new(&self.endpoint);
        let token = rest.login(name, PASSWORD).await.expect("logging in").access_token;
        Player { name: name.to_owned(), token, rest, endpoint: self.endpoint.clone() }
    }

    /// Opens a game in which the hero walks to and fro until the end; every snapshot must follow the one before.
    pub(crate) async fn plays(&mut self, hero: &mut Hero, game: &str) {
        let (_, game) = hero.open_game(game).await;
        self.games.push(tokio::spawn(play(game, self.stop.subscribe())));
    }

    /// Puts a file into the plugin folder, whole.
    pub(crate) fn put(&self, file: &str, bytes: &[u8]) {
        let folder = self.site.data().join("plugins");
        let beside = folder.join(format!("{file}.new"));
        fs::write(&beside, bytes).expect("writing beside the plugin");
        fs::rename(&beside, folder.join(file)).expect("renaming into place");
    }

    /// What the operator sees of a plugin; `null` when there is none.
    pub(crate) async fn plugin(&mut self, name: &str) -> Value {
        let path = format!("/api/v1/admin/plugins/{name}");
        self.operator.request(Method::GET, &path, None).await.expect("the operator is answered").json
    }

    /// What was said of a plugin, as one text.
    pub(crate) async fn said_of(&mut self, name: &str) -> String {
        let path = format!("/api/v1/admin/plugins/{name}/logs?lines=200");
        let answer = self.operator.request(Method::GET, &path, None).await.expect("the operator is answered");
        answer.json.to_string()
    }

    /// Memory of the realm that lies in the machine's.
    pub(crate) fn resident_bytes(&self) -> u64 {
        resident_bytes(self.up.process())
    }

    /// Ends the games, which have gone tick by tick, and the realm, in good order; gives what it has said since it was up.
    pub(crate) async fn end(self) -> String {
        self.ended().await.1
    }

    /// The same, and gives what is left of it.
    pub(crate) async fn end_for_good(self) -> Site {
        self.ended().await.0
    }

    /// Kills the realm in whatever it does; gives what is left of it.
    pub(crate) fn kill(self) -> Site {
        let (code, _) = self.up.end(Signal::KILL);
        assert_eq!(code, None, "a signal has ended it");
        self.site
    }

    async fn ended(self) -> (Site, String) {
        self.stop.send_replace(true);
        for game in self.games {
            assert!(game.await.expect("every snapshot followed the one before") > 0);
        }
        let (code, said) = self.up.end(Signal::TERM);
        assert_eq!(code, Some(0), "{said}");
        (self.site, said)
    }
}

async fn play(mut game: GameConnection, stop: watch::Receiver<bool>) -> u32 {
    let mut before = snapshot(&mut game).await.tick;
    let mut ticks = 0;
    while !*stop.borrow() {
        game.walk(if ticks / 20 % 2 == 0 { 4 } else { -4 }, 0).await.expect("the game goes on");
        let now = snapshot(&mut game).await.tick;
        // Whoever reads too slowly, as on a machine that stands still, is skipped; time never goes back.
        assert!(now > before, "ticks rise");
        before = now;
        ticks += 1;
    }
    ticks
}

#[tokio::test(flavor = "multi_thread")]
async fn many_swaps_of_good_and_bad_files_disturb_nobody() {
    let mut stage = Stage::start();
    for number in 0..games() {
        let mut hero = stage.hero(&format!("Hero{number}")).await;
        stage.plays(&mut hero, &format!("Cellar {number}")).await;
    }
    let mut speaker = stage.hero("Speaker").await;
    speaker.lobby.join_channel("Town Square").await.unwrap();
    let (mut at_work, mut last_line, mut settled) = (None::<String>, None::<u64>, None::<u64>);
    let mut lines = 0;
    for number in 0..swaps() {
        let (name, bytes, says) = file(number);
        stage.put(name, &bytes);
        let plugin = name.trim_end_matches(".wasm");
        // People talk on while the file is looked at, until it has come to work or was refused.
        eventually(&format!("file {number} of {name} decided about"), async || {
            let said = format!("line number {lines}");
            lines += 1;
            speaker.lobby.say(&said).await.expect("the speaker is connected");
            let line = speaker.lobby.line(DEADLINE).await.expect("the line arrives");
            if let Some(before) = last_line.replace(line.line) {
                assert_eq!(line.line, before + 1, "no line is lost or answered twice");
            }
            let of_old = at_work.as_deref().unwrap_or(&said) == line.text;
            let of_new = says.as_deref() == Some(line.text.as_str());
            assert!(of_old || of_new, "{:?} at swap {number}", line.text);
            decided_about(number, &stage.plugin(plugin).await).then_some(())
        })
        .await;
        at_work = says.or(at_work);
        if number + 1 == SETTLED_SWAPS {
            settled = Some(stage.resident_bytes());
        }
    }
    let now = stage.resident_bytes();
    let grown = now.saturating_sub(settled.unwrap_or(now));
    println!(
        "{} games, {} swaps, {lines} lines, {} ticks left out, {} KiB, of which {} KiB since the first {SETTLED_SWAPS}",
        games(),
        swaps(),
        figures(&stage).value("realm_ticks_skipped_total"),
        now >> 10,
        grown >> 10
    );
    assert!(grown <= settled.unwrap_or(now) / GROWTH_PARTS, "the realm has grown by {grown} bytes");
    let said = stage.said_of("chat-filter").await;
    for step in ["read", "start"] {
        assert!(said.contains(&format!("was refused at step {step}")), "{said}");
    }
    stage.end().await;
}
