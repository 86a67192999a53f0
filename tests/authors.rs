//! What a plugin's author does at the terminal: make, check, measure and sign, with the real program.

use std::fs;

use crate::harness::{TestRealm, built_plugins, eventually, program::Site};
use crate::rules::components::{Fixture, pass};

#[test]
fn a_new_plugin_is_made_where_no_tree_is() {
    let site = Site::empty();
    let said = site.run(&["plugin", "new", "first-filter"]).success();
    assert!(said.contains("first-filter/src/lib.rs") && said.contains("realm plugin build first-filter"), "{said}");
    let folder = site.folder().join("first-filter");
    for file in ["Cargo.toml", "src/lib.rs", "README.md", "wit/chat-filter.wit", "sdk/plugin-rust/src/lib.rs"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let again = site.run(&["plugin", "new", "first-filter"]).refusal();
    assert!(again.contains("exists already"), "{again}");
    let said = site.run(&["plugin", "new", "talker", "--hook", "events", "--lang", "js"]).success();
    assert!(said.contains("talker/src/plugin.js"), "{said}");
    let said = site.run(&["plugin", "new", "typed", "--hook", "ladder", "--lang", "ts"]).success();
    assert!(said.contains("typed/src/plugin.ts"), "{said}");
    let types = fs::read_to_string(site.folder().join("typed/sdk/plugin-js/realm-plugin.d.ts")).unwrap();
    assert!(types.contains("export interface Ladder {"), "{types}");
    let refused = site.run(&["plugin", "new", "fast", "--hook", "anti-cheat", "--lang", "js"]).refusal();
    assert!(refused.contains("cannot be answered in JavaScript") && refused.contains("--lang rust"), "{refused}");
    let refused = site.run(&["plugin", "build", "."]).refusal();
    assert!(refused.contains("realm plugin new NAME"), "{refused}");
}

#[test]
fn a_check_shows_what_a_plugin_is_and_says_what_does_not_fit() {
    let site = Site::empty();
    let built = built_plugins().join("chat-filter.wasm");
    let said = site.run(&["plugin", "check", built.to_str().unwrap()]).success();
    for phrase in ["chat-filter 0.1.0", "fast: ", "chat-filter (filter)", "Asks for    log", "It fits this realm."] {
        assert!(said.contains(phrase), "{phrase}\n{said}");
    }
    let other = Fixture::new("polite", "1.0.0").interface_version("0.2.0").filter(&pass()).build();
    fs::write(site.folder().join("other.wasm"), other).unwrap();
    let ended = site.run(&["plugin", "check", "other.wasm"]);
    assert_eq!(ended.code, Some(1));
    let wanted = "built for `realm:plugin/chat-filter` 0.2.0, this realm speaks 0.1.0";
    assert!(ended.out.contains(wanted) && ended.out.contains("does NOT fit"), "{}", ended.out);
}

/// The head of what the engine writes when it has compiled a component.
fn machine_code() -> Vec<u8> {
    let mut head = vec![0; 64];
    head[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\xc8");
    (head[20], head[48]) = (1, 2);
    head
}

/// What people drop by mistake, and what each verb says of it.
#[test]
fn a_file_that_is_no_plugin_is_refused_in_words_by_every_verb() {
    let site = Site::empty();
    let good = polite("1.0.0");
    let fixture = Fixture::new("polite", "1.0.0").filter(&pass());
    let wrong_type = wat::parse_str(
        r#"(component
            (@custom "realm:plugin" "{\"name\":\"polite\",\"version\":\"1.0.0\"}")
            (import "realm:plugin/chat-filter@0.1.0" (instance $hook (export "filter" (func (result string)))))
            (export "realm:plugin/chat-filter@0.1.0" (instance $hook)))"#,
    );
    let no_function = wat::parse_str(
        r#"(component
            (@custom "realm:plugin" "{\"name\":\"polite\",\"version\":\"1.0.0\"}")
            (instance $empty) (export "realm:plugin/chat-filter@0.1.0" (instance $empty)))"#,
    );
    let files: [(&str, Vec<u8>, &str); 9] = [
        ("empty", Vec::new(), "this is no WebAssembly"),
        ("script", b"#!/bin/sh\n".to_vec(), "this is no WebAssembly"),
        ("machine-code", machine_code(), "precompiled machine code"),
        ("core-module", fixture.core_module(), "`realm plugin build`, which makes a component of it"),
        ("cut-off", good[..good.len() / 2].to_vec(), "damaged or cut off"),
        ("no-manifest", fixture.without_manifest(), "manifest"),
        ("other-version", fixture.interface_version("0.2.0").build(), "0.2.0"),
        ("wrong-type", wrong_type.unwrap(), "parameter"),
        ("no-function", no_function.unwrap(), "missing function `filter` in `chat-filter`"),
    ];
    for (name, bytes, why) in files {
        let file = format!("{name}.wasm");
        fs::write(site.folder().join(&file), bytes).unwrap();
        let checked = site.run(&["plugin", "check", &file]);
        assert_eq!(checked.code, Some(1), "{file}: {}{}", checked.out, checked.errors);
        println!("{}", checked.out);
        assert!(checked.out.contains("PROBLEM") && checked.out.contains(why), "{file}: {why}\n{}", checked.out);
        assert!(checked.out.contains("It does NOT fit this realm."), "{}", checked.out);
        let said = site.run(&["plugin", "bench", &file]).refusal();
        println!("bench: {said}");
        assert!(said.starts_with(&file), "a sentence names the file: {said}");
    }
    for name in ["empty", "script", "cut-off", "core-module", "no-manifest"] {
        let said = site.run(&["plugin", "sign", &format!("{name}.wasm")]).refusal();
        println!("sign: {said}");
        assert!(said.contains(&format!("{name}.wasm")) && said.contains("only a plugin is signed"), "{said}");
    }
    for verb in ["check", "bench", "sign"] {
        let said = site.run(&["plugin", verb, "gone.wasm"]).refusal();
        assert!(said.starts_with("gone.wasm cannot be read"), "{verb}: {said}");
        let said = site.run(&["plugin", verb, "."]).refusal();
        assert!(said.contains("is a folder; name the component in it"), "{verb}: {said}");
    }
}

