//! Many swaps of good and bad files while many games tick: nothing is lost, nothing is doubled, no game skips a tick, nothing grows.

use std::fs;

use realm_client::{Door, GameConnection};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    harness::{
        DEADLINE, TestRealm, built_plugins, eventually,
        pilot::{snapshot, ticks_between},
    },
    rules::components::{Fixture, empty_list, endless, pass, replacing, trap},
};

/// Games that tick meanwhile, with one player each.
const GAMES: usize = 6;
/// Growth of the process that a thousand swaps may leave, in parts of what it had after the first fifty.
const GROWTH_PARTS: u64 = 20;

fn swaps() -> u32 {
    if std::env::var_os("REALM_TEST_LONG").is_some() { 1_000 } else { 30 }
}

/// Memory of this process that lies in the machine's, in KiB.
fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or_default()
}

/// Walks to and fro; every snapshot must follow the one before.
async fn play(mut game: GameConnection, stop: watch::Receiver<bool>) -> u32 {
    let mut before = snapshot(&mut game).await.tick;
    let mut ticks = 0;
    while !*stop.borrow() {
        game.walk(if ticks / 20 % 2 == 0 { 4 } else { -4 }, 0).await.expect("the game goes on");
        let now = snapshot(&mut game).await.tick;
        ticks_between(before, now);
        before = now;
        ticks += 1;
    }
    ticks
}

/// What is put into the folder: the file, its bytes, and what a filter that comes to work says.
fn file(number: u32) -> (&'static str, Vec<u8>, Option<String>) {
    let version = format!("9.{number}.0");
    let whole = replacing("chat-filter", &version, &format!("rule {number}"));
    match number % 5 {
        // A rule of the ticks, which all threads take over with what they have to hand over.
        1 => {
            let rule = Fixture::new("anti-cheat", &version).init(&pass()).check_actions(&empty_list());
            ("anti-cheat.wasm", rule.build(), None)
        }
        2 => ("chat-filter.wasm", whole[..whole.len() / 2].to_vec(), None),
        3 => ("chat-filter.wasm", Fixture::new("chat-filter", &version).init(&trap()).filter(&endless()).build(), None),
        _ => ("chat-filter.wasm", whole, Some(format!("rule {number}"))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_swaps_of_good_and_bad_files_disturb_nobody() {
    let realm = TestRealm::start_with(|config| {
        (config.session.chat_burst, config.session.chat_per_minute) = (1_000_000, 1_000_000);
        let patient = serde_json::json!({"lines_max": 0, "repeats_max": 0});
        config.plugins.configuration.insert("chat-filter".to_owned(), patient);
    })
    .await;
    let (stop, stopped) = watch::channel(false);
    let (mut heroes, mut games): (Vec<_>, Vec<JoinHandle<u32>>) = (Vec::new(), Vec::new());
    for number in 0..GAMES {
        let mut hero =
            realm.hero(&format!("Hero{}", char::from(b'a' + u8::try_from(number).unwrap())), Door::Frames).await;
        let (_, game) = hero.open_game(&format!("Cellar {number}")).await;
        games.push(tokio::spawn(play(game, stopped.clone())));
        heroes.push(hero);
    }
    let mut speaker = heroes.pop().expect("there are heroes");
    speaker.lobby.join_channel("Town Square").await.unwrap();
    let skipped = realm.realm().games().figures().ticks_skipped;
    let (mut decides, mut last_line, mut settled_kb) = (None::<String>, None::<u64>, None::<u64>);
    let mut lines = 0;
    for number in 0..swaps() {
        let (name, bytes, decided) = file(number);
        let beside = realm.plugin_dir().join(format!("{name}.new"));
        fs::write(&beside, &bytes).unwrap();
        fs::rename(&beside, realm.plugin_dir().join(name)).unwrap();
        // People talk on while the file is looked at, until it has come to work or was refused.
        let version = format!("9.{number}.0");
        eventually(&format!("file {number} of {name} decided about"), async || {
            let said = format!("line number {lines}");
            lines += 1;
            speaker.lobby.say(&said).await.expect("the speaker is connected");
            let line = speaker.lobby.line(DEADLINE).await.expect("the line arrives");
            if let Some(before) = last_line.replace(line.line) {
                assert_eq!(line.line, before + 1, "no line is lost or answered twice");
            }
            let of_old = decides.as_deref().unwrap_or(&said) == line.text;
            let of_new = decided.as_deref() == Some(line.text.as_str());
            assert!(of_old || of_new, "{:?} at swap {number}", line.text);
            let status = realm.realm().rules().status().into_iter().find(|status| status.file == name)?;
            let step = match number % 5 {
                2 => "read: ",
                3 => "start: ",
                _ => return (status.version == version && status.problem.is_none()).then_some(()),
            };
            status.problem.is_some_and(|problem| problem.starts_with(step)).then_some(())
        })
        .await;
        if decided.is_some() {
            decides = decided;
        }
        if number == swaps().min(50) - 1 {
            settled_kb = Some(resident_kb());
        }
    }
    let grown_kb = resident_kb().saturating_sub(settled_kb.expect("there were swaps"));
    let skipped = realm.realm().games().figures().ticks_skipped - skipped;
    println!("{} swaps, {lines} lines, {grown_kb} KiB grown since the first fifty, {skipped} ticks left out", swaps());
    assert!(grown_kb <= settled_kb.unwrap_or_default() / GROWTH_PARTS, "{grown_kb} KiB grown");
    stop.send_replace(true);
    for game in games {
        assert!(game.await.expect("every snapshot followed the one before") > 0);
    }
    // The refused files left a problem, and the rule at work is the last good one.
    let text = realm.realm().rules().lines("chat-filter", 200).into_iter().map(|line| line.text).collect::<Vec<_>>();
    assert!(text.iter().any(|line| line.contains("was refused at step read")), "{text:?}");
    assert!(text.iter().any(|line| line.contains("was refused at step start")), "{text:?}");
    fs::copy(built_plugins().join("chat-filter.wasm"), realm.plugin_dir().join("chat-filter.wasm")).unwrap();
    eventually("the default rule is back", async || {
        let status = realm.realm().rules().status();
        status.iter().any(|status| status.name == "chat-filter" && status.version == "0.1.0").then_some(())
    })
    .await;
    drop(heroes);
    realm.stop().await;
}
