//! Calls are recorded as they were, and another version is asked the same.

use std::{fs, path::Path, sync::Arc, time::Duration};

use realm_plugin_host::{
    Host, Limits,
    bindings::{anti_cheat, kv::KvError},
    tape::{Answer, AsRecorded, HostAnswer, Question, Reader, RecordedCall, Report, TapeError, ask_again},
};

use super::{FOLDER, Recorder, Recording};
use crate::hooks::{
    Settings,
    components::{Fixture, RETURNED, empty_list, experience_plus, no_kinds, one_finding, replacing, with_text},
    tests::{Stage, acts, approved, character, game, line, player},
};

/// Asks a component everything that a file holds; with it whether the file ends in the middle of a call.
fn replay_calls(file: &Path, with: &[u8]) -> Result<(Report, bool), TapeError> {
    let mut tape = Reader::open(file)?;
    let host = Host::new(Limits::unhurried(), None).unwrap();
    let services = Arc::new(AsRecorded::default());
    let plugin = host.load(with, services.clone()).unwrap();
    let report = ask_again(tape.by_ref(), &plugin, &services, "{}").unwrap();
    Ok((report, tape.was_cut_off()))
}

/// Waits until a file holds so many whole calls; gives them. The thread that writes is told to end by the end of the realm.
fn written(file: &Path, calls: usize) -> Vec<RecordedCall> {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let found: Vec<RecordedCall> = Reader::open(file).map(Iterator::collect).unwrap_or_default();
        if found.len() >= calls {
            return found;
        }
        assert!(std::time::Instant::now() < deadline, "only {} of {calls} calls were written", found.len());
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_recording_shows_what_a_new_version_decides_otherwise() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join(FOLDER);
    let recorder = Recorder::start(Recording { folder: folder.clone(), bytes_max: 1 << 20 }).unwrap();
    let stage = Stage::with(Settings { recorder: Some(recorder), ..Settings::default() });
    // Blocks lines of five bytes with dice and the time in hand; the host's answers are part of the recording.
    let picky = |length: u32| {
        let body = format!(
            "(drop (call $get_u64)) (drop (call $now_ms)) \
             (if (result i32) (i32.eq (local.get $length) (i32.const {length})) (then {}) (else {}))",
            with_text(2, 2),
            with_text(0, 0)
        );
        Fixture::new("f", "1.0.0")
            .text("no")
            .import("random")
            .import("clock")
            .permit("random")
            .permit("clock")
            .filter(&body)
    };
    let id = stage.install("f.wasm", &picky(5).build(), &[]);
    stage.install("g.wasm", &replacing("g", "1.0.0", "g"), &[]);
    for text in ["hello", "good day", "good evening"] {
        stage.hooks.filter_chat(line(text)).await;
    }
    let mut lane = stage.hooks.tick_lane();
    lane.check_actions(&acts(1));
    assert_eq!(stage.hooks.admit(player(1), game(1)).await, Ok(()), "nobody is asked, and nothing recorded");
    assert_eq!(stage.hooks.filter_chat(line("after")).await, super::super::ChatVerdict::Blocked("no".to_owned()));
    assert!(stage.observed(id).calls() == 4);
    drop((lane, stage));
    let file = folder.join("1.calls");
    assert_eq!(written(&file, 6).len(), 6);
    let (found, cut_off) = replay_calls(&file, &picky(5).build()).unwrap();
    assert_eq!((found.calls, found.others, found.different, found.unexpected, cut_off), (4, 2, 0, 0, false));
    let (found, _) = replay_calls(&file, &picky(8).build()).unwrap();
    assert_eq!((found.calls, found.different, found.times.len()), (4, 3, 4), "{found:?}");
    assert!(matches!(&found.shown[0].question, Question::Filter(line) if line.text == "hello"), "{found:?}");
    // What is no recording says so.
    let wasm = place.path().join("same.wasm");
    fs::write(&wasm, picky(5).build()).unwrap();
    let error = replay_calls(&wasm, &picky(5).build()).unwrap_err();
    assert!(error.to_string().contains("is no recording"), "{error}");
}

