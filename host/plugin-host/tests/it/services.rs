//! What plugins may call: answered by the services, within limits, and only with the permission.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use realm_plugin_host::{
    CallError, Host, Instance, Level, Limits, LogSink, PluginLimits, REHEARSAL_BEGINS_MS, Rehearsal, Services,
    bindings::{chat_filter, ladder, realm_info},
};

use crate::{
    calls::line,
    components::{ANSWER, Fixture, RETURNED},
};

fn instance(fixture: &Fixture, services: Arc<dyn Services>) -> Instance {
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    host.load(&fixture.build(), services).unwrap().instantiate("{}").unwrap()
}

fn rehearsal() -> Arc<Rehearsal> {
    Arc::new(Rehearsal::new(7))
}

fn score(instance: &mut Instance) -> Result<u64, CallError> {
    let class = "Druid".to_owned();
    instance.score(&ladder::Character {
        id: 1,
        class,
        level: 3,
        experience: 5,
        hardcore: false,
        dead: false,
        play_time_ms: 0,
    })
}

/// A ladder whose score is what `body` finds out, with one interface and its permission.
fn asking(interface: &'static str, body: &str) -> Fixture {
    Fixture::new("asking", "1.0.0").import(interface).permit(interface).score(body)
}

/// Body that calls and answers what `RETURNED` then holds: 0 when all went well, else 16 and the number of the error.
fn outcome(call: &str) -> String {
    format!(
        "{call} (if (result i64) (i32.load8_u {RETURNED})
           (then (i64.add (i64.const 16) (i64.load8_u offset=4 {RETURNED}))) (else (i64.const 0)))"
    )
}

#[test]
fn a_value_is_kept_for_the_plugin_and_its_next_instance() {
    let services = rehearsal();
    let set = format!("(call $kv_set (i32.const 64) (i32.const 3) (i32.const 67) (i32.const 5) {RETURNED})");
    let get = format!(
        "(call $kv_get (i32.const 64) (i32.const 3) {RETURNED})
         (i32.store8 {ANSWER} (i32.const 1)) (i32.store offset=4 {ANSWER} (i32.load offset=8 {RETURNED}))
         (i32.store offset=8 {ANSWER} (i32.load offset=12 {RETURNED})) {ANSWER}"
    );
    let base = || Fixture::new("memory", "1.0.0").import("kv").permit("kv").text("keysword!");
    let mut writer = instance(&base().filter(&format!("{set} {get}")), services.clone());
    let sword = chat_filter::Verdict::Replace("sword".to_owned());
    assert_eq!(writer.filter(&line("hello")), Ok(sword.clone()));
    let mut reader = instance(&base().filter(&get), services.clone());
    assert_eq!(reader.filter(&line("hello")), Ok(sword));
    assert_eq!(services.kv_get("memory", "key"), Ok(Some(b"sword".to_vec())));
    // Listed from behind the front, and deleted.
    let list = format!(
        "(call $kv_list_keys (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 0) {RETURNED})
         (i64.load32_u offset=8 {RETURNED})"
    );
    let listing = |body: &str| base().score(body);
    assert_eq!(score(&mut instance(&listing(&list), services.clone())), Ok(1));
    let delete = format!("(call $kv_delete (i32.const 64) (i32.const 3) {RETURNED})");
    assert_eq!(score(&mut instance(&listing(&format!("{delete} {list}")), services)), Ok(0));
}

