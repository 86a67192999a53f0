//! Lanes under swaps and failures, with small components.

use std::{sync::Arc, time::Duration};

use realm_plugin_host::{
    Host, Limits,
    bindings::{anti_cheat, chat_filter, ladder, matchmaking},
};

use super::{
    ApprovedText, Change, ChangeError, ChatLine, ChatVerdict, HookUnavailable, Hooks, Installed, Journal, Lane,
    LaneKind, Mailbox, PluginSet, Publisher, Rank, Settings, Unjudged,
    components::{Fixture, endless, experience_plus, one_finding, pass, replacing, trap, with_text},
    general,
};
use crate::types::{AccountId, AccountName, ChatText};

const UNJUDGED: ChatVerdict = ChatVerdict::Unjudged(Unjudged::Line);
const AWAY: ChatVerdict = ChatVerdict::Unjudged(Unjudged::Away);

/// Hooks with a host, and a way to install components.
pub(crate) struct Stage {
    host: Host,
    pub(crate) hooks: Hooks,
    publisher: Publisher,
    last: std::cell::Cell<u64>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let host = Host::new(Limits { instances_max: 32, ..Limits::default() }, None).unwrap();
        let (hooks, publisher) = Hooks::start_with(settings).unwrap();
        Self { host, hooks, publisher, last: std::cell::Cell::new(0) }
    }

    fn installed(&self, file: &str, bytes: &[u8]) -> Arc<Installed> {
        self.last.set(self.last.get() + 1);
        let plugin = self.host.load(bytes, Arc::new(Journal::default())).unwrap();
        Arc::new(Installed::new(self.last.get(), file.to_owned(), plugin, "{}".to_owned()))
    }

    pub(crate) fn install(&self, file: &str, bytes: &[u8], remove: &[u64]) -> u64 {
        self.try_install(file, bytes, remove).unwrap()
    }

    pub(super) fn install_shadow(&self, file: &str, bytes: &[u8], remove: &[u64]) -> u64 {
        let plain = Arc::try_unwrap(self.installed(file, bytes)).expect("nobody else has it");
        let installed = Arc::new(Installed { shadow: true, ..plain });
        let id = installed.id;
        self.publisher.change(Change { install: Some(installed), remove: remove.to_vec() }).unwrap();
        id
    }

    /// What an installation has done.
    pub(super) fn observed(&self, id: u64) -> super::Observed {
        let set = self.hooks.published.load();
        let installed = set.plugins.iter().find(|installed| installed.id == id).expect("it is at work");
        installed.record.observed()
    }

    /// Instances of all plugins at work that died and were replaced.
    pub(super) fn replaced(&self) -> u64 {
        let set = self.hooks.published.load();
        set.plugins.iter().map(|installed| installed.record.observed().instances_replaced).sum()
    }

    pub(super) fn try_install(&self, file: &str, bytes: &[u8], remove: &[u64]) -> Result<u64, ChangeError> {
        let installed = self.installed(file, bytes);
        let id = installed.id;
        self.publisher.change(Change { install: Some(installed), remove: remove.to_vec() }).map(|_| id)
    }
}

pub(super) fn line(text: &str) -> ChatLine {
    ChatLine {
        account: AccountId::from_raw(7),
        account_name: AccountName::new("Ann").unwrap(),
        destination: chat_filter::Destination::Channel,
        target: "Town".to_owned(),
        text: ChatText::new(text).unwrap(),
        now_ms: 1,
    }
}

pub(super) fn approved(text: &str, filtered: bool) -> ChatVerdict {
    ChatVerdict::Approved(ApprovedText { text: text.to_owned(), filtered })
}

pub(super) fn player(level: u32) -> matchmaking::Player {
    matchmaking::Player { account: 1, character: 2, class: "Druid".to_owned(), level, hardcore: false }
}

pub(super) fn game(id: u64) -> matchmaking::Game {
    matchmaking::Game {
        id,
        difficulty: matchmaking::Difficulty::Normal,
        players: 1,
        players_max: 8,
        creator_level: 1,
        hardcore: false,
        password_required: false,
        created_ms: id,
    }
}

pub(super) fn character() -> ladder::Character {
    ladder::Character {
        id: 1,
        class: "Druid".to_owned(),
        level: 2,
        experience: 100,
        hardcore: false,
        dead: false,
        play_time_ms: 0,
    }
}

pub(super) fn sheet() -> anti_cheat::Sheet {
    anti_cheat::Sheet {
        character: 1,
        level: 1,
        experience: 0,
        strength: 20,
        dexterity: 20,
        vitality: 20,
        energy: 20,
        skill_levels: 0,
        items: Vec::new(),
    }
}

