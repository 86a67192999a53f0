//! Every function of every hook, whatever its plugin does: the declared policy answers, or the one that the operator has tightened.

use super::{
    ChatVerdict, Policies, Settings,
    components::{Fixture, endless, one_finding, trap, with_text},
    tests::{Stage, acts, character, game, line, player, sheet},
};

/// Function, its interface, a body of nonsense, and what is answered: as declared, and when it is closed.
struct Row {
    function: &'static str,
    interface: &'static str,
    nonsense: String,
    failing: [&'static str; 2],
    missing: [&'static str; 2],
}

fn row(
    (interface, function): (&'static str, &'static str),
    nonsense: String,
    failing: [&'static str; 2],
    missing: [&'static str; 2],
) -> Row {
    Row { function, interface, nonsense, failing, missing }
}

fn table() -> Vec<Row> {
    // A list of 201 keys.
    let many = "(i32.store (i32.const 16) (i32.const 32768)) (i32.store offset=4 (i32.const 16) (i32.const 201)) (i32.const 16)";
    let open_then_closed = |open, closed| [open, closed];
    let admit = open_then_closed("admitted", "not admitted");
    let order = open_then_closed("the newest first", "none");
    let sheet = open_then_closed("faultless", "refused");
    let acts = open_then_closed("go on", "held back");
    vec![
        row(("chat-filter", "filter"), with_text(1, 0), ["held back"; 2], ["passed", "held back"]),
        row(("matchmaking", "admit"), with_text(1, 0), admit, admit),
        row(("matchmaking", "order"), many.to_owned(), order, order),
        row(("ladder", "score"), "(i64.const -1)".to_owned(), ["kept"; 2], ["kept"; 2]),
        row(("anti-cheat", "check-character"), one_finding(7, 2), sheet, sheet),
        row(("anti-cheat", "check-actions"), one_finding(7, 2), acts, acts),
    ]
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
        "check-character" => match &hooks.check_character(sheet()).await[..] {
            [] => "faultless",
            [finding] if finding.refuse => "refused",
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

#[tokio::test(flavor = "multi_thread")]
async fn every_function_answers_with_its_policy_whatever_its_plugin_does() {
    for Row { function, interface, nonsense, failing, missing } in table() {
        for (place, closed) in [(0, Vec::new()), (1, vec![function])] {
            let policies = Policies::closing(closed).unwrap();
            for (what, body) in [
                ("a trap", Some(trap())),
                ("a time-out", Some(endless())),
                ("nonsense", Some(nonsense.clone())),
                ("a missing plugin", None),
            ] {
                let stage = Stage::with(Settings { policies, ..Settings::default() });
                let wanted = if body.is_some() { failing[place] } else { missing[place] };
                if let Some(body) = body {
                    stage.install(
                        "f.wasm",
                        &Fixture::new("f", "1.0.0").function(interface, function, &body).build(),
                        &[],
                    );
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
