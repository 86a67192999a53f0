//! `realm plugin dev` as an author uses it: a rule is written, tried, changed and tried again, and nothing is left when it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::harness::{
    DEADLINE, built_plugins,
    program::{Site, Up, run},
};

/// A first build fetches and compiles what a plugin stands on; a slow machine needs long for that.
const BUILD: Duration = Duration::from_secs(1_800);
const READY: &str = "Ctrl-C ends";

/// A plugin that is being worked on.
struct Workshop {
    site: Site,
    source: PathBuf,
    dev: Up,
}

impl Workshop {
    fn open(name: &str, language: &str, source: &str) -> Self {
        let site = Site::empty();
        fs::create_dir(site.folder().join("tmp")).unwrap();
        let said = site.run(&["plugin", "new", name, "--hook", "chat-filter", "--lang", language]).success();
        assert!(said.contains(source), "{said}");
        let mut command = site.realm(&["plugin", "dev", name]);
        let target = built_plugins().join("..");
        command.env("TMPDIR", site.folder().join("tmp")).env("REALM_TOOLCHAINS_DIR", target.join("guest-toolchain"));
        command.env("CARGO_TARGET_DIR", target.join("tutorial-guests")).stdin(Stdio::piped());
        let dev = Up::start_until(&mut command, READY, BUILD);
        assert!(dev.banner().contains(&format!("{name} 0.1.0 decides")), "{}", dev.banner());
        let source = site.folder().join(name).join(source);
        Self { site, source, dev }
    }

    /// Saves the rule with other words in it.
    fn save(&self, before: &str, after: &str) {
        let text = fs::read_to_string(&self.source).unwrap();
        assert!(text.contains(before), "{text}");
        fs::write(&self.source, text.replace(before, after)).unwrap();
    }

    /// Says a line, and waits for what becomes of it.
    fn say(&mut self, line: &str, outcome: &str) {
        self.dev.type_line(line);
        self.dev.until(outcome);
    }

    /// Ends it: no process works on in its folder, and no temporary folder is left.
    fn end(self, signal: Signal) -> Site {
        let (code, said) = self.dev.end(signal);
        assert_eq!(code, Some(0), "{said}");
        let tmp = self.site.folder().join("tmp");
        let left: Vec<_> = fs::read_dir(&tmp).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!left.iter().any(|path| path.to_string_lossy().contains("realm-dev-")), "{left:?}");
        let folder = self.site.folder().to_owned();
        let begin = Instant::now();
        while !working_in(&folder).is_empty() {
            assert!(begin.elapsed() < DEADLINE, "somebody works on: {:?}", working_in(&folder));
            thread::park_timeout(Duration::from_millis(10));
        }
        self.site
    }
}

/// The processes whose current folder is in this one.
fn working_in(folder: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let folders = processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok());
    folders.filter(|current| current.starts_with(folder)).collect()
}

#[test]
fn a_rule_in_javascript_is_changed_until_it_is_right() {
    let mut workshop = Workshop::open("polite", "js", "src/plugin.js");
    workshop.say("good evening", "    passes    good evening");
    workshop.say("GIVE ME EVERYTHING", "    refused   Please do not shout. (CHAT_BLOCKED)");
    workshop.save("Please do not shout.", "Softly, please.");
    workshop.dev.until_within("polite 0.1.0 decides", BUILD);
    workshop.say("GIVE ME EVERYTHING", "    refused   Softly, please. (CHAT_BLOCKED)");

    // What cannot be built says so, and the rule before goes on.
    workshop.save("Softly, please.", "Softly', please.");
    let said = workshop.dev.until_within("cannot be bundled", BUILD);
    assert!(said.contains("==> saved: building"), "{said}");
    workshop.say("GIVE ME EVERYTHING", "    refused   Softly, please. (CHAT_BLOCKED)");
    workshop.save("Softly', please.", "Hush.");
    workshop.dev.until_within("polite 0.1.0 decides", BUILD);
    workshop.say("GIVE ME EVERYTHING", "    refused   Hush. (CHAT_BLOCKED)");
    workshop.end(Signal::INT);
}

#[test]
fn a_rule_in_typescript_is_checked_at_every_save_and_tested_like_the_others() {
    let mut workshop = Workshop::open("typed", "ts", "src/plugin.ts");
    workshop.say("GIVE ME EVERYTHING", "    refused   Please do not shout. (CHAT_BLOCKED)");
    // A mistake in the types alone: without a check it would be found by a player.
    workshop.save("val: 'Please do not shout.'", "val: 7");
    let said = workshop.dev.until_within("the types of the plugin typed do not fit", BUILD);
    assert!(said.contains("src/plugin.ts(") && said.contains("is not assignable to type 'string'"), "{said}");
    workshop.save("val: 7", "val: 'Softly, please.'");
    workshop.dev.until_within("typed 0.1.0 decides", BUILD);
    workshop.say("GIVE ME EVERYTHING", "    refused   Softly, please. (CHAT_BLOCKED)");
    let site = workshop.end(Signal::INT);
    let mut test = site.realm(&["plugin", "test", "typed"]);
    let said = run(test.env("REALM_TOOLCHAINS_DIR", built_plugins().join("../guest-toolchain")), "").success();
    assert!(said.contains("none failed"), "{said}");
}

#[test]
fn a_rule_in_rust_is_changed_and_a_build_on_its_way_is_ended() {
    let mut workshop = Workshop::open("first-filter", "rust", "src/lib.rs");
    workshop.say("GIVE ME EVERYTHING", "    refused   Please do not shout. (CHAT_BLOCKED)");
    workshop.save("Please do not shout.", "Softly, please.");
    workshop.dev.until_within("first-filter 0.1.0 decides", BUILD);
    workshop.say("GIVE ME EVERYTHING", "    refused   Softly, please. (CHAT_BLOCKED)");
    workshop.save("Softly, please.", "Hush.");
    workshop.dev.until("==> saved: building");
    workshop.end(Signal::TERM);
}