#[test]
fn keys_values_and_their_sum_have_limits() {
    let set = |key: usize, value: usize| {
        let call =
            format!("(call $kv_set (i32.const 64) (i32.const {key}) (i32.const 64) (i32.const {value}) {RETURNED})");
        score(&mut instance(&asking("kv", &outcome(&call)), rehearsal()))
    };
    assert_eq!(set(128, 16 << 10), Ok(0));
    assert_eq!(set(129, 1), Ok(17), "a key that is too large");
    assert_eq!(set(128, (16 << 10) + 1), Ok(17), "a value that is too large");
    assert_eq!(set(0, 1), Ok(18), "no key");
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    let call = format!("(call $kv_set (i32.const 64) (i32.const 4) (i32.const 64) (i32.const 7) {RETURNED})");
    let limits = PluginLimits { kv_bytes_max: 10, ..PluginLimits::default() };
    let plugin = host.load_under(&asking("kv", &outcome(&call)).build(), rehearsal(), limits).unwrap();
    assert_eq!(score(&mut plugin.instantiate("{}").unwrap()), Ok(16), "the quota");
}

#[test]
fn figures_are_taken_under_names_of_their_own() {
    let services = rehearsal();
    let add = format!("(call $metrics_add (i32.const 64) (i32.const 5) (i64.const 3) {RETURNED})");
    let set = format!("(call $metrics_set (i32.const 69) (i32.const 4) (i64.const -9) {RETURNED})");
    let body = outcome(&format!("{add} {add} {set}"));
    assert_eq!(score(&mut instance(&asking("metrics", &body).text("wordsmood"), services.clone())), Ok(0));
    assert_eq!(services.figure("asking", "words"), Some(6));
    assert_eq!(services.figure("asking", "mood"), Some(-9));
    let body = outcome(&add);
    assert_eq!(score(&mut instance(&asking("metrics", &body).text("Words"), services.clone())), Ok(16), "its name");
    // A name of its own for each call, from `aaaaa` on: after 32 no further is taken.
    let next = "(i32.store8 (i32.const 64) (i32.add (i32.const 97) (i32.and (global.get $n) (i32.const 15))))
                (i32.store8 (i32.const 65) (i32.add (i32.const 97) (i32.shr_u (global.get $n) (i32.const 4))))
                (global.set $n (i32.add (global.get $n) (i32.const 1)))";
    let many = asking("metrics", &outcome(&format!("{next} {add}"))).text("aaaaa");
    let mut many = instance(&many.globals("(global $n (mut i32) (i32.const 0))"), services);
    let outcomes: Vec<u64> = (0..40).map(|_| score(&mut many).unwrap()).collect();
    assert_eq!(outcomes[..32], [0; 32]);
    assert_eq!(outcomes[32..], [17; 8]);
}

/// A clock that goes on whenever it is read, first forwards and then backwards.
struct Restless(AtomicU64);

impl LogSink for Restless {
    fn write(&self, _plugin: &str, _level: Level, _line: &str) {}
}

impl Services for Restless {
    fn now_ms(&self, _plugin: &str) -> u64 {
        let reading = self.0.fetch_add(1, Ordering::Relaxed);
        if reading < 5 { 100 + reading } else { 50 }
    }
}

#[test]
fn time_stands_still_within_a_call_and_never_goes_back() {
    let difference = "(local $first i64) (local.set $first (call $now_ms)) (i64.sub (call $now_ms) (local.get $first))";
    let mut still = instance(&asking("clock", difference), Arc::new(Restless(AtomicU64::new(0))));
    let mut telling = instance(&asking("clock", "(call $now_ms)"), Arc::new(Restless(AtomicU64::new(0))));
    for _ in 0..4 {
        assert_eq!(score(&mut still), Ok(0));
    }
    let told: Vec<u64> = (0..7).map(|_| score(&mut telling).unwrap()).collect();
    assert_eq!(told, [100, 101, 102, 103, 104, 104, 104]);
    assert_eq!(score(&mut instance(&asking("clock", "(call $now_ms)"), rehearsal())), Ok(REHEARSAL_BEGINS_MS));
}