#[test]
fn a_check_holds_a_signature_against_the_keys_of_the_realm() {
    let site = Site::empty();
    let said = site.run(&["plugin", "keygen", "own", "--no-password"]).success();
    let key = said.split('"').nth(1).expect("the line for realm.toml holds the key").to_owned();
    site.run(&["plugin", "keygen", "other", "--no-password"]).success();
    let check = || site.run(&["plugin", "check", "polite.wasm"]);
    fs::write(site.folder().join("polite.wasm"), polite("1.0.0")).unwrap();
    assert!(check().success().contains("Signed      no, and this realm does not ask for it"));
    fs::write(site.folder().join("realm.toml"), format!("[plugins]\nkeys = [\"{key}\"]\nrequire_signed = true\n"))
        .unwrap();
    assert!(check().out.contains("PROBLEM     signature: it is not signed"), "{}", check().out);
    sign(&site, "other.key", &polite("1.0.0"));
    assert!(check().out.contains("PROBLEM     signature: it is signed with a key that is not in"), "{}", check().out);
    sign(&site, "own.key", &polite("1.0.0"));
    assert!(check().success().contains("Signed      yes, with a key of `[plugins] keys`"));
    fs::write(site.folder().join("polite.wasm"), polite("1.0.1")).unwrap();
    assert!(check().out.contains("PROBLEM     signature: its signature is for other bytes"), "{}", check().out);
}

#[test]
fn a_bench_shows_time_and_memory_of_every_hook() {
    let site = Site::empty();
    let built = built_plugins().join("anti-cheat.wasm");
    let said = site.run(&["plugin", "bench", built.to_str().unwrap(), "--calls", "20"]).success();
    for phrase in ["check-actions, 64 acts", "check-character", "µs", "KiB"] {
        assert!(said.contains(phrase), "{phrase}\n{said}");
    }
}

/// A component that lets every line pass.
fn polite(version: &str) -> Vec<u8> {
    Fixture::new("polite", version).filter(&pass()).build()
}

/// Signs a component with a key of the site; gives the text of the signature.
fn sign(site: &Site, key: &str, bytes: &[u8]) -> String {
    fs::write(site.folder().join("polite.wasm"), bytes).unwrap();
    let said = site.run(&["plugin", "sign", "polite.wasm", "--key", key]).success();
    assert!(said.contains("Signed polite "), "{said}");
    fs::read_to_string(site.folder().join("polite.wasm.minisig")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_known_key_signed_comes_to_work() {
    let site = Site::empty();
    let said = site.run(&["plugin", "keygen", "own", "--no-password"]).success();
    let key = said.split('"').nth(1).expect("the line for realm.toml holds the key").to_owned();
    site.run(&["plugin", "keygen", "other", "--no-password"]).success();
    assert!(site.run(&["plugin", "keygen", "own", "--no-password"]).refusal().contains("exists already"));

    let realm = TestRealm::start_with(|config| {
        (config.plugins.keys, config.plugins.require_signed) = (vec![key.clone()], true);
    })
    .await;
    let drop_in = |bytes: &[u8], signature: Option<&str>| {
        let file = realm.plugin_dir().join("polite.wasm");
        if let Some(signature) = signature {
            fs::write(realm.plugin_dir().join("polite.wasm.minisig"), signature).unwrap();
        }
        fs::write(file, bytes).unwrap();
    };
    let status = || realm.realm().rules().status().into_iter().find(|status| status.file == "polite.wasm");
    let problem = async |phrase: &str| {
        eventually(phrase, async || status()?.problem.filter(|problem| problem.contains(phrase)).map(drop)).await;
    };
    let at_work = async |version: &str| {
        eventually(version, async || {
            status().filter(|status| status.version == version && status.problem.is_none()).map(drop)
        })
        .await;
    };

    drop_in(&polite("1.1.0"), None);
    problem("it is not signed").await;
    // The signature may come after the file.
    fs::write(realm.plugin_dir().join("polite.wasm.minisig"), sign(&site, "own.key", &polite("1.1.0"))).unwrap();
    at_work("1.1.0").await;
    drop_in(&polite("1.2.0"), Some(&sign(&site, "other.key", &polite("1.2.0"))));
    problem("a key that is not in").await;
    drop_in(&polite("1.2.1"), Some(&sign(&site, "own.key", &polite("1.2.2"))));
    problem("for other bytes").await;
    drop_in(&polite("1.0.0"), Some(&sign(&site, "own.key", &polite("1.0.0"))));
    problem("is older than 1.1.0").await;
    assert_eq!(status().unwrap().version, "1.1.0", "the version at work stays");
    drop_in(&polite("1.2.0"), Some(&sign(&site, "own.key", &polite("1.2.0"))));
    at_work("1.2.0").await;
    realm.stop().await;
}
