//! What plugins remember beyond their instances, when the realm is killed in the middle of it and at the edge of the quota, with the
//! plugin `crier`, which puts piles of coins by.

use std::fs;

use realm_client::{Door, Lobby, ServerMessage};

use crate::{
    campaign::Stage,
    commands::{log_in, notice, refused, with_crier},
    harness::{DEADLINE, built_plugins, eventually},
    seen::figures,
};

/// Piles of a round.
const PILES: u32 = 100;
/// So many of them have reached the disk when the realm is killed, at least.
const KEPT: u32 = 30;

/// How often the realm is killed.
fn rounds() -> u8 {
    if std::env::var_os("REALM_TEST_LONG").is_some() { 50 } else { 3 }
}

async fn hoard(lobby: &mut Lobby, number: u32, stamp: u8) {
    lobby.say(&format!("/hoard {number} {stamp}")).await.unwrap();
    notice(lobby, "crier", |line| line == format!("Pile {number} is put by.")).await;
}

/// How many piles there are, how many of them are not of one round, and up to which number they are of this one.
async fn piles(lobby: &mut Lobby, stamp: u8) -> [u32; 3] {
    lobby.say(&format!("/piles {stamp}")).await.unwrap();
    let told = notice(lobby, "crier", |line| line.contains(" piles, ")).await;
    let numbers = told.lines[0].split([' ', ',', '.']).filter_map(|word| word.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    let [count, mixed, of_stamp, up_to] = numbers[..] else { panic!("{told:?}") };
    assert_eq!(of_stamp, u32::from(stamp));
    [count, mixed, up_to]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_is_killed_in_the_middle_of_writes_keeps_what_was_written_and_nothing_by_halves() {
    let more = "[plugins]\npermissions = [\"log\", \"metrics\", \"kv\", \"random\", \"realm-info\", \"moderate\"]\n";
    let mut stage = Stage::start_with(more);
    stage.put("crier.wasm", &fs::read(built_plugins().join("crier.wasm")).unwrap());
    drop(stage.hero("Ann").await);
    for round in 1..=rounds() {
        let at_work = "the crier at work";
        eventually(at_work, async || (stage.plugin("crier").await["version"] == "0.1.0").then_some(())).await;
        let mut ann = stage.player("Ann").await.lobby(Door::Frames).await;
        // From here on writes go on without a pause, until the first of them are known to be on the disk.
        let written = || figures(&stage).value(r#"realm_plugin_kv_written_total{plugin="crier"}"#);
        let mut number = 0;
        while number < PILES && (number < KEPT || written() < 1.0) {
            number += 1;
            hoard(&mut ann, number, round).await;
        }
        let enough = async || (written() >= f64::from(KEPT)).then_some(());
        eventually("piles on the disk", enough).await;
        // In key order they reach the disk, so that many at least are the first ones.
        let kept = written();
        for number in number + 1..=PILES {
            ann.say(&format!("/hoard {number} {round}")).await.unwrap();
        }
        let site = stage.kill();
        stage = Stage::on(site);
        eventually(at_work, async || (stage.plugin("crier").await["version"] == "0.1.0").then_some(())).await;
        let mut ann = stage.player("Ann").await.lobby(Door::Frames).await;
        let [count, mixed, up_to] = piles(&mut ann, round).await;
        println!("round {round}: {kept} piles known to be written, {up_to} found, of {count}");
        assert_eq!(mixed, 0, "every value is whole");
        assert!(f64::from(up_to) >= kept, "{up_to} of {kept}");
        // The next round writes over all of them.
        for number in 1..=PILES {
            hoard(&mut ann, number, round).await;
        }
        ann.close().await.unwrap();
        let site = stage.end_for_good().await;
        stage = Stage::on(site);
    }
    let mut ann = stage.player("Ann").await.lobby(Door::Frames).await;
    eventually("the crier at work", async || (stage.plugin("crier").await["version"] == "0.1.0").then_some(())).await;
    assert_eq!(piles(&mut ann, rounds()).await, [PILES, 0, PILES], "a stop in good order loses nothing");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_keeps_as_much_as_its_quota_and_not_a_byte_more() {
    // A key has eleven bytes. Three piles of 1,000 bytes and one of 956 are 4,000 bytes to the byte.
    let realm = with_crier(|config| {
        let crier = config.plugins.overrides.entry("crier".to_owned()).or_default();
        crier.limits.kv_bytes_max = 4_000;
    })
    .await;
    let mut ann = realm.player("Ann").await.lobby(Door::Frames).await;
    for number in 1..=3 {
        ann.say(&format!("/hoard {number} 7 1000")).await.unwrap();
        notice(&mut ann, "crier", |line| line == format!("Pile {number} is put by.")).await;
    }
    let (code, sentence) = refused(&mut ann, "/hoard 4 7 957").await;
    assert!(code == "COMMAND_FAILED" && sentence.to_lowercase().contains("quota"), "{code} {sentence}");
    ann.say("/hoard 4 7 956").await.unwrap();
    notice(&mut ann, "crier", |line| line == "Pile 4 is put by.").await;
    assert_eq!(refused(&mut ann, "/hoard 5 7 0").await.0, "COMMAND_FAILED");
    assert_eq!(refused(&mut ann, "/hoard 4 7 957").await.0, "COMMAND_FAILED");
    assert_eq!(piles(&mut ann, 7).await, [4, 0, 4], "what was refused has changed nothing");
    // What goes makes room, and what was refused is not there after a restart, either.
    ann.say("/spend 2").await.unwrap();
    notice(&mut ann, "crier", |line| line == "Pile 2 is spent.").await;
    ann.say("/hoard 5 7 1000").await.unwrap();
    notice(&mut ann, "crier", |line| line == "Pile 5 is put by.").await;
    let answered = |message: &ServerMessage| matches!(message, ServerMessage::Error(_)).then_some(());
    ann.say("/hoard 6 7 0").await.unwrap();
    ann.wait_for(DEADLINE, answered).await.expect("the quota is reached again");
    ann.close().await.unwrap();
    let realm = realm.restart().await;
    let mut ann = log_in(&realm, "Ann").await;
    assert_eq!(piles(&mut ann, 7).await, [4, 0, 1]);
    realm.stop().await;
}
