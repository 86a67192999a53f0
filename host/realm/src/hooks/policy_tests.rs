//! Every function of every hook, whatever its plugin does: the declared policy answers, or the one that the operator has tightened.

use std::sync::Arc;

use realm_plugin_host::bindings::{anti_cheat, ladder, matchmaking};

use super::{
    ChatVerdict, CommandCall, CommandRefused, Formed, Happening, HappeningKind, OWN_COMMANDS, Policies, Role, Settings,
    components::{Fixture, empty_list, endless, experience_plus, one_finding, replacing, trap, with_text},
    figures::Function,
    tests::{Stage, acts, character, game, line, player, sheet},
};
use crate::types::{AccountId, AccountName};

/// Function, its interface, a sound body, a body of nonsense (where nonsense can be said), and what is answered when there is no
/// answer: as declared, and when it is closed.
struct Row {
    function: &'static str,
    interface: &'static str,
    sound: String,
    nonsense: Option<String>,
    failing: [&'static str; 2],
    missing: [&'static str; 2],
}

fn row(
    (interface, function): (&'static str, &'static str),
    (sound, nonsense): (String, Option<String>),
    failing: [&'static str; 2],
    missing: [&'static str; 2],
) -> Row {
    Row { function, interface, sound, nonsense, failing, missing }
}

/// Body that answers a list of `count` things of zeros, but for what `fill` writes at its address 128.
fn list(count: u32, fill: &str) -> String {
    format!(
        "{fill} (i32.store (i32.const 16) (i32.const 128)) (i32.store offset=4 (i32.const 16) (i32.const {count})) \
         (i32.const 16)"
    )
}

/// Stores the fixture's text of so many bytes at an address.
fn text_at(address: u32, length: u32) -> String {
    let length_at = address + 4;
    format!(
        "(i32.store (i32.const {address}) (i32.const 64)) (i32.store (i32.const {length_at}) (i32.const {length})) "
    )
}

/// Body of `run` that refuses with the fixture's text.
fn run_refuses(length: u32) -> String {
    let text = text_at(24, length);
    format!("(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 20) (i32.const 1)) {text} (i32.const 16)")
}

/// Body of `handle` that announces the fixture's text.
fn announcing(length: u32) -> String {
    list(1, &format!("(i32.store8 (i32.const 128) (i32.const 2)) {}", text_at(136, length)))
}

fn table() -> Vec<Row> {
    let many = || Some(list(201, ""));
    let admit = ["admitted", "not admitted"];
    let order = ["the newest first", "none"];
    let sheet = ["faultless", "refused"];
    let acts = ["go on", "held back"];
    let (waiting, season) = (["go on waiting"; 2], ["goes on"; 2]);
    let (not_run, unheard) = (["did not work"; 2], ["not heard"; 2]);
    // One match of the first ticket, an award for the first of the season, one command.
    let matched = list(
        1,
        "(i32.store (i32.const 160) (i32.const 0)) (i32.store (i32.const 128) (i32.const 160)) \
         (i32.store (i32.const 132) (i32.const 1))",
    );
    let awarded = list(1, &format!("(i32.store (i32.const 128) (i32.const 0)) {}", text_at(132, 2)));
    let listed = list(1, &format!("{}{}", text_at(128, 2), text_at(136, 2)));
    vec![
        row(
            ("chat-filter", "filter"),
            (with_text(2, 2), Some(with_text(1, 0))),
            ["held back"; 2],
            ["passed", "held back"],
        ),
        row(("matchmaking", "admit"), (with_text(1, 2), Some(with_text(1, 0))), admit, admit),
        row(("matchmaking", "order"), (empty_list(), many()), order, order),
        row(("matchmaking", "form"), (matched, many()), waiting, ["the realm's own way"; 2]),
        row(("ladder", "score"), (experience_plus(1), Some("(i64.const -1)".to_owned())), ["kept"; 2], ["kept"; 2]),
        row(("ladder", "season-end"), (awarded, many()), season, ["nothing is given"; 2]),
        row(("anti-cheat", "check-character"), (one_finding(0, 2), Some(one_finding(7, 2))), sheet, sheet),
        row(("anti-cheat", "check-actions"), (one_finding(0, 2), Some(one_finding(7, 2))), acts, acts),
        row(("anti-cheat", "check-item"), (one_finding(0, 10), Some(one_finding(7, 10))), sheet, sheet),
        row(("commands", "list-commands"), (listed, many()), ["as they were"; 2], ["as they were"; 2]),
        row(("commands", "run"), (run_refuses(2), Some(run_refuses(0))), not_run, ["unknown"; 2]),
        row(("events", "interests"), ("(i32.const 255)".to_owned(), None), unheard, unheard),
        row(("events", "handle"), (announcing(2), Some(announcing(0))), ["left out"; 2], ["left out"; 2]),
    ]
}

/// A plugin whose function does this; what it needs beside it to be asked works.
fn plugin(interface: &'static str, function: &'static str, body: &str) -> Vec<u8> {
    let fixture = Fixture::new("f", "1.0.0").text("no").function(interface, function, body);
    let listed = list(1, &format!("{}{}", text_at(128, 2), text_at(136, 2)));
    let fixture = match function {
        "run" => fixture.function("commands", "list-commands", &listed),
        "handle" => fixture.function("events", "interests", "(i32.const 255)"),
        _ => fixture,
    };
    fixture.build()
}

fn call(name: &str) -> CommandCall {
    CommandCall {
        account: AccountId::from_raw(7),
        account_name: AccountName::new("Ann").unwrap(),
        role: Role::Player,
        character: None,
        now_ms: 1,
        name: name.to_owned(),
        tail: String::new(),
        online: Arc::new(|_| None),
    }
}

fn ring() -> anti_cheat::Item {
    let affix = anti_cheat::Affix { name: "all-skills".to_owned(), value: 2, value_min: 1, value_max: 1 };
    let base_type = "ring".to_owned();
    anti_cheat::Item { id: 1, base_type, quality: anti_cheat::Quality::Rare, affixes: vec![affix] }
}

fn ticket(id: u64) -> matchmaking::Ticket {
    matchmaking::Ticket { id, player: player(1), difficulty: matchmaking::Difficulty::Normal, waited_ms: 1 }
}

fn season() -> ladder::Season {
    ladder::Season { number: 1, name: "Summer".to_owned(), began_ms: 1, ended_ms: 2 }
}

fn standing(rank: u32) -> ladder::Standing {
    ladder::Standing { rank, character: character(), score: 1 }
}

/// Asks the general lane something that does not matter: what it had to do before is done.
async fn settle(stage: &Stage) {
    stage.install("settle.wasm", &replacing("settle", "1.0.0", "settled"), &[]);
    stage.hooks.filter_chat(line("settle")).await;
}

/// What a question is answered with, in a word.
async fn answer(stage: &Stage, function: &str) -> &'static str {
    let hooks = &stage.hooks;
    match function {
        "filter" => match hooks.filter_chat(line("hello")).await {
            ChatVerdict::Approved(text) if text.as_str() == "hello" => "passed",
            ChatVerdict::Unjudged(_) => "held back",
            _ => "something else",
        },
        "admit" => match hooks.admit(player(1), game(1)).await {
            Ok(()) => "admitted",
            Err(sentence) if sentence.ends_with('.') => "not admitted",
            Err(_) => "something else",
        },
        "order" => match hooks.order_games(player(1), vec![game(1), game(2)]).await[..] {
            [2, 1] => "the newest first",
            [] => "none",
            _ => "something else",
        },
        "score" => {
            if hooks.score(character()).await.is_err() {
                "kept"
            } else {
                "something else"
            }
        }
        "form" => match hooks.form_matches(vec![ticket(1)], 1).await {
            Formed::NoAnswer => "go on waiting",
            Formed::NoRule => "the realm's own way",
            Formed::Matches(_) => "something else",
        },
        "season-end" => match hooks.season_end(season(), vec![standing(1)]).await {
            Err(_) => "goes on",
            Ok(awards) if awards.is_empty() => "nothing is given",
            Ok(_) => "something else",
        },
        "check-item" => match &hooks.check_item(ring(), anti_cheat::ItemOccasion::Trade).await.0[..] {
            [] => "faultless",
            [finding] if finding.refuse && matches!(finding.violation, anti_cheat::Violation::Other(_)) => "refused",
            _ => "something else",
        },
        "list-commands" => {
            let lines = hooks.explain_commands(None).await.map_or(0, |lines| lines.len());
            if lines == OWN_COMMANDS.len() { "as they were" } else { "something else" }
        }
        "run" => match hooks.run_command(call("no")).await {
            Err(CommandRefused::Failed | CommandRefused::Busy) => "did not work",
            Err(CommandRefused::Unknown { .. }) => "unknown",
            _ => "something else",
        },
        "interests" => {
            settle(stage).await;
            if hooks.happenings().wants(HappeningKind::LogIn) { "something else" } else { "not heard" }
        }
        "handle" => {
            settle(stage).await;
            let account = AccountId::from_raw(7);
            hooks.happenings().roll().log_in(account, "Ann", false);
            hooks.happenings().tell(account, Happening::LogIn);
            settle(stage).await;
            let acts = hooks.happenings().take_acts().and_then(|mut acts| acts.try_recv().ok());
            if acts.is_some() { "something else" } else { "left out" }
        }
        "check-character" => match &hooks.check_character(sheet()).await[..] {
            [] => "faultless",
            [finding] if finding.refuse && matches!(finding.violation, anti_cheat::Violation::Other(_)) => "refused",
            _ => "something else",
        },
        "check-actions" => {
            let mut lane = hooks.tick_lane();
            let verdicts = lane.check_actions(&acts(1));
            match (verdicts.findings.is_empty(), verdicts.held_back) {
                (true, false) => "go on",
                (true, true) => "held back",
                _ => "something else",
            }
        }
        other => panic!("{other} has no row"),
    }
}

#[test]
fn every_function_has_its_row() {
    let mut rows: Vec<&str> = table().iter().map(|row| row.function).collect();
    let mut functions: Vec<&str> = Function::ALL.into_iter().map(Function::as_str).collect();
    rows.sort_unstable();
    functions.sort_unstable();
    assert_eq!(rows, functions, "each function of a hook has one row in the table of policies");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_answers_with_its_policy_whatever_its_plugin_does() {
    for Row { function, interface, sound, nonsense, failing, missing } in table() {
        let stage = Stage::new();
        stage.install("f.wasm", &plugin(interface, function, &sound), &[]);
        let mut answered = answer(&stage, function).await;
        // On a machine that stands still for half a second even a sound plugin answers too late.
        for _ in 0..5 {
            if ![failing[0], missing[0]].contains(&answered) {
                break;
            }
            answered = answer(&stage, function).await;
        }
        assert!(
            ![failing[0], missing[0]].contains(&answered),
            "{function} is answered when its plugin works: {answered}"
        );
        for (place, closed) in [(0, Vec::new()), (1, vec![function])] {
            let policies = Policies::closing(closed).unwrap();
            let failures = [("a trap", Some(trap())), ("a time-out", Some(endless())), ("nonsense", nonsense.clone())];
            let failures = failures.into_iter().filter(|(_, body)| body.is_some());
            for (what, body) in failures.chain([("a missing plugin", None)]) {
                let stage = Stage::with(Settings { policies, ..Settings::default() });
                let wanted = if body.is_some() { failing[place] } else { missing[place] };
                if let Some(body) = body {
                    stage.install("f.wasm", &plugin(interface, function, &body), &[]);
                }
                // The second time its instance may have died, and the next may not be there.
                for time in 1..=2 {
                    assert_eq!(answer(&stage, function).await, wanted, "{function}, {what}, time {time}, {policies:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_instance_that_answers_nonsense_again_and_again_is_replaced() {
    let stage = Stage::new();
    // Its first five answers are nonsense, and an instance that is made anew begins to count again.
    stage.install("f.wasm", &Fixture::new("f", "1.0.0").admit(&with_text(1, 0)).build(), &[]);
    for _ in 0..20 {
        assert_eq!(stage.hooks.admit(player(1), game(1)).await, Ok(()));
    }
    assert!(stage.replaced() >= 1);
}