fn action() -> anti_cheat::Action {
    anti_cheat::Action {
        tick: 1,
        character: 1,
        kind: anti_cheat::ActionKind::Move,
        x: 0,
        y: 0,
        dx: 1,
        dy: 0,
        step_max: 4,
        vision: 20,
        life: 10,
        mana_left: 0,
        cooldown: 0,
    }
}

/// A batch of one act, in this tick.
pub(super) fn acts(tick: u32) -> anti_cheat::Actions {
    [anti_cheat::Action { tick, ..action() }].into()
}

/// Steps a tick lane until `done`, as a tick thread would, for at most ten seconds.
pub(super) fn step_until(lane: &mut super::TickLane, mut done: impl FnMut(&mut super::TickLane) -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        lane.pick_up();
        lane.begin_tick();
        if done(lane) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "it did not come about within ten seconds");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn without_plugins_every_policy_holds() {
    for hooks in [Hooks::without_plugins(), Stage::new().hooks] {
        assert_eq!(hooks.filter_chat(line("hello")).await, approved("hello", false));
        assert_eq!(hooks.admit(player(1), game(1)).await, Ok(()));
        assert_eq!(hooks.order_games(player(1), vec![game(1), game(3), game(2)]).await, [3, 2, 1]);
        assert_eq!(hooks.score(character()).await, Err(HookUnavailable));
        let mut lane = hooks.tick_lane();
        assert!(!lane.pick_up());
        lane.begin_tick();
        let verdicts = lane.check_actions(&acts(1));
        assert!(verdicts.findings.is_empty() && verdicts.rule.is_none());
    }
}

#[tokio::test]
async fn filters_are_asked_in_the_order_of_their_files() {
    let stage = Stage::new();
    stage.install("20.wasm", &replacing("second", "1.0.0", "second"), &[]);
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("second", true));
    // The first one replaces, the second sees its text and replaces again, the third blocks lines of seven bytes.
    stage.install("10.wasm", &replacing("first", "1.0.0", "a longer text"), &[]);
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("second", true));
    let blocking = format!(
        "(if (result i32) (i32.eq (local.get $length) (i32.const 6)) (then {}) (else {}))",
        with_text(2, 2),
        pass()
    );
    stage.install("30.wasm", &Fixture::new("third", "1.0.0").text("no").filter(&blocking).build(), &[]);
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, ChatVerdict::Blocked("no".to_owned()));
}

#[tokio::test]
async fn every_hook_outside_games_is_answered() {
    let stage = Stage::new();
    let picky = format!(
        "(if (result i32) (i32.lt_u (local.get $level) (i32.const 5)) (then {}) (else {}))",
        with_text(1, 2),
        with_text(0, 0)
    );
    stage.install("m.wasm", &Fixture::new("match", "1.0.0").text("no").admit(&picky).build(), &[]);
    stage.install("l.wasm", &Fixture::new("ladder", "1.0.0").score(&experience_plus(1)).build(), &[]);
    assert_eq!(stage.hooks.admit(player(3), game(1)).await, Err("no".to_owned()));
    assert_eq!(stage.hooks.admit(player(9), game(1)).await, Ok(()));
    // The fixture gives the games back as it got them, which is newest first; more than 200 are not asked about.
    let games: Vec<_> = (1..=300).map(game).collect();
    let ordered = stage.hooks.order_games(player(9), games).await;
    assert_eq!((ordered.len(), ordered[0], ordered[199]), (200, 300, 101));
    assert_eq!(stage.hooks.score(character()).await, Ok(Some(Rank { score: 101, tie_break: 0 })));
}

#[tokio::test]
async fn a_failing_plugin_leaves_the_policy() {
    let stage = Stage::new();
    let failing = Fixture::new("bad", "1.0.0").filter(&trap()).admit(&trap()).score(&endless()).check_actions(&trap());
    stage.install("bad.wasm", &failing.build(), &[]);
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, UNJUDGED);
    assert_eq!(stage.hooks.admit(player(1), game(1)).await, Ok(()));
    assert_eq!(stage.hooks.score(character()).await, Err(HookUnavailable));
    let mut lane = stage.hooks.tick_lane();
    let verdicts = lane.check_actions(&acts(1));
    assert!(verdicts.findings.is_empty() && verdicts.rule.is_none());
}

