//! Guests of toolchains that expect WASI 0.2: they load, start, print and ask for the time, and get at nothing.

use std::sync::Arc;

use realm_plugin_host::{
    Host, Instance, Level, Limits, LoadError, REHEARSAL_BEGINS_MS, Rehearsal,
    bindings::{chat_filter, ladder},
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::components::{Fixture, endless, pass, wit_text, with_section};

/// The part of WASI that the guests below use; more of each interface exists.
const WASI: [&str; 6] = [
    "package wasi:io@VERSION;
     interface error { resource error { to-debug-string: func() -> string; } }
     interface poll {
       resource pollable { ready: func() -> bool; block: func(); }
       poll: func(in: list<borrow<pollable>>) -> list<u32>;
     }
     interface streams {
       use error.{error};
       use poll.{pollable};
       variant stream-error { last-operation-failed(error), closed }
       resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; }
       resource output-stream {
         check-write: func() -> result<u64, stream-error>;
         blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
         subscribe: func() -> pollable;
       }
     }",
    "package wasi:clocks@VERSION;
     interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
     interface monotonic-clock {
       use wasi:io/poll@VERSION.{pollable};
       now: func() -> u64;
       subscribe-duration: func(when: u64) -> pollable;
     }",
    "package wasi:random@VERSION;
     interface random { get-random-bytes: func(len: u64) -> list<u8>; get-random-u64: func() -> u64; }
     interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }",
    "package wasi:filesystem@VERSION;
     interface types { resource descriptor { read: func(length: u64, offset: u64) -> list<u8>; } }
     interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }",
    "package wasi:http@VERSION;
     interface outgoing-handler { resource future-response { } handle: func(url: string) -> future-response; }",
    "package wasi:cli@VERSION;
     interface environment { get-environment: func() -> list<tuple<string, string>>; }
     interface exit { exit: func(status: result); }
     interface stdout { use wasi:io/streams@VERSION.{output-stream}; get-stdout: func() -> output-stream; }
     interface stderr { use wasi:io/streams@VERSION.{output-stream}; get-stderr: func() -> output-stream; }
     interface stdin { use wasi:io/streams@VERSION.{input-stream}; get-stdin: func() -> input-stream; }
     interface terminal-output { resource terminal-output; }
     interface terminal-stdout {
       use terminal-output.{terminal-output};
       get-terminal-stdout: func() -> option<terminal-output>;
     }",
];

/// What the guests import: interface, function, name in bodies, type.
const IMPORTS: &[(&str, &str, &str, &str)] = &[
    ("wasi:cli/environment", "get-environment", "$environment", "(param i32)"),
    ("wasi:cli/exit", "exit", "$exit", "(param i32)"),
    ("wasi:cli/stdout", "get-stdout", "$stdout", "(result i32)"),
    ("wasi:cli/stderr", "get-stderr", "$stderr", "(result i32)"),
    ("wasi:cli/stdin", "get-stdin", "$stdin", "(result i32)"),
    ("wasi:cli/terminal-stdout", "get-terminal-stdout", "$terminal", "(param i32)"),
    ("wasi:io/streams", "[method]output-stream.check-write", "$check_write", "(param i32 i32)"),
    ("wasi:io/streams", "[method]output-stream.blocking-write-and-flush", "$print", "(param i32 i32 i32 i32)"),
    ("wasi:io/streams", "[method]input-stream.blocking-read", "$read", "(param i32 i64 i32)"),
    ("wasi:io/poll", "[method]pollable.block", "$block", "(param i32)"),
    ("wasi:clocks/wall-clock", "now", "$wall", "(param i32)"),
    ("wasi:clocks/monotonic-clock", "now", "$monotonic", "(result i64)"),
    ("wasi:clocks/monotonic-clock", "subscribe-duration", "$sleep", "(param i64) (result i32)"),
    ("wasi:random/random", "get-random-bytes", "$bytes", "(param i64 i32)"),
    ("wasi:random/insecure-seed", "insecure-seed", "$seed", "(param i32)"),
    ("wasi:filesystem/preopens", "get-directories", "$directories", "(param i32)"),
    ("wasi:filesystem/types", "[method]descriptor.read", "$file", "(param i32 i64 i64 i32)"),
    ("wasi:http/outgoing-handler", "handle", "$http", "(param i32 i32) (result i32)"),
];