#[tokio::test]
async fn every_hook_is_recorded_with_what_the_host_answered() {
    let place = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(Recording { folder: place.path().to_owned(), bytes_max: 1 << 20 }).unwrap();
    let stage = Stage::with(Settings { recorder: Some(recorder), ..Settings::default() });
    let key = "(i32.const 64) (i32.const 3)";
    let asking = format!(
        "(call $kv_set {key} (i32.const 64) (i32.const 1) {RETURNED}) (call $kv_get {key} {RETURNED}) \
         (drop (call $players_online)) {}",
        one_finding(0, 10)
    );
    let rule = Fixture::new("all", "1.0.0")
        .text("key")
        .import("kv")
        .import("realm-info")
        .permit("kv")
        .permit("realm-info")
        .function("anti-cheat", "check-item", &asking)
        .function("matchmaking", "form", &empty_list())
        .function("ladder", "score", &experience_plus(1))
        .function("events", "interests", &no_kinds());
    stage.install("all.wasm", &rule.build(), &[]);
    let item = anti_cheat::Item {
        id: 1,
        base_type: "ring".to_owned(),
        quality: anti_cheat::Quality::Rare,
        affixes: Vec::new(),
    };
    stage.hooks.check_item(item, anti_cheat::ItemOccasion::Trade).await;
    stage.hooks.form_matches(Vec::new(), 1).await;
    stage.hooks.score(character()).await.unwrap();
    drop(stage);

    let file = place.path().join("1.calls");
    let calls = written(&file, 4);
    let functions: Vec<_> = calls.iter().map(|call| call.question.function()).collect();
    for function in ["interests", "check-item", "form", "score"] {
        assert!(functions.contains(&function), "{function} is not among {functions:?}");
    }
    let of_item = calls.iter().find(|call| call.question.function() == "check-item").unwrap();
    assert!(matches!(&of_item.answer, Some(Answer::Findings(found)) if found.len() == 1), "{of_item:?}");
    // This realm keeps nothing, and says so; that is an answer, too.
    let kept = KvError::Other("this realm keeps nothing".to_owned());
    let (key, set) = ("key".to_owned(), Err(kept.clone()));
    let wanted = [
        HostAnswer::Changed { key: key.clone(), outcome: set },
        HostAnswer::Value { key, value: Err(kept) },
        HostAnswer::PlayersOnline(0),
    ];
    assert_eq!(of_item.host, wanted);
    let (report, _) = replay_calls(&file, &rule.build()).unwrap();
    assert_eq!((report.different, report.unexpected), (0, 0), "{report:?}");
}

#[tokio::test]
async fn a_recording_keeps_within_its_bytes_and_loses_its_oldest_part() {
    let place = tempfile::tempdir().unwrap();
    let recording = Recording { folder: place.path().to_owned(), bytes_max: 16 << 10 };
    let recorder = Recorder::start(recording).unwrap();
    let stage = Stage::with(Settings { recorder: Some(recorder), ..Settings::default() });
    stage.install("f.wasm", &replacing("f", "1.0.0", "one"), &[]);
    let files = || -> Vec<(String, u64)> {
        let entries = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap());
        // A part may be deleted while it is looked at.
        let sizes = entries.filter_map(|entry| Some((entry.file_name(), entry.metadata().ok()?.len())));
        sizes.map(|(name, bytes)| (name.into_string().unwrap(), bytes)).collect()
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while files().len() < 4 || files().iter().any(|(name, _)| name == "1.calls") {
        assert!(std::time::Instant::now() < deadline, "{:?}", files());
        // When the writing thread has no time, calls are left out; so there are more of them.
        assert_eq!(stage.hooks.filter_chat(line("a line that is written down")).await, approved("one", true));
    }
    drop(stage);
    assert!(files().iter().map(|(_, bytes)| bytes).sum::<u64>() <= 16 << 10, "{:?}", files());
}
