//! The watched folder: files come, change, break and go.

use std::{fs, path::Path, sync::Arc, time::Duration};

use tempfile::TempDir;

use realm_plugin_host::{Host, Limits};
use tokio::sync::watch as generations;

use super::{
    Config, PluginStatus, Rules, RulesError,
    folder::Folder,
    keeper::{Keeper, Parts, Shown},
    quiet::Quiet,
    signature::Seals,
    versions::Versions,
};
use crate::{
    hooks::{
        ChatLine, ChatVerdict, Hooks,
        components::{Fixture, pass, replacing, trap},
    },
    types::{AccountId, AccountName, ChatText},
};

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Stage {
    pub(super) data: TempDir,
    pub(super) rules: Rules,
    pub(super) hooks: Hooks,
}

impl Stage {
    pub(super) async fn with(files: &[(&str, Vec<u8>)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("plugins")).unwrap();
        for (file, bytes) in files {
            fs::write(data.path().join("plugins").join(file), bytes).unwrap();
        }
        let (rules, hooks) = Rules::start(&Config::default(), data.path()).await.unwrap();
        Self { data, rules, hooks }
    }

    pub(super) fn plugins(&self) -> std::path::PathBuf {
        self.data.path().join("plugins")
    }

    pub(super) fn write(&self, file: &str, bytes: &[u8]) {
        fs::write(self.plugins().join(file), bytes).unwrap();
    }

    /// What becomes of a line of chat.
    pub(super) async fn say(&self) -> String {
        let line = ChatLine {
            account: AccountId::from_raw(7),
            account_name: AccountName::new("Ann").unwrap(),
            destination: realm_plugin_host::bindings::chat_filter::Destination::Channel,
            target: "Town".to_owned(),
            text: ChatText::new("unfiltered").unwrap(),
            now_ms: 1,
        };
        match self.hooks.filter_chat(line).await {
            ChatVerdict::Approved(text) => text.as_str().to_owned(),
            ChatVerdict::Blocked(sentence) => sentence,
            ChatVerdict::Unjudged(why) => panic!("{why:?}"),
        }
    }

    /// Waits until the generation is at least this.
    pub(super) async fn generation(&self, least: u64) {
        let mut generation = self.rules.generation();
        let reached = generation.wait_for(|now| *now >= least);
        tokio::time::timeout(PATIENCE, reached).await.expect("the reload did not come").unwrap();
    }

