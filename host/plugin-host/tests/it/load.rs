//! What is loaded, what is refused, and in which words.

use std::sync::Arc;

use proptest::prelude::*;
use realm_plugin_host::{Class, Hook, Host, Limits, LoadError, MANIFEST_SECTION, NoLog, Plugin};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::components::{Fixture, endless, init_refuses, pass, replacing, wit_text, with_section};

fn host() -> Host {
    Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap()
}

fn load(bytes: &[u8]) -> Result<Plugin, LoadError> {
    host().load(bytes, Arc::new(NoLog))
}

#[test]
fn a_component_is_loaded_without_running_it() {
    let bytes = Fixture::new("chat-filter", "1.2.3").init(&endless()).filter(&pass()).build();
    let plugin = load(&bytes).unwrap();
    assert_eq!((plugin.manifest().name.as_str(), plugin.manifest().version.as_str()), ("chat-filter", "1.2.3"));
    assert_eq!(plugin.manifest().class, Class::Fast);
    assert_eq!(plugin.hooks(), [Hook::ChatFilter]);
    assert_eq!(plugin.size_bytes(), bytes.len());
    assert_eq!(plugin.sha256().len(), 64);
}

#[test]
fn the_manifest_is_found_in_the_core_module_too() {
    let fixture = Fixture::new("inner", "0.1.0").filter(&pass());
    let plugin = load(&fixture.build_with_inner_manifest()).unwrap();
    assert_eq!(plugin.manifest().name, "inner");
    assert_eq!(host().manifest(&fixture.build()).unwrap().name, "inner");
    let none = fixture.without_manifest();
    assert!(matches!(load(&none), Err(LoadError::Manifest(text)) if text.contains("missing")));
}

#[test]
fn two_different_manifests_are_refused() {
    let bytes = Fixture::new("one", "1.0.0").filter(&pass()).build();
    let bytes = with_section(bytes, MANIFEST_SECTION, br#"{"name":"two","version":"1.0.0"}"#);
    assert!(matches!(load(&bytes), Err(LoadError::Manifest(text)) if text.contains("several")));
}

#[test]
fn another_interface_version_is_named() {
    let bytes = Fixture::new("old", "1.0.0").interface_version("0.9.0").filter(&pass()).build();
    let error = load(&bytes).unwrap_err();
    assert_eq!(error.step(), "interface version");
    let text = error.to_string();
    assert!(text.contains("realm:plugin/chat-filter") && text.contains("0.9.0") && text.contains("0.1.0"), "{text}");
}

#[test]
fn a_later_patch_version_is_welcome() {
    let bytes = Fixture::new("newer", "1.0.0").interface_version("0.1.7").filter(&pass()).build();
    let mut instance = load(&bytes).unwrap().instantiate("{}").unwrap();
    assert!(instance.filter(&crate::calls::line("hello")).is_ok());
}

#[test]
fn a_component_without_hooks_is_refused() {
    let bytes = Fixture::new("idle", "1.0.0").init(&init_refuses(0)).build();
    assert_eq!(load(&bytes).unwrap_err(), LoadError::NoHook);
}

#[test]
fn what_is_no_component_is_told_apart() {
    let fixture = Fixture::new("core", "1.0.0").filter(&pass());
    assert_eq!(load(&fixture.core_module()).unwrap_err(), LoadError::CoreModule);
    assert_eq!(load(b"").unwrap_err(), LoadError::NotWasm);
    assert_eq!(load(b"#!/bin/sh\necho hello\n").unwrap_err(), LoadError::NotWasm);
    let precompiled = wasmtime::Engine::default().precompile_component(&fixture.build()).unwrap();
    assert_eq!(load(&precompiled).unwrap_err(), LoadError::Precompiled);
}

#[test]
fn a_file_that_is_too_large_is_refused_by_class() {
    let padding = vec![0_u8; 4 << 20];
    let bytes = with_section(replacing("large", "1.0.0", "x"), "padding", &padding);
    let error = load(&bytes).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { class: "fast", .. }), "{error}");
}

