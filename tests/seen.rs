//! What an operator sees of plugins: every figure of theirs on `/metrics`, and one line of the log for each event of their lives.

use std::{fs, net::SocketAddr};

use crate::{
    campaign::Stage,
    commands::notice,
    harness::{DEADLINE, Hero, built_plugins, eventually},
    load::metrics::Metrics,
    rules::components::{Fixture, endless, games_as_they_came, trap},
};

/// What the realm of a stage tells of itself.
pub(crate) fn figures(stage: &Stage) -> Metrics {
    let address = stage.up.banner().split("http://").nth(1).and_then(|rest| rest.split('/').next());
    let address: SocketAddr = address.and_then(|address| address.parse().ok()).expect("the banner names the metrics");
    Metrics::scrape(address)
}

/// A rule that orders games.
fn zealot(version: &str, order: &str) -> Vec<u8> {
    Fixture::new("zealot", version).function("matchmaking", "order", order).build()
}

/// Lets the rules order games until the figures are as wanted.
async fn asked_until(stage: &Stage, hero: &mut Hero, what: &str, seen: impl Fn(&Metrics) -> bool) {
    eventually(what, async || {
        hero.lobby.games("normal").await.expect("a list");
        seen(&figures(stage)).then_some(())
    })
    .await;
}

async fn at_work(stage: &mut Stage, name: &str, version: &str) {
    eventually(&format!("{name} {version} at work"), async || {
        let plugin = stage.plugin(name).await;
        (plugin["version"] == version && plugin["problem"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_of_a_plugin_is_on_metrics() {
    let more = "[plugins]\npermissions = [\"log\", \"metrics\", \"kv\", \"random\", \"realm-info\", \"clock\", \"moderate\"]\n\
                [plugins.overrides.crier.limits]\ncall_deadline_ms = 1000\n";
    let mut stage = Stage::start_with(more);
    stage.put("crier.wasm", &fs::read(built_plugins().join("crier.wasm")).unwrap());
    at_work(&mut stage, "crier", "0.1.0").await;
    let mut ann = stage.hero("Ann").await;
    for number in 1..=3 {
        ann.lobby.say("/count").await.unwrap();
        notice(&mut ann.lobby, "crier", |line| line == format!("That was number {number}.")).await;
    }
    // The realm counts what it has done after it has done it.
    let whispers = r#"realm_plugin_effects_total{plugin="crier",effect="whisper",outcome="done"}"#;
    eventually("three whispers counted", async || (figures(&stage).value(whispers) >= 3.0).then_some(())).await;
    let seen = figures(&stage);
    let value = |figure: &str| {
        let value = seen.value(figure);
        println!("{figure} {value}");
        value
    };
    let is = |figure: &str, wanted: f64| assert!((value(figure) - wanted).abs() < 0.5, "{figure}: {wanted} is wanted");
    is(r#"realm_plugin_calls_total{plugin="crier",function="run"}"#, 3.0);
    is(r#"realm_plugin_call_seconds_count{plugin="crier",function="run"}"#, 3.0);
    is(r#"realm_plugin_call_seconds_bucket{plugin="crier",function="run",le="+Inf"}"#, 3.0);
    assert!(value(r#"realm_plugin_call_seconds_sum{plugin="crier",function="run"}"#) > 0.0);
    is(r#"realm_plugin_verdicts_total{plugin="crier",function="run",verdict="effects"}"#, 3.0);
    is(r#"realm_plugin_effects_total{plugin="crier",effect="whisper",outcome="done"}"#, 3.0);
    is(r#"realm_plugin_info{plugin="crier",version="0.1.0"}"#, 1.0);
    assert!(value(r#"realm_plugin_memory_bytes{plugin="crier"}"#) >= 65_536.0);
    // What the plugin counts itself.
    is(r#"realm_plugin_counter{plugin="crier",name="commands"}"#, 3.0);

    // A trap, and calls that run into their deadline until the breaker opens.
    ann.lobby.say("/stumble").await.unwrap();
    let refused =
        |message: &realm_client::ServerMessage| matches!(message, realm_client::ServerMessage::Error(_)).then_some(());
    ann.lobby.wait_for(DEADLINE, refused).await.expect("the command fails");
    let trapped = figures(&stage).value(r#"realm_plugin_failures_total{plugin="crier",function="run",kind="trap"}"#);
    assert!((trapped - 1.0).abs() < 0.5, "{trapped}");
    stage.put("zealot.wasm", &zealot("1.0.0", &endless()));
    at_work(&mut stage, "zealot", "1.0.0").await;
    let missed = r#"realm_plugin_failures_total{plugin="zealot",function="order",kind="deadline"}"#;
    let open = r#"realm_plugin_breaker_open{plugin="zealot"}"#;
    let both = |seen: &Metrics| seen.value(missed) >= 2.0 && seen.value(open) > 0.5;
    asked_until(&stage, &mut ann, "deadlines missed and an open breaker", both).await;
    // A version that works closes it, and is the one that is shown.
    stage.put("zealot.wasm", &zealot("2.0.0", &games_as_they_came()));
    at_work(&mut stage, "zealot", "2.0.0").await;
    let ordered = r#"realm_plugin_verdicts_total{plugin="zealot",function="order",verdict="ordered"}"#;
    asked_until(&stage, &mut ann, "an order", |seen| seen.value(ordered) > 0.5).await;
    let seen = figures(&stage);
    assert!(seen.value(open) < 0.5);
    assert!(seen.value(r#"realm_plugin_info{plugin="zealot",version="1.0.0"}"#) < 0.5);
    assert!(seen.value(r#"realm_plugin_info{plugin="zealot",version="2.0.0"}"#) > 0.5);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_of_a_plugins_life_is_one_line_of_the_log() {
    let mut stage = Stage::start_with("[plugins]\ntrial_seconds = 3600\n");
    let mut ann = stage.hero("Ann").await;
    stage.put("zealot.wasm", &zealot("1.0.0", &games_as_they_came()));
    at_work(&mut stage, "zealot", "1.0.0").await;
    let ordered = r#"realm_plugin_verdicts_total{plugin="zealot",function="order",verdict="ordered"}"#;
    asked_until(&stage, &mut ann, "an order", |seen| seen.value(ordered) > 0.5).await;
    // A version that fails is gone back from.
    stage.put("zealot.wasm", &zealot("2.0.0", &trap()));
    let back = r#"realm_plugin_rollbacks_total{plugin="zealot",by="failure"}"#;
    asked_until(&stage, &mut ann, "the way back", |seen| seen.value(back) > 0.5).await;
    at_work(&mut stage, "zealot", "1.0.0").await;
    // One that is no plugin is refused.
    stage.put("zealot.wasm", b"no plugin");
    eventually("a refusal", async || stage.plugin("zealot").await["problem"].is_string().then_some(())).await;
    stage.put("zealot.wasm", &zealot("3.0.0", &games_as_they_came()));
    at_work(&mut stage, "zealot", "3.0.0").await;
    for verb in ["disable", "enable"] {
        stage.site.run(&["plugin", verb, "zealot", "--data", "realm-data"]).success();
    }
    fs::remove_file(stage.site.data().join("plugins/zealot.wasm")).unwrap();
    let info = r#"realm_plugin_info{plugin="zealot",version="3.0.0"}"#;
    eventually("the plugin gone", async || (figures(&stage).value(info) < 0.5).then_some(())).await;
    let said = stage.end().await;
    let of_zealot: Vec<&str> = said.lines().filter(|line| line.contains("zealot")).collect();
    for line in &of_zealot {
        println!("{line}");
    }
    for (event, times) in [
        ("plugin zealot 1.0.0 is at work for matchmaking", 1),
        ("plugin zealot 1.0.0 → 2.0.0 is at work for matchmaking", 1),
        ("plugin zealot was rolled back from 2.0.0 to 1.0.0: 2.0.0 kept failing", 1),
        ("plugin file zealot.wasm (no manifest) was refused at step read: ", 1),
        // From its file, and when it is enabled again.
        ("3.0.0 is at work for matchmaking", 2),
        ("plugin zealot 3.0.0 is no longer at work: the operator has disabled it", 1),
        ("the operator ordered: disable zealot", 1),
        ("the operator ordered: enable zealot", 1),
        ("plugin zealot 3.0.0 is no longer at work: zealot.wasm was deleted", 1),
    ] {
        let lines = of_zealot.iter().filter(|line| line.contains(event)).count();
        assert_eq!(lines, times, "{event:?} in\n{}", of_zealot.join("\n"));
    }
}