/// A ladder whose score is `body`, made as a toolchain for WASI would: it imports everything, whatever it calls.
fn guest(version: &str, body: &str) -> Vec<u8> {
    let mut text = String::from("(module\n");
    for (interface, function, short, signature) in IMPORTS {
        text.push_str(&format!("(import \"{interface}@{version}\" \"{function}\" (func {short} {signature}))\n"));
    }
    text.push_str(
        "(memory (export \"memory\") 2) (data (i32.const 64) \"first line\\nsecond\")
         (global $top (mut i32) (i32.const 65536))
         (func (export \"cabi_realloc\") (param i32 i32 i32) (param $size i32) (result i32)
           (global.set $top (i32.add (global.get $top) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
           (i32.sub (global.get $top) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))",
    );
    let character = "(param i64 i32 i32) (param i32) (param i64) (param i32 i32 i64)";
    let ladder = "realm:plugin/ladder@0.1.0";
    text.push_str(&format!(
        "(func (export \"{ladder}#eligible\") {character} (result i32) (i32.const 16))
         (func (export \"{ladder}#score\") {character} (result i64) {body})
         (func (export \"{ladder}#tie-break\") {character} (result i64) (i64.const 0))
         (func (export \"{ladder}#season-end\") (param i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 16)))"
    ));
    let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut resolve = Resolve::default();
    resolve.push_source("realm.wit", &wit_text("0.1.0")).unwrap();
    for (number, source) in WASI.iter().enumerate() {
        resolve.push_source(&format!("wasi{number}.wit"), &source.replace("VERSION", version)).unwrap();
    }
    let mut interfaces: Vec<&str> = IMPORTS.iter().map(|import| import.0).collect();
    interfaces.dedup();
    let imports: String = interfaces.iter().map(|interface| format!("import {interface}@{version};\n")).collect();
    let world = format!("package test:guest;\nworld guest {{ {imports} export {ladder}; }}");
    let package = resolve.push_source("guest.wit", &world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    with_section(component, "realm:plugin", br#"{"name":"guest","version":"1.0.0","permissions":["log"]}"#)
}

fn load(bytes: &[u8], services: &Arc<Rehearsal>) -> Result<Instance, LoadError> {
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    Ok(host.load(bytes, services.clone())?.instantiate("{}").unwrap())
}

fn score(body: &str) -> Result<u64, String> {
    score_with(body, &Arc::new(Rehearsal::new(7)))
}

fn score_with(body: &str, services: &Arc<Rehearsal>) -> Result<u64, String> {
    let character = ladder::Character {
        id: 1,
        class: "Druid".to_owned(),
        level: 3,
        experience: 5,
        hardcore: false,
        dead: false,
        play_time_ms: 0,
    };
    let mut instance = load(&guest("0.2.6", body), services).unwrap();
    instance.score(&character).map_err(|error| error.to_string())
}

#[test]
fn guests_of_every_0_2_load_and_those_of_0_3_do_not() {
    let services = Arc::new(Rehearsal::new(7));
    for version in ["0.2.0", "0.2.6", "0.2.12"] {
        assert!(load(&guest(version, "(i64.const 0)"), &services).is_ok(), "{version}");
    }
    let error = load(&guest("0.3.0", "(i64.const 0)"), &services).unwrap_err();
    assert!(matches!(&error, LoadError::ImportUnknown(name) if name.ends_with("@0.3.0")), "{error}");
}

#[test]
fn nothing_is_around_a_plugin() {
    assert_eq!(score("(call $environment (i32.const 512)) (i64.load32_u offset=4 (i32.const 512))"), Ok(0));
    assert_eq!(score("(call $directories (i32.const 512)) (i64.load32_u offset=4 (i32.const 512))"), Ok(0));
    assert_eq!(score("(call $terminal (i32.const 512)) (i64.load8_u (i32.const 512))"), Ok(0));
    // Standard input is closed: case 1 of the error.
    let read = "(call $read (call $stdin) (i64.const 9) (i32.const 512)) (i64.load8_u offset=4 (i32.const 512))";
    assert_eq!(score(read), Ok(1));
}

#[test]
fn what_is_not_granted_traps_and_is_named() {
    let http = "(drop (call $http (i32.const 64) (i32.const 5))) (i64.const 0)";
    assert!(score(http).is_err_and(|error| error.contains("wasi:http/outgoing-handler#handle")));
    let exit = "(call $exit (i32.const 0)) (i64.const 0)";
    assert!(score(exit).is_err_and(|error| error.contains("wasi:cli/exit#exit")));
    // A handle that nobody gave it.
    assert!(score("(call $file (i32.const 1) (i64.const 1) (i64.const 0) (i32.const 512)) (i64.const 0)").is_err());
}

#[test]
fn the_clock_and_the_dice_are_the_hosts() {
    let wall = "(call $wall (i32.const 512)) (i64.load (i32.const 512))";
    assert_eq!(score(wall), Ok(REHEARSAL_BEGINS_MS / 1_000));
    assert_eq!(score("(call $monotonic)"), Ok(REHEARSAL_BEGINS_MS * 1_000_000));
    let seed = "(call $seed (i32.const 512)) (i64.shr_u (i64.load (i32.const 512)) (i64.const 1))";
    assert_eq!(score(seed), score(seed));
    assert_eq!(score("(call $bytes (i64.const 32) (i32.const 512)) (i64.load32_u offset=4 (i32.const 512))"), Ok(32));
    assert!(score("(call $bytes (i64.const 9999999) (i32.const 512)) (i64.const 0)").is_err());
}

#[test]
fn what_is_printed_goes_to_the_log() {
    let services = Arc::new(Rehearsal::new(7));
    let body = "(call $check_write (call $stdout) (i32.const 512))
                (call $print (call $stdout) (i32.const 64) (i32.const 11) (i32.const 512))
                (call $print (call $stderr) (i32.const 64) (i32.const 17) (i32.const 512)) (unreachable)";
    let error = score_with(body, &services).unwrap_err();
    // A runtime prints its panic before it traps.
    assert!(error.contains("first line"), "{error}");
    let lines: Vec<_> = services.lines().into_iter().map(|line| (line.level, line.line)).collect();
    assert_eq!(lines, [(Level::Info, "first line".to_owned()), (Level::Error, "first line".to_owned())]);
}

#[test]
fn nobody_sleeps_in_a_call() {
    // An hour, and it returns at once; who waits for the clock to move uses up its deadline.
    assert_eq!(score("(call $block (call $sleep (i64.const 3600000000000))) (i64.const 1)"), Ok(1));
    let waiting = "(local $until i64) (local.set $until (i64.add (call $monotonic) (i64.const 1)))
                   (loop $again (br_if $again (i64.lt_u (call $monotonic) (local.get $until)))) (i64.const 1)";
    assert!(score(waiting).is_err_and(|error| error.contains("CPU time") || error.contains("longer than")));
}

#[test]
fn handles_that_are_never_given_back_run_out() {
    let leak = "(loop $again (drop (call $stdout)) (br $again)) (unreachable)";
    let error = score(leak).unwrap_err();
    assert!(!error.contains("CPU time"), "stopped by the number of handles: {error}");
}

#[test]
fn wasi_is_no_way_around_the_contract() {
    // Its own interfaces have to be there all the same, and they answer as ever.
    let services = Arc::new(Rehearsal::new(7));
    let bytes = Fixture::new("plain", "1.0.0").init(&pass()).filter(&pass()).build();
    assert_eq!(load(&bytes, &services).unwrap().filter(&crate::calls::line("hello")), Ok(chat_filter::Verdict::Pass));
    let bytes = Fixture::new("loop", "1.0.0").filter(&endless()).build();
    assert!(load(&bytes, &services).unwrap().filter(&crate::calls::line("hello")).is_err());
}
