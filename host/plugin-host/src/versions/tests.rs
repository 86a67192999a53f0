//! A plugin of today's version and one of the next answer through the same call.

use std::sync::Arc;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::next;
use crate::{Host, Instance, Limits, LoadError, NoLog, bindings::chat_filter};

#[allow(dead_code, unreachable_pub, reason = "shared with the tests from outside")]
#[path = "../../tests/it/components.rs"]
mod components;

use components::{Fixture, replacing, with_section};

/// A plugin of the next version: it replaces every line by its language.
fn of_the_next_version() -> Vec<u8> {
    let text = format!(
        r#"(module (memory (export "memory") 2)
             (global $top (mut i32) (i32.const 65536))
             (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
               (global.set $top (i32.add (global.get $top) (local.get $size)))
               (i32.sub (global.get $top) (local.get $size)))
             (func (export "{name}#filter") (param i64 i32 i32 i32 i32 i32 i32 i32) (param $language i32)
                 (param $length i32) (param i64) (result i32)
               (i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (local.get $language))
               (i32.store (i32.const 24) (local.get $length)) (i32.const 16)))"#,
        name = next::CHAT_FILTER
    );
    let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = Resolve::default();
    let package = resolve.push_source("next.wit", next::PACKAGE).unwrap();
    let world = resolve.select_world(&[package], Some("chat-filter-plugin")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    with_section(component, crate::MANIFEST_SECTION, br#"{"name":"next","version":"1.0.0"}"#)
}

fn filter(instance: &mut Instance) -> chat_filter::Verdict {
    let line = chat_filter::Line {
        account: 7,
        account_name: "Ann".to_owned(),
        destination: chat_filter::Destination::Channel,
        target: "Town".to_owned(),
        text: "hello".to_owned(),
        now_ms: 1,
    };
    instance.filter(&line).unwrap()
}

#[test]
fn two_versions_of_the_contract_answer_side_by_side() {
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    let instance = |bytes: &[u8]| host.load(bytes, Arc::new(NoLog)).unwrap().instantiate("{}").unwrap();
    let mut today = instance(&replacing("today", "1.0.0", "today's"));
    let mut next = instance(&of_the_next_version());
    for _ in 0..3 {
        assert_eq!(filter(&mut today), chat_filter::Verdict::Replace("today's".to_owned()));
        assert_eq!(filter(&mut next), chat_filter::Verdict::Replace(next::LANGUAGE_UNKNOWN.to_owned()));
    }
}

#[test]
fn a_version_is_served_for_the_interfaces_that_have_it() {
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    let bytes = Fixture::new("early", "1.0.0").interface_version("0.2.0").score("(i64.const 0)").build();
    assert!(matches!(host.load(&bytes, Arc::new(NoLog)), Err(LoadError::InterfaceVersion { .. })));
}
