//! What people and programs do to files: whatever it is, the right version decides in the end, and none that is half there.

use std::{fs, io::Write as _};

use super::tests::{Stage, broken};
use crate::hooks::components::{Fixture, pass, replacing};

#[tokio::test]
async fn an_atomic_rename_over_the_file_is_one_swap() {
    let stage = Stage::with(&[("f.wasm", replacing("f", "1.0.0", "one"))]).await;
    for (number, version) in ["2.0.0", "3.0.0", "4.0.0"].into_iter().enumerate() {
        stage.write("f.wasm.part", &replacing("f", version, version));
        fs::rename(stage.plugins().join("f.wasm.part"), stage.plugins().join("f.wasm")).unwrap();
        stage.status("f.wasm", |status| status.version == version).await;
        assert_eq!(stage.say().await, version);
        assert_eq!(*stage.rules.generation().borrow(), 2 + number as u64, "one change each");
    }
}

#[tokio::test]
async fn a_slow_copy_decides_when_it_is_whole_and_the_old_rule_until_then() {
    let stage = Stage::with(&[("f.wasm", replacing("f", "1.0.0", "one"))]).await;
    let bytes = replacing("f", "2.0.0", "two");
    let mut file = fs::File::create(stage.plugins().join("f.wasm")).unwrap();
    let mut pulse = tokio::time::interval(std::time::Duration::from_millis(50));
    for chunk in bytes.chunks(bytes.len().div_ceil(20)) {
        file.write_all(chunk).unwrap();
        file.sync_all().unwrap();
        pulse.tick().await;
        // However slow it is, what is there so far never decides, and the rule before is never away.
        assert_eq!(stage.say().await, if stage.rules.status()[0].version == "2.0.0" { "two" } else { "one" });
    }
    drop(file);
    stage.status("f.wasm", |status| status.version == "2.0.0" && !broken(status)).await;
    assert_eq!(stage.say().await, "two");
}

#[tokio::test]
async fn a_half_written_file_is_refused_and_its_other_half_makes_it_a_rule() {
    let stage = Stage::with(&[("f.wasm", replacing("f", "1.0.0", "one"))]).await;
    let bytes = replacing("f", "2.0.0", "two");
    let (first, second) = bytes.split_at(bytes.len() / 2);
    stage.write("f.wasm", first);
    let status = stage.status("f.wasm", broken).await;
    assert!(status.problem.unwrap().contains("cut off"), "it says what is wrong");
    assert_eq!((stage.say().await.as_str(), status.version.as_str()), ("one", "1.0.0"));
    let mut file = fs::OpenOptions::new().append(true).open(stage.plugins().join("f.wasm")).unwrap();
    file.write_all(second).unwrap();
    drop(file);
    stage.status("f.wasm", |status| status.version == "2.0.0" && !broken(status)).await;
    assert_eq!(stage.say().await, "two");
}

#[tokio::test]
async fn the_ways_in_which_editors_save_are_one_swap_each() {
    let stage = Stage::with(&[("f.wasm", replacing("f", "1.0.0", "one"))]).await;
    let path = |name: &str| stage.plugins().join(name);
    // With a backup that the new file replaces.
    fs::rename(path("f.wasm"), path("f.wasm~")).unwrap();
    stage.write("f.wasm", &replacing("f", "2.0.0", "two"));
    stage.status("f.wasm", |status| status.version == "2.0.0").await;
    // With a hidden file beside it that is renamed over it.
    stage.write(".f.wasm.swp", &replacing("f", "3.0.0", "three"));
    fs::rename(path(".f.wasm.swp"), path("f.wasm")).unwrap();
    stage.status("f.wasm", |status| status.version == "3.0.0").await;
    // By emptying it and writing it anew.
    fs::File::create(path("f.wasm")).unwrap();
    stage.write("f.wasm", &replacing("f", "4.0.0", "four"));
    stage.status("f.wasm", |status| status.version == "4.0.0" && !broken(status)).await;
    assert_eq!(stage.say().await, "four");
    assert_eq!(stage.rules.status().len(), 1, "nothing that lies beside it counts");
}

#[tokio::test]
async fn a_file_that_is_deleted_and_made_again_is_at_work_again() {
    let stage = Stage::with(&[("f.wasm", replacing("f", "1.0.0", "one"))]).await;
    // At once, which is an ordinary way to save.
    fs::remove_file(stage.plugins().join("f.wasm")).unwrap();
    stage.write("f.wasm", &replacing("f", "2.0.0", "two"));
    stage.status("f.wasm", |status| status.version == "2.0.0").await;
    assert_eq!(stage.say().await, "two");
    // And after its rule has gone, with the same bytes.
    fs::remove_file(stage.plugins().join("f.wasm")).unwrap();
    stage.gone("f.wasm").await;
    assert_eq!(stage.say().await, "unfiltered");
    stage.write("f.wasm", &replacing("f", "2.0.0", "two"));
    stage.status("f.wasm", |status| status.version == "2.0.0").await;
    assert_eq!(stage.say().await, "two");
}

#[tokio::test]
async fn a_folder_of_forty_files_at_once_comes_to_work_whole() {
    let stage = Stage::with(&[]).await;
    // The last of them replaces the line, so that it shows that all of them let it pass.
    for number in 0..39 {
        let fixture = Fixture::new(&format!("rule-{number}"), "1.0.0").filter(&pass());
        stage.write(&format!("{number:02}.wasm"), &fixture.build());
    }
    stage.write("99.wasm", &replacing("last", "1.0.0", "the last word"));
    for file in (0..39).map(|number| format!("{number:02}.wasm")).chain(["99.wasm".to_owned()]) {
        stage.status(&file, |status| status.version == "1.0.0" && !broken(status)).await;
    }
    assert_eq!(stage.rules.status().len(), 40);
    assert_eq!(stage.say().await, "the last word");
    let places: Vec<u32> = stage.rules.status().iter().filter_map(|status| status.order).collect();
    assert_eq!(places.len(), 40, "each has its place");
    // And all of them go at once.
    for entry in fs::read_dir(stage.plugins()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for number in 0..39 {
        stage.gone(&format!("{number:02}.wasm")).await;
    }
    stage.gone("99.wasm").await;
    assert_eq!(stage.say().await, "unfiltered");
}