#[tokio::test]
async fn a_line_that_kills_the_filter_carries_no_other_past_it() {
    let stage = Stage::new();
    let body = format!("(if (i32.eq (local.get $length) (i32.const 4)) (then (unreachable))) {}", with_text(2, 2));
    stage.install("f.wasm", &Fixture::new("f", "1.0.0").text("no").filter(&body).build(), &[]);
    let by = |account: u64, text: &str| ChatLine { account: AccountId::from_raw(account), ..line(text) };
    assert_eq!(stage.hooks.filter_chat(line("other")).await, ChatVerdict::Blocked("no".to_owned()));
    // One account after the other kills it, far more often than a failing plugin is given a new instance at once; each is
    // heard three times.
    let mut judged = 0;
    for account in 100..110 {
        for attempt in 0..5 {
            match stage.hooks.filter_chat(by(account, "kill")).await {
                UNJUDGED => assert!(attempt < 3),
                AWAY => {}
                ChatVerdict::Unjudged(Unjudged::Strikes { wait }) => {
                    assert!(attempt >= 3 && wait <= Duration::from_secs(60));
                }
                verdict => panic!("{verdict:?}"),
            }
            match stage.hooks.filter_chat(line("other")).await {
                AWAY => {}
                verdict => {
                    assert_eq!(verdict, ChatVerdict::Blocked("no".to_owned()));
                    judged += 1;
                }
            }
        }
    }
    assert!(judged >= 4, "{judged}");
    // A moment later it judges again.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while stage.hooks.filter_chat(line("other")).await != ChatVerdict::Blocked("no".to_owned()) {
        assert!(std::time::Instant::now() < deadline, "the filter stays away");
    }
}

#[tokio::test]
async fn a_filter_that_never_judged_a_line_is_passed_over_until_it_does() {
    let stage = Stage::new();
    let body = format!("(if (i32.eq (local.get $length) (i32.const 4)) (then (unreachable))) {}", with_text(2, 2));
    stage.install("f.wasm", &Fixture::new("f", "1.0.0").text("no").filter(&body).build(), &[]);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    // No single account is enough.
    for account in 1.. {
        let killer = ChatLine { account: AccountId::from_raw(account / 4), ..line("kill") };
        match stage.hooks.filter_chat(killer).await {
            ChatVerdict::Unjudged(_) => assert!(std::time::Instant::now() < deadline, "nobody can chat"),
            verdict => {
                assert!(account >= 5, "one account opened the gate");
                assert_eq!(verdict, approved("kill", false));
                break;
            }
        }
    }
    // With the first line that it judges it is no longer broken.
    while stage.hooks.filter_chat(line("other")).await != ChatVerdict::Blocked("no".to_owned()) {
        assert!(std::time::Instant::now() < deadline, "the filter stays away");
    }
    assert!(matches!(stage.hooks.filter_chat(line("kill")).await, ChatVerdict::Unjudged(_)));
}

#[test]
fn a_filter_that_is_away_holds_lines_back_and_one_that_cannot_start_does_not() {
    let stage = Stage::new();
    let (jobs, _workshop) = std::sync::mpsc::sync_channel(8);
    let mailbox = Arc::new(Mailbox::new(LaneKind::General));
    let mut lane = Lane::new(Arc::clone(&mailbox), jobs);
    let installed = stage.installed("f.wasm", &replacing("f", "1.0.0", "x"));
    let set = PluginSet::default().changed(Some(&installed), &[]);
    mailbox.deliver_set(&Arc::new(set), Vec::new());
    for _ in 0..2 {
        lane.pick_up();
        assert_eq!(general::filter_chat(&mut lane, line("hello")), AWAY);
        mailbox.deliver_failed_start(installed.id);
    }
    lane.pick_up();
    assert_eq!(general::filter_chat(&mut lane, line("hello")), approved("hello", false));
    let instance = installed.plugin.instantiate("{}").unwrap();
    mailbox.deliver_instance(installed.id, instance);
    lane.pick_up();
    assert_eq!(general::filter_chat(&mut lane, line("hello")), approved("x", true));
}