#[test]
fn dice_are_the_hosts_and_repeat_with_their_seed() {
    let body = "(i64.shr_u (call $get_u64) (i64.const 1))";
    let throw = |seed| {
        let mut instance = instance(&asking("random", body), Arc::new(Rehearsal::new(seed)));
        [score(&mut instance).unwrap(), score(&mut instance).unwrap()]
    };
    assert_eq!(throw(7), throw(7));
    assert_ne!(throw(7), throw(8));
    let ask = |count: u32| {
        let body = format!("(call $random_bytes (i32.const {count}) {RETURNED}) (i64.load32_u offset=4 {RETURNED})");
        score(&mut instance(&asking("random", &body), rehearsal()))
    };
    assert_eq!(ask(4_096), Ok(4_096));
    assert!(ask(4_097).is_err_and(|error| error.to_string().contains("4096 are given")));
}

#[test]
fn the_realm_can_be_looked_up() {
    let services = rehearsal();
    services.put_account(realm_info::Account { id: 7, name: "Ann".to_owned(), character: Some("Anna".to_owned()) });
    let online = "(i64.extend_i32_u (call $players_online))";
    assert_eq!(score(&mut instance(&asking("realm-info", online), services.clone())), Ok(1));
    let find = |function: &str, name: &str| {
        let length = name.len();
        let body = format!("(call {function} (i32.const 64) (i32.const {length}) {RETURNED}) (i64.load8_u {RETURNED})");
        score(&mut instance(&asking("realm-info", &body).text(name), services.clone()))
    };
    assert_eq!((find("$find_account", "ann"), find("$find_account", "Anna")), (Ok(1), Ok(0)));
    assert_eq!(find("$find_character", "Anna"), Ok(0));
    services.put_character(realm_info::Character {
        id: 9,
        account: "Ann".to_owned(),
        name: "Anna".to_owned(),
        class: "Druid".to_owned(),
        level: 4,
        hardcore: false,
    });
    assert_eq!(find("$find_character", "ANNA"), Ok(1));
    let name = format!("(call $realm_name {RETURNED}) (i64.load32_u offset=4 {RETURNED})");
    assert_eq!(score(&mut instance(&asking("realm-info", &name), services)), Ok("Rehearsal".len() as u64));
}

#[test]
fn a_call_without_its_permission_ends_the_instance_and_names_it() {
    for (interface, call) in [
        ("metrics", format!("(call $metrics_add (i32.const 64) (i32.const 1) (i64.const 1) {RETURNED}) (i64.const 0)")),
        ("metrics", format!("(call $metrics_set (i32.const 64) (i32.const 1) (i64.const 1) {RETURNED}) (i64.const 0)")),
        ("kv", format!("(call $kv_get (i32.const 64) (i32.const 1) {RETURNED}) (i64.const 0)")),
        (
            "kv",
            format!(
                "(call $kv_set (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 1) {RETURNED}) (i64.const 0)"
            ),
        ),
        ("kv", format!("(call $kv_delete (i32.const 64) (i32.const 1) {RETURNED}) (i64.const 0)")),
        (
            "kv",
            format!(
                "(call $kv_list_keys (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 0) {RETURNED}) (i64.const 0)"
            ),
        ),
        ("clock", "(call $now_ms)".to_owned()),
        ("random", "(call $get_u64)".to_owned()),
        ("random", format!("(call $random_bytes (i32.const 4) {RETURNED}) (i64.const 0)")),
        ("realm-info", format!("(call $realm_name {RETURNED}) (i64.const 0)")),
        ("realm-info", "(i64.extend_i32_u (call $players_online))".to_owned()),
        ("realm-info", format!("(call $find_account (i32.const 64) (i32.const 1) {RETURNED}) (i64.const 0)")),
        ("realm-info", format!("(call $find_character (i32.const 64) (i32.const 1) {RETURNED}) (i64.const 0)")),
    ] {
        let sly = Fixture::new("sly", "1.0.0").text("k").import(interface).score(&call);
        let mut sly = instance(&sly, rehearsal());
        let error = score(&mut sly).unwrap_err();
        assert!(error.kind() == "trap" && error.to_string().contains(&format!("`{interface}`")), "{call}: {error}");
        assert!(sly.is_dead());
    }
}
