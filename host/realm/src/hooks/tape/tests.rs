//! Calls are recorded as they were, and another version is asked the same.

use std::{fs, time::Duration};

use super::{FOLDER, Recorder, Recording, replay_calls};
use crate::hooks::{
    Settings,
    components::{Fixture, replacing, with_text},
    tests::{Stage, acts, approved, game, line, player},
};

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
    let write = |name: &str, bytes: &[u8]| {
        fs::write(place.path().join(name), bytes).unwrap();
        place.path().join(name)
    };
    let same = write("same.wasm", &picky(5).build());
    let other = write("other.wasm", &picky(8).build());
    let report = |with| replay_calls(&file, with, |_| "{}".to_owned()).unwrap();
    // The thread that writes is told to end by the end of the realm.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let written = || {
        let found = replay_calls(&file, &same, |_| "{}".to_owned());
        found.is_ok_and(|found| found.calls == 4 && found.others == 2 && !found.cut_off)
    };
    while !written() {
        assert!(std::time::Instant::now() < deadline, "not everything was written");
        std::thread::yield_now();
    }
    let found = report(&same);
    assert_eq!((found.calls, found.others, found.different, found.cut_off), (4, 2, 0, false));
    let found = report(&other);
    assert_eq!((found.calls, found.different), (4, 3), "{found:?}");
    assert!(found.shown[0].question.contains("hello") && found.shown[0].now.contains("Pass"), "{found:?}");
    // What is no recording says so.
    let error = replay_calls(&same, &other, |_| "{}".to_owned()).unwrap_err();
    assert!(error.to_string().contains("is no recording"), "{error}");
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