#[tokio::test]
async fn a_change_that_was_given_up_is_not_made_later() {
    let stage = Stage::new();
    // Its start takes a while, and longer than whoever asks has patience.
    let slow = "(local $left i32) (local.set $left (i32.const 30000000))
        (loop $again (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))";
    let bytes = Fixture::new("f", "1.0.0").text("slow").init(&format!("{slow} {}", pass())).filter(&with_text(1, 4));
    let change = Change { install: Some(stage.installed("f.wasm", &bytes.build())), remove: Vec::new() };
    let error = stage.publisher.change_within(change, Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, ChangeError::Late(_)), "{error}");
    // The next change is made after it.
    stage.install("g.wasm", &Fixture::new("g", "1.0.0").filter(&pass()).build(), &[]);
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("hello", false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_swap_under_load_loses_no_call() {
    let stage = Stage::new();
    let mut id = stage.install("f.wasm", &replacing("f", "1.0.0", "0"), &[]);
    let stopping = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (hooks, stopping) = (stage.hooks.clone(), Arc::clone(&stopping));
            tokio::spawn(async move {
                let (mut last, mut calls) = (0, 0_u32);
                while !stopping.load(std::sync::atomic::Ordering::Relaxed) {
                    let ChatVerdict::Approved(text) = hooks.filter_chat(line("unfiltered")).await else {
                        panic!("nothing blocks here");
                    };
                    assert!(text.filtered(), "a line went past the filter");
                    let version: u32 = text.as_str().parse().unwrap();
                    assert!(version >= last, "an old version answered after a new one");
                    last = version;
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    for version in 1..=10 {
        let bytes = replacing("f", "1.0.0", &version.to_string());
        id = stage.install("f.wasm", &bytes, &[id]);
        // From the moment the change is done, every new call is answered by the new version.
        assert_eq!(stage.hooks.filter_chat(line("x")).await, approved(&version.to_string(), true));
    }
    stopping.store(true, std::sync::atomic::Ordering::Relaxed);
    for caller in callers {
        assert!(caller.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_version_that_does_not_start_changes_nothing() {
    let stage = Stage::new();
    let id = stage.install("f.wasm", &replacing("f", "1.0.0", "old"), &[]);
    let broken = stage.installed("f.wasm", &Fixture::new("f", "2.0.0").init(&trap()).filter(&pass()).build());
    assert!(stage.publisher.change(Change { install: Some(broken), remove: vec![id] }).is_err());
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("old", true));
    stage.publisher.change(Change { install: None, remove: vec![id] }).unwrap();
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("hello", false));
}

#[test]
fn a_tick_lane_picks_up_versions_and_names_the_rule() {
    let stage = Stage::new();
    let rule = |version: &str, case| Fixture::new("rule", version).check_actions(&one_finding(0, case)).build();
    let id = stage.install("r.wasm", &rule("1.0.0", 3), &[]);
    let mut lane = stage.hooks.tick_lane();
    lane.begin_tick();
    let verdicts = lane.check_actions(&acts(1));
    assert_eq!(verdicts.findings[0].violation, anti_cheat::Violation::Teleport);
    assert_eq!(verdicts.rule.as_deref(), Some("rule 1.0.0"));
    assert!(!lane.pick_up());

    let id = stage.install("r.wasm", &rule("1.1.0", 4), &[id]);
    // Until the tick picks it up, the old version goes on.
    assert_eq!(lane.check_actions(&acts(2)).rule.as_deref(), Some("rule 1.0.0"));
    assert!(lane.pick_up());
    let verdicts = lane.check_actions(&acts(3));
    assert_eq!(verdicts.findings[0].violation, anti_cheat::Violation::Speed);
    assert_eq!(verdicts.rule.as_deref(), Some("rule 1.1.0"));

    // A chat filter is none of a tick lane's business.
    stage.install("f.wasm", &replacing("f", "1.0.0", "x"), &[]);
    assert!(!lane.pick_up());
    stage.publisher.change(Change { install: None, remove: vec![id] }).unwrap();
    assert!(lane.pick_up());
    assert!(lane.check_actions(&acts(4)).rule.is_none());
}

#[test]
fn a_tick_lane_is_given_a_new_instance_after_a_trap() {
    let stage = Stage::new();
    // The tick is the first number of an act.
    let tick = "(i32.load (local.get $numbers))";
    let body = format!("(if (i32.eq {tick} (i32.const 13)) (then (unreachable))) {}", one_finding(0, 2));
    stage.install("r.wasm", &Fixture::new("rule", "1.0.0").check_actions(&body).build(), &[]);
    let mut lane = stage.hooks.tick_lane();
    assert_eq!(lane.check_actions(&acts(12)).findings.len(), 1);
    assert!(lane.check_actions(&acts(13)).findings.is_empty());
    step_until(&mut lane, |lane| lane.check_actions(&acts(14)).findings.len() == 1);
}

#[test]
fn hostile_rules_use_no_more_than_the_budget() {
    let stage = Stage::new();
    for number in 0..9 {
        let name = format!("loop-{number}");
        let bytes = Fixture::new(&name, "1.0.0").check_actions(&endless()).build();
        stage.install(&format!("{name}.wasm"), &bytes, &[]);
    }
    let mut lane = stage.hooks.tick_lane();
    lane.begin_tick();
    let cpu = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(u64::try_from(now.tv_sec).unwrap(), u32::try_from(now.tv_nsec).unwrap())
    };
    let before = cpu();
    assert!(lane.check_actions(&acts(1)).findings.is_empty());
    let used = cpu() - before;
    // The last call may begin just before the budget is spent, and is stopped within its own deadline and an epoch or two;
    // a machine that wakes the epoch late makes it a little longer.
    assert!(used < Duration::from_millis(30), "{used:?}");
}

#[tokio::test]
async fn after_the_stop_the_policies_hold() {
    let stage = Stage::new();
    stage.install("f.wasm", &replacing("f", "1.0.0", "x"), &[]);
    stage.publisher.stop(Duration::from_secs(10));
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("hello", false));
    let mut lane = stage.hooks.tick_lane();
    assert!(lane.check_actions(&acts(1)).findings.is_empty());
}