#[test]
fn a_file_cut_off_anywhere_is_refused_and_never_panics() {
    let host = host();
    let bytes = replacing("cut", "1.0.0", "x");
    for length in 0..bytes.len() {
        assert!(host.load(&bytes[..length], Arc::new(NoLog)).is_err(), "cut off at {length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), headed in any::<bool>()) {
        let mut file = if headed { b"\0asm\x0d\0\x01\0".to_vec() } else { Vec::new() };
        file.extend(bytes);
        prop_assert!(shared().load(&file, Arc::new(NoLog)).is_err());
    }

    #[test]
    fn damaged_components_never_panic(at in 8_usize..10_000, value in any::<u8>()) {
        let mut bytes = good().to_vec();
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = shared().load(&bytes, Arc::new(NoLog)).map(|plugin| plugin.instantiate("{}").map(|_| ()));
    }
}

fn shared() -> &'static Host {
    static HOST: std::sync::OnceLock<Host> = std::sync::OnceLock::new();
    HOST.get_or_init(host)
}

fn good() -> &'static [u8] {
    static GOOD: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    GOOD.get_or_init(|| replacing("good", "1.0.0", "x"))
}

/// A component around `module`, built against an edited contract.
fn built_against(edit: impl Fn(String) -> String, world: &str, module: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = wit_parser::Resolve::default();
    resolve.push_source("realm.wit", &edit(wit_text("0.1.0"))).unwrap();
    let world = format!("package test:guest;\nworld guest {{ {world} }}");
    let package = resolve.push_source("guest.wit", &world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    with_section(component, MANIFEST_SECTION, br#"{"name":"guest","version":"1.0.0"}"#)
}

const EXPORTS_EVENTS: &str = r#"
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
    (func (export "realm:plugin/events@0.1.0#interests") (result i32) (i32.const 0))"#;

#[test]
fn a_function_that_is_missing_is_named() {
    let without_handle = |text: String| text.replace("handle: func(events: list<event>) -> list<effect>;", "");
    let bytes =
        built_against(without_handle, "export realm:plugin/events@0.1.0;", &format!("(module {EXPORTS_EVENTS})"));
    let error = load(&bytes).unwrap_err().to_string();
    assert!(error.contains("function `handle` is missing in its `realm:plugin/events@0.1.0`"), "{error}");
}

#[test]
fn a_function_that_is_another_is_named_when_it_is_started() {
    let handle = r#"(func (export "realm:plugin/events@0.1.0#handle") (param i32 i32) (result i32) (i32.const 16))"#;
    let module = format!("(module {EXPORTS_EVENTS} {handle})");
    for (from, to) in [
        ("interests: func() -> kinds;", "interests: func() -> u32;"),
        ("level-up,\n  }", "level-up,\n sleep,\n  }"),
        ("level-up(u32),", "level-up(u32), sleep,"),
    ] {
        let bytes = built_against(|text| text.replace(from, to), "export realm:plugin/events@0.1.0;", &module);
        let error = load(&bytes).unwrap().instantiate("{}").unwrap_err();
        assert_eq!(error.kind(), "init");
        let text = error.to_string();
        assert!(text.contains("a function of its `events` has other types"), "{text}");
    }
}

#[test]
fn a_call_that_the_realm_does_not_have_is_named() {
    let more = |text: String| text.replace("now-ms: func() -> u64;", "now-ms: func() -> u64; ticks: func() -> u64;");
    let module = r#"(module (import "realm:plugin/clock@0.1.0" "ticks" (func (result i64)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "realm:plugin/events@0.1.0#interests") (result i32) (i32.const 0))
        (func (export "realm:plugin/events@0.1.0#handle") (param i32 i32) (result i32) (i32.const 16)))"#;
    let world = "import realm:plugin/clock@0.1.0; export realm:plugin/events@0.1.0;";
    let error = load(&built_against(more, world, module)).unwrap_err().to_string();
    assert!(
        error.contains("it calls `ticks` of `realm:plugin/clock@0.1.0`, which this realm does not have"),
        "{error}"
    );
    let other = |text: String| text.replace("now-ms: func() -> u64;", "now-ms: func() -> s64;");
    let module = module.replace("ticks", "now-ms");
    let error = load(&built_against(other, world, &module)).unwrap_err().to_string();
    assert!(error.contains("it calls `now-ms` of `realm:plugin/clock@0.1.0` with other types"), "{error}");
}
