//! Eight plugins that mean harm, at once, in a realm where people play: each is stopped and named, and nobody else notices.

use std::{fs, time::Instant};

use serde_json::Value;

use crate::{campaign::Stage, harness::eventually, rules::components};

#[allow(dead_code, reason = "shared with the tests of the plugin host")]
#[path = "../host/plugin-host/tests/it/hostile_guests.rs"]
pub(crate) mod guests;

/// What one of them may cost in memory.
const GROWTH_BYTES_MAX: u64 = 32 << 20;
/// What the realm may write to its log in a second.
const LOG_BYTES_PER_SECOND_MAX: u64 = 30_000;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_plugins_that_mean_harm_harm_nobody() {
    let mut stage = Stage::start();
    let mut heroes = Vec::new();
    for name in ["Ann", "Bob", "Cleo"] {
        let mut hero = stage.hero(name).await;
        stage.plays(&mut hero, &format!("Cellar of {name}")).await;
        hero.lobby.join_channel("Town Square").await.unwrap();
        heroes.push(hero);
    }
    let (before, began) = (stage.resident_bytes(), Instant::now());
    let guests = guests::all();
    assert_eq!(guests.len(), 8);
    for guest in &guests {
        stage.put(&format!("{}.wasm", guest.name), &guest.bytes);
    }
    stage.put("start-trap.wasm", &guests::trap_at_start());
    for guest in &guests {
        // Their players go on walking, so every tick asks every one of them; a line of chat does now and then.
        let plugin = eventually(&format!("{} is found out", guest.name), async || {
            for hero in &mut heroes {
                let _ = hero.lobby.say("good morning").await;
            }
            let plugin = stage.plugin(guest.name).await;
            let harmless = guest.ends.contains(&"");
            let (calls, failures) = (number(&plugin["calls"]), number(&plugin["failures"]));
            (calls > 0 && (harmless || failures > 0)).then_some(plugin)
        })
        .await;
        println!(
            "{:<18} {:>6} calls {:>6} failures {:>5} replaced  {}",
            guest.name,
            number(&plugin["calls"]),
            number(&plugin["failures"]),
            number(&plugin["instances_replaced"]),
            plugin["last_failure"].as_str().unwrap_or("-"),
        );
        if !guest.ends.contains(&"") {
            let failure = plugin["last_failure"].as_str().expect("it says of what it failed");
            assert!(
                failure.contains(guest.says) || failure.contains("CPU") || failure.contains("took longer"),
                "{failure}"
            );
        }
    }
    let refused = eventually("the trap at the start is refused", async || {
        stage.plugin("start-trap").await["problem"].as_str().map(str::to_owned)
    })
    .await;
    assert!(refused.starts_with("start: "), "{refused}");
    // The rules that mean well are as ever.
    for name in ["anti-cheat", "ladder", "matchmaking"] {
        let plugin = stage.plugin(name).await;
        assert_eq!(
            (plugin["state"].as_str(), plugin["breaker_pause_ms"].as_u64()),
            (Some("at-work"), Some(0)),
            "{plugin}"
        );
    }
    let grown = stage.resident_bytes().saturating_sub(before);
    println!("the process has grown by {} KiB", grown >> 10);
    assert!(grown <= GROWTH_BYTES_MAX * guests.len() as u64, "{grown} bytes");
    // When they are gone, everything is as before: the next line is heard.
    for file in guests.iter().map(|guest| guest.name).chain(["start-trap"]) {
        fs::remove_file(stage.site.data().join("plugins").join(format!("{file}.wasm"))).unwrap();
    }
    for guest in &guests {
        eventually(&format!("{} is gone", guest.name), async || {
            (stage.plugin(guest.name).await["code"] == "PLUGIN_UNKNOWN").then_some(())
        })
        .await;
    }
    let mut newcomer = stage.hero("Dora").await;
    newcomer.lobby.join_channel("Town Square").await.unwrap();
    newcomer.lobby.say("a fine evening").await.unwrap();
    eventually("the line is heard", async || {
        let line = newcomer.lobby.line(crate::harness::DEADLINE).await.ok()?;
        (line.account == "Dora" && line.text == "a fine evening").then_some(())
    })
    .await;
    let seconds = began.elapsed().as_secs() + 2;
    let said = stage.end().await;
    println!("{} bytes of log in {seconds} s", said.len());
    assert!(said.len() as u64 <= LOG_BYTES_PER_SECOND_MAX * seconds, "{} bytes of log in {seconds} s", said.len());
}