    /// Waits until a file is known no more.
    pub(super) async fn gone(&self, file: &str) {
        let look = async {
            let mut pulse = tokio::time::interval(Duration::from_millis(5));
            while self.rules.status().iter().any(|status| status.file == file) {
                pulse.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("{file} stays"));
    }

    /// Waits until the status of a file is as wished.
    pub(super) async fn status(&self, file: &str, wished: impl Fn(&PluginStatus) -> bool) -> PluginStatus {
        let look = async {
            let mut pulse = tokio::time::interval(Duration::from_millis(5));
            loop {
                pulse.tick().await;
                if let Some(status) = self.rules.status().into_iter().find(|status| status.file == file)
                    && wished(&status)
                {
                    return status;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, look).await;
        found.unwrap_or_else(|_| panic!("{file} did not become as wished: {:?}", self.rules.status()))
    }
}

pub(super) fn broken(status: &PluginStatus) -> bool {
    status.problem.is_some()
}

#[tokio::test]
async fn the_folder_is_loaded_at_the_start_and_broken_files_are_not_fatal() {
    let stage = Stage::with(&[
        ("filter.wasm", replacing("chat-filter", "1.0.0", "one")),
        ("broken.wasm", b"\0asm".to_vec()),
        ("notes.txt", b"not a plugin".to_vec()),
    ])
    .await;
    assert_eq!(stage.say().await, "one");
    let status = stage.rules.status();
    assert_eq!(status.len(), 2);
    assert_eq!((status[0].name.as_str(), status[0].version.as_str()), ("broken", ""));
    assert!(status[0].problem.as_ref().is_some_and(|problem| problem.starts_with("read: ")), "{status:?}");
    assert_eq!((status[1].name.as_str(), status[1].version.as_str()), ("chat-filter", "1.0.0"));
    assert_eq!(status[1].hooks, ["chat-filter"]);
    assert!(status[1].sha256.len() == 64 && status[1].size_bytes > 0 && status[1].load_ms > 0.0);
    assert!(stage.data.path().join("plugin-cache").is_dir());
    stage.rules.stop().await;
    assert_eq!(stage.say().await, "unfiltered");
}

#[tokio::test]
async fn a_new_version_decides_soon_after_its_file_is_closed() {
    let stage = Stage::with(&[]).await;
    assert_eq!(stage.say().await, "unfiltered");
    stage.write("f.wasm", &replacing("f", "1.0.0", "one"));
    stage.generation(1).await;
    assert_eq!(stage.say().await, "one");
    let closed = std::time::Instant::now();
    stage.write("f.wasm", &replacing("f", "1.1.0", "two"));
    stage.generation(2).await;
    let took = closed.elapsed();
    assert_eq!(stage.say().await, "two");
    assert_eq!(stage.rules.status()[0].version, "1.1.0");
    // The aim is half a second; the bound leaves room for a machine that does other things.
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_save_by_renaming_is_one_change() {
    let stage = Stage::with(&[("f.wasm", replacing("f", "1.0.0", "one"))]).await;
    stage.write(".f.wasm.swp", &replacing("f", "2.0.0", "two"));
    fs::rename(stage.plugins().join(".f.wasm.swp"), stage.plugins().join("f.wasm")).unwrap();
    stage.generation(2).await;
    assert_eq!(stage.say().await, "two");
    // Moved away and back, as some editors do: the rule is at work all the time.
    fs::rename(stage.plugins().join("f.wasm"), stage.plugins().join("f.wasm~")).unwrap();
    stage.write("f.wasm", &replacing("f", "3.0.0", "three"));
    stage.generation(3).await;
    assert_eq!(stage.say().await, "three");
    assert_eq!(*stage.rules.generation().borrow(), 3);
}

#[tokio::test]
async fn a_broken_version_leaves_the_old_one_at_work() {
    let stage = Stage::with(&[("f.wasm", replacing("f", "1.0.0", "one"))]).await;
    let good = replacing("f", "2.0.0", "two");
    let cases: [(&str, Vec<u8>); 4] = [
        ("read: ", good[..good.len() / 2].to_vec()),
        ("interface version: ", Fixture::new("f", "2.0.0").interface_version("0.9.0").filter(&pass()).build()),
        ("start: ", Fixture::new("f", "2.0.0").init(&trap()).filter(&pass()).build()),
        ("manifest: ", Fixture::new("f", "2.0.0").filter(&pass()).without_manifest()),
    ];
    for (step, bytes) in cases {
        stage.write("f.wasm", &bytes);
        let wished = |status: &PluginStatus| status.problem.as_ref().is_some_and(|problem| problem.starts_with(step));
        let status = stage.status("f.wasm", wished).await;
        assert_eq!((status.name.as_str(), status.version.as_str()), ("f", "1.0.0"));
        assert_eq!(stage.say().await, "one");
    }
    assert_eq!(*stage.rules.generation().borrow(), 1);
    stage.write("f.wasm", &good);
    stage.generation(2).await;
    assert_eq!(stage.say().await, "two");
    assert!(!broken(&stage.rules.status()[0]));
    // The same bytes again are no change.
    stage.write("f.wasm", &good[..10]);
    stage.status("f.wasm", broken).await;
    stage.write("f.wasm", &good);
    stage.status("f.wasm", |status| !broken(status)).await;
    assert_eq!(*stage.rules.generation().borrow(), 2);
}

#[tokio::test]
async fn a_deleted_file_takes_its_plugin_along() {
    let stage = Stage::with(&[("f.wasm", replacing("f", "1.0.0", "one"))]).await;
    fs::remove_file(stage.plugins().join("f.wasm")).unwrap();
    stage.generation(2).await;
    assert_eq!(stage.say().await, "unfiltered");
    assert!(stage.rules.status().is_empty());
}

#[tokio::test]
async fn one_name_belongs_to_one_file() {
    let stage = Stage::with(&[("a.wasm", replacing("f", "1.0.0", "one"))]).await;
    stage.write("b.wasm", &replacing("f", "2.0.0", "two"));
    let status = stage.status("b.wasm", broken).await;
    assert!(status.problem.unwrap().contains("a.wasm"));
    assert_eq!(stage.say().await, "one");
    // When the first goes, the second may have the name.
    fs::remove_file(stage.plugins().join("a.wasm")).unwrap();
    stage.status("b.wasm", |status| status.version == "2.0.0").await;
    assert_eq!(stage.say().await, "two");
    // A file that is renamed stays the same plugin.
    fs::rename(stage.plugins().join("b.wasm"), stage.plugins().join("c.wasm")).unwrap();
    stage.status("c.wasm", |status| status.version == "2.0.0" && !broken(status)).await;
    assert_eq!(stage.rules.status().len(), 1);
    assert_eq!(stage.say().await, "two");
}

#[cfg(unix)]
#[tokio::test]
async fn one_odd_entry_takes_no_rule_along() {
    let data = tempfile::tempdir().unwrap();
    let plugins = data.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    fs::write(plugins.join("f.wasm"), replacing("f", "1.0.0", "one")).unwrap();
    std::os::unix::fs::symlink("loop.wasm", plugins.join("loop.wasm")).unwrap();
    let (rules, hooks) = Rules::start(&Config::default(), data.path()).await.unwrap();
    let stage = Stage { data, rules, hooks };
    assert_eq!(stage.say().await, "one");
    let odd = stage.status("loop.wasm", broken).await;
    assert!(odd.problem.unwrap().starts_with("read: "));
    // The others are watched as ever, and the odd one may become a plugin.
    stage.write("f.wasm", &replacing("f", "1.1.0", "two"));
    stage.status("f.wasm", |status| status.version == "1.1.0").await;
    assert_eq!(stage.say().await, "two");
    fs::remove_file(stage.plugins().join("loop.wasm")).unwrap();
    stage.write("loop.wasm", &Fixture::new("loop", "1.0.0").filter(&pass()).build());
    stage.status("loop.wasm", |status| status.version == "1.0.0" && !broken(status)).await;
}

#[test]
fn a_folder_that_cannot_be_listed_at_the_start_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().join("plugins")).unwrap();
    fs::remove_dir(folder.path()).unwrap();
    let (_hooks, publisher) = Hooks::start().unwrap();
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    let shown = Shown { status: Arc::default(), generation: Arc::new(generations::Sender::new(0)) };
    let versions = Versions::open(&place.path().join("versions"));
    let journal = Arc::default();
    let seals = Seals::open(Vec::new(), false, place.path()).unwrap();
    let parts = Parts { folder, host, publisher: Arc::new(publisher), versions, journal, seals };
    let mut keeper = Keeper::new(parts, Config::default(), shown);
    let error = keeper.load_all(&mut Quiet::default()).unwrap_err();
    assert!(matches!(&error, RulesError::Folder(path, _) if path.ends_with("plugins")), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_problem_ends_with_its_cause() {
    let good = replacing("f", "1.0.0", "one");
    let stage = Stage::with(&[("f.wasm", good.clone())]).await;
    // Away behind a link that leads nowhere, and back with the same bytes.
    let (file, aside) = (stage.plugins().join("f.wasm"), stage.plugins().join("f.aside"));
    fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink("f.wasm", &file).unwrap();
    stage.status("f.wasm", broken).await;
    assert_eq!(stage.say().await, "one");
    fs::rename(&aside, &file).unwrap();
    stage.status("f.wasm", |status| !broken(status)).await;
    assert_eq!(*stage.rules.generation().borrow(), 1, "the rule at work was never touched");

    // A name that is taken is free when the other file takes another name.
    stage.write("g.wasm", &replacing("f", "2.0.0", "two"));
    stage.status("g.wasm", broken).await;
    stage.write("f.wasm", &Fixture::new("other", "1.0.0").filter(&pass()).build());
    stage.status("g.wasm", |status| status.version == "2.0.0" && !broken(status)).await;
    assert_eq!(stage.say().await, "two");
}

#[tokio::test]
async fn a_plugin_is_handed_its_configuration() {
    let data = tempfile::tempdir().unwrap();
    let plugins = data.path().join("elsewhere");
    fs::create_dir(&plugins).unwrap();
    // `init` traps unless its configuration has eleven bytes: {"words":1}
    let body = format!("(if (i32.ne (local.get $length) (i32.const 11)) (then (unreachable))) {}", pass());
    for (file, name) in [("a.wasm", "with"), ("b.wasm", "without")] {
        fs::write(plugins.join(file), Fixture::new(name, "1.0.0").init(&body).filter(&pass()).build()).unwrap();
    }
    let configuration = [("with".to_owned(), serde_json::json!({"words": 1}))].into();
    let config = Config { dir: text(&plugins), configuration, ..Config::default() };
    let (rules, _hooks) = Rules::start(&config, data.path()).await.unwrap();
    let problems: Vec<bool> = rules.status().iter().map(broken).collect();
    assert_eq!(problems, [false, true]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_with_its_name() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, b"").unwrap();
    let config = Config { dir: text(&file), ..Config::default() };
    let error = Rules::start(&config, data.path()).await.err().unwrap();
    assert!(error.to_string().contains(&text(&file)), "{error}");
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
