//! What a realm has recorded, asked again in a plugin's own tests.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use realm_testkit::{
    Answer, Call, Permission, RecordedCall, Stage, Tape, Verdict,
    bindings::{commands::CommandError, effects::Effect},
    samples,
    tape::{HostAnswer, MAGIC, write_call},
};

fn component(name: &str) -> PathBuf {
    let folder = std::env::var_os("REALM_PLUGINS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"), PathBuf::from);
    folder.join(format!("{name}.wasm"))
}

fn call(plugin: &str, question: Call, host: Vec<HostAnswer>, answer: Option<Answer>) -> RecordedCall {
    let (plugin, version) = (plugin.to_owned(), "0.0.9".to_owned());
    RecordedCall { at_ms: samples::NOW_MS, lane: 0, plugin, version, question, host, answer }
}

/// An evening in which everything passed.
fn evening() -> Vec<RecordedCall> {
    let said = |text: &str, plugin: &str| {
        let question = Call::Filter(samples::line("Anna", text));
        call(plugin, question, Vec::new(), Some(Answer::Verdict(Verdict::Pass)))
    };
    vec![said("hello", "chat-filter"), said("what a fucking mess", "chat-filter"), said("hello", "another")]
}

/// The message with which an assertion fails.
fn message(assertion: impl FnOnce()) -> String {
    *catch_unwind(AssertUnwindSafe(assertion)).expect_err("it fails").downcast::<String>().expect("a sentence")
}

#[test]
fn a_recording_of_a_realm_shows_which_verdicts_differ() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("1.calls");
    let mut bytes = MAGIC.to_vec();
    for call in evening() {
        write_call(&mut bytes, &call).unwrap();
    }
    fs::write(&file, &bytes).unwrap();
    let tape = Tape::of_file(&file);
    assert_eq!(tape.len(), 3);
    let replayed = Stage::of_file(component("chat-filter")).expect(Permission::Log).replay(&tape);
    let report = replayed.report();
    assert_eq!((report.calls, report.others, report.different, report.unexpected), (2, 1, 1, 0), "{report:?}");
    let other = &replayed.differences()[0];
    assert_eq!((other.index, &other.before), (1, &Some(Answer::Verdict(Verdict::Pass))));
    assert!(matches!(&other.now, Ok(Answer::Verdict(Verdict::Replace(text))) if text.contains("****")), "{other:?}");
    // The contract gives it 20 ms a line.
    replayed.assert_within_ms(20);
    let said = message(|| replayed.assert_within_ms(0));
    assert!(said.contains("filter: uses 0.") && said.contains("its budget is 0 ms"), "{said}");
    let said = message(|| replayed.assert_alike());
    assert!(said.contains("answers 1 of 2 calls otherwise") && said.contains("call 1, filter by 0.0.9"), "{said}");

    fs::write(&file, b"something else").unwrap();
    assert!(Tape::open(&file).unwrap_err().to_string().contains("is no recording"));
    let said = message(|| drop(Stage::of_file(component("ladder")).replay(&tape)));
    assert!(said.contains("holds no call of ladder 0.1.0, but 3 of other plugins"), "{said}");
}

#[test]
fn what_the_recording_does_not_know_is_unexpected() {
    let stage = || Stage::of_file(component("examples/word-game"));
    let question = || Call::RunCommand(samples::caller("Anna"), "word".to_owned(), Vec::new());
    let refused = Some(Answer::Ran(Err(CommandError::Refused("not now".to_owned()))));
    // The version before threw no dice.
    let before = Tape::of_calls(vec![call("word-game", question(), Vec::new(), refused)]);
    let replayed = stage().replay(&before);
    assert!(replayed.unexpected().iter().all(|it| it.permission == Permission::Random), "{replayed:?}");
    let said = message(|| replayed.assert_expected());
    assert!(said.contains("`random, 2 bytes` in call 0") && said.contains("`.expect(…)` for `random`"), "{said}");
    stage().expect(Permission::Random).replay(&before).assert_expected();

    // With the dice that fell then, the same round begins; how many it throws is its own affair.
    let dice = |bytes: [u8; 2]| vec![HostAnswer::Random(bytes.to_vec()); 200];
    let first = |bytes: [u8; 2]| {
        let replayed = stage().replay(&Tape::of_calls(vec![call("word-game", question(), dice(bytes), None)]));
        replayed.assert_expected();
        let Ok(Answer::Ran(Ok(effects))) = &replayed.differences()[0].now else { panic!("{replayed:?}") };
        let Effect::Say(say) = &effects[0] else { panic!("{effects:?}") };
        say.text.clone()
    };
    let round = first([0, 3]);
    assert!(round.starts_with("Anna asks: which word is "), "{round}");
    let answer = Answer::Ran(Ok(vec![Effect::Say(realm_testkit::bindings::effects::Say {
        channel: "Trade".to_owned(),
        text: round,
    })]));
    let again = Tape::of_calls(vec![call("word-game", question(), dice([0, 3]), Some(answer))]);
    stage().replay(&again).assert_alike();
}
