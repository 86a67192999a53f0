//! The verbs of the binary, run as an operator runs them.

use std::{fs, net::TcpListener};

use realm_client::{Rest, Trust};
use rustix::process::Signal;

use crate::harness::{
    PASSWORD, built_plugins,
    program::{Site, Up, run},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_banner_says_everything_that_a_newcomer_needs() {
    let site = Site::new();
    let up = site.up();
    let (banner, endpoint) = (up.banner(), site.endpoint());
    for wanted in [
        format!("https://127.0.0.1:{}/api/v1", endpoint.https_port),
        format!("wss://127.0.0.1:{}/ws", endpoint.https_port),
        format!("frames over TLS on 127.0.0.1:{}", endpoint.realm_port),
        format!("frames over TLS on 127.0.0.1:{}", endpoint.game_port),
        "/metrics".to_owned(),
        format!("Data     {}", site.data().canonicalize().unwrap().display()),
        "Config   defaults".to_owned(),
        "self-signed".to_owned(),
        "owner create NAME --token ".to_owned(),
        " --data realm-data".to_owned(),
    ] {
        assert!(banner.contains(&wanted), "{wanted:?} is missing in\n{banner}");
    }
    for plugin in ["anti-cheat", "chat-filter", "ladder", "matchmaking"] {
        let line = banner.lines().find(|line| line.trim_start().starts_with(&format!("{plugin} ")));
        let line = line.unwrap_or_else(|| panic!("no line of {plugin} in\n{banner}"));
        assert!(line.contains(" 0.1.0 ") && line.contains(" KB  loaded in "), "{line}");
        assert_eq!(line.matches(plugin).count(), 2, "its name and its hook of the same name: {line}");
    }
    let shown = banner.lines().find_map(|line| line.split_once("Cert     SHA-256 ")).expect("a fingerprint").1;
    let mut pinned = endpoint.clone();
    pinned.trust = Trust::fingerprint(shown.split(' ').next().unwrap()).unwrap();
    Rest::new(&pinned).realms().await.expect("the shown fingerprint is the certificate's");
}

#[test]
fn a_signal_saves_everything_and_ends_well() {
    let site = Site::new();
    for signal in [Signal::INT, Signal::TERM] {
        let up = site.up();
        let (code, last) = up.end(signal);
        assert_eq!(code, Some(0), "{last}");
        assert!(last.contains("Stopping: telling players, saving characters."), "{last}");
        assert!(last.contains("everything is saved"), "{last}");
        assert!(!last.contains('\u{1b}'), "colours are for terminals: {last}");
        assert!(!realm::Endpoint::file(&site.data()).exists(), "the note of a running realm is gone");
    }
}

#[test]
fn a_second_realm_over_the_same_folder_is_refused_and_told_who_holds_it() {
    let site = Site::new();
    let up = site.up();
    let note = fs::read_to_string(realm::Endpoint::file(&site.data())).unwrap();
    let said = site.run(&["up", "--data", "realm-data"]).refusal();
    assert!(said.contains("realm-data") && said.contains(&format!("in use by process {}", up.process())), "{said}");
    assert!(said.contains("stop that realm first"), "{said}");
    let after = fs::read_to_string(realm::Endpoint::file(&site.data())).unwrap();
    assert_eq!(note, after, "the first realm is still found");
    assert_eq!(up.end(Signal::TERM).0, Some(0));
}

#[test]
fn a_port_in_use_is_named_with_its_key_and_a_remedy() {
    let site = Site::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    for (variable, key) in
        [("REALM__NET__HTTPS", "https"), ("REALM__NET__REALM", "realm"), ("REALM__NET__GAME", "game")]
    {
        let mut command = site.realm(&["up", "--data", "realm-data"]);
        let said = run(command.env(variable, taken.to_string()), "").refusal();
        assert!(said.starts_with(&format!("[net] {key} = \"{taken}\": port {} is in use", taken.port())), "{said}");
    }
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    let said = run(command.env("REALM__TELEMETRY__LISTEN", taken.to_string()), "").refusal();
    assert!(said.starts_with(&format!("[telemetry] listen = \"{taken}\"")) && said.contains("in use"), "{said}");
}

#[test]
fn check_names_a_port_in_use_and_a_log_filter_that_is_none() {
    let site = Site::empty();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    for (variable, wanted) in [
        (
            "REALM__NET__GAME",
            format!("PROBLEM  addresses      [net] game = \"{taken}\": port {} is in use", taken.port()),
        ),
        ("REALM__TELEMETRY__LISTEN", format!("PROBLEM  addresses      [telemetry] listen = \"{taken}\": ")),
        (
            "REALM__TELEMETRY__LOG",
            format!("PROBLEM  configuration  REALM__TELEMETRY__LOG: [telemetry] log = \"a={taken}\""),
        ),
    ] {
        let value = if variable.ends_with("LOG") { format!("a={taken}") } else { taken.to_string() };
        let mut command = site.realm(&["check", "--data", "realm-data"]);
        let checked = run(command.env(variable, value), "");
        assert_eq!(checked.code, Some(1), "{}", checked.out);
        assert!(checked.out.contains(&wanted), "{wanted:?} is missing in\n{}", checked.out);
    }
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    let said = run(command.env("REALM__TELEMETRY__LOG", "a=loud"), "").refusal();
    assert!(
        said.starts_with("REALM__TELEMETRY__LOG: [telemetry] log = ") && said.contains("write for example"),
        "{said}"
    );
}

#[test]
fn an_unusable_data_folder_is_named_with_a_remedy() {
    let site = Site::new();
    fs::write(site.folder().join("a-file"), "not a folder").unwrap();
    for data in ["a-file", "a-file/below"] {
        let said = site.run(&["up", "--data", data]).refusal();
        assert!(said.starts_with(&format!("the data folder {data} cannot be used")), "{said}");
        assert!(said.contains("choose another with --data"), "{said}");
    }
    assert_eq!(fs::read_to_string(site.folder().join("a-file")).unwrap(), "not a folder");
}

#[test]
fn a_missing_certificate_file_is_named_by_up_and_by_check() {
    let site = Site::new();
    fs::write(site.folder().join("realm.toml"), "[tls]\ncertificate = \"no.pem\"\nkey = \"no.key\"\n").unwrap();
    let said = site.run(&["up", "--data", "realm-data"]).refusal();
    assert!(said.contains("no.pem") && said.contains("[tls] certificate"), "{said}");
    let checked = site.run(&["check", "--data", "realm-data"]);
    assert_eq!(checked.code, Some(1));
    assert!(checked.out.contains("PROBLEM  certificate") && checked.out.contains("no.pem"), "{}", checked.out);

    fs::write(site.folder().join("realm.toml"), "[tls]\ncertificate = \"no.pem\"\n").unwrap();
    let said = site.run(&["up", "--data", "realm-data"]).refusal();
    assert!(said.contains("go together"), "{said}");
}

#[test]
fn an_unknown_key_is_refused_with_line_and_suggestion_and_a_value_with_its_range() {
    let site = Site::new();
    for (text, wanted) in [
        (
            "[net]\n\nhttsp = \"0.0.0.0:1\"\n",
            "realm.toml line 3: there is no key \"net.httsp\"; did you mean \"net.https\"?",
        ),
        ("[games]\ntick_threads = 0\n", "realm.toml line 2: games.tick_threads = 0: write a number from 1 to 64"),
        ("[chat]\nchannels = [\"1\"]\n", "realm.toml line 2: [chat] channels: \"1\": "),
    ] {
        fs::write(site.folder().join("realm.toml"), text).unwrap();
        for verb in ["up", "migrate"] {
            let said = site.run(&[verb, "--data", "realm-data"]).refusal();
            assert!(said.starts_with(wanted), "{verb}: {said}");
        }
        let checked = site.run(&["check", "--data", "realm-data"]);
        assert_eq!(checked.code, Some(1), "{}", checked.out);
        assert!(checked.out.contains(wanted), "{}", checked.out);
    }
    fs::remove_file(site.folder().join("realm.toml")).unwrap();
    let said = site.run(&["up", "--config", "elsewhere.toml"]).refusal();
    assert!(said.starts_with("elsewhere.toml: cannot be read"), "{said}");
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    let said = run(command.env("REALM__GAMES__GAMES_MXA", "7"), "").refusal();
    assert_eq!(said, "REALM__GAMES__GAMES_MXA: there is no key \"games.games_mxa\"; did you mean \"games.games_max\"?");
}

/// The same plugin, built for an interface of which this realm knows nothing.
fn from_the_future() -> Vec<u8> {
    let mut bytes = fs::read(built_plugins().join("chat-filter.wasm")).expect("a built plugin");
    let (now, later) = (b"realm:plugin/chat-filter@0.1.0", b"realm:plugin/chat-filter@0.9.0");
    let places: Vec<_> = (0..bytes.len() - now.len()).filter(|at| bytes[*at..].starts_with(now)).collect();
    assert!(!places.is_empty(), "the plugin names its interface");
    for at in places {
        bytes[at..at + later.len()].copy_from_slice(later);
    }
    bytes
}

#[test]
fn a_plugin_for_another_interface_does_not_keep_the_realm_from_starting() {
    let site = Site::new();
    fs::write(site.data().join("plugins/chat-filter.wasm"), from_the_future()).unwrap();
    fs::write(site.data().join("plugins/noise.wasm"), "no plugin at all").unwrap();
    let up = site.up();
    let line_of = |file: &str| {
        let line = up.banner().lines().find(|line| line.contains(file) && line.contains("NOT AT WORK"));
        line.unwrap_or_else(|| panic!("no such line of {file} in\n{}", up.banner())).to_owned()
    };
    let line = line_of("chat-filter.wasm");
    assert!(line.contains("0.9.0") && line.contains("this realm speaks 0.1.0"), "{line}");
    line_of("noise.wasm");
    assert!(up.banner().contains("matchmaking "), "the others work\n{}", up.banner());
    assert_eq!(up.end(Signal::TERM).0, Some(0));

    let checked = site.run(&["check", "--data", "realm-data"]);
    assert_eq!(checked.code, Some(1));
    assert!(checked.out.contains("PROBLEM  plugin chat-filter.wasm"), "{}", checked.out);
    assert!(checked.out.contains("ok       plugin ladder.wasm"), "{}", checked.out);
    assert!(checked.out.contains("Problems: 2."), "{}", checked.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_made_with_the_banner_s_token_and_only_once() {
    let site = Site::new();
    let said = run(&mut site.realm(&["owner", "create", "Maren", "--token", "x"]), PASSWORD).refusal();
    assert!(said.contains("no realm runs over the data folder realm-data") && said.contains("`realm up`"), "{said}");

    let up = site.up();
    let create = |name: &str, token: &str, password: &str| {
        run(&mut site.realm(&["owner", "create", name, "--token", token, "--data", "realm-data"]), password)
    };
    let said = create("Maren", "0000-0000", PASSWORD).refusal();
    assert!(said.starts_with("OWNER_TOKEN_INVALID: "), "{said}");
    let said = create("Maren", up.token(), "password\n").refusal();
    assert!(said.starts_with("INVALID_PASSWORD: "), "{said}");
    let done = create("Maren", up.token(), &format!("{PASSWORD}\n")).success();
    assert_eq!(done.trim(), "Maren owns this realm now.");
    let said = create("Second", up.token(), PASSWORD).refusal();
    assert!(said.starts_with("OWNER_TOKEN_INVALID: "), "{said}");

    let tokens = Rest::new(&site.endpoint()).login("Maren", PASSWORD).await.unwrap();
    assert_eq!(tokens.account.role, "owner");
    assert_eq!(up.end(Signal::TERM).0, Some(0));
    let again = site.up();
    assert!(!again.banner().contains("owner create"), "there is an owner:\n{}", again.banner());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let site = Site::new();
    let up = site.up();
    let mut acknowledged = Vec::new();
    for number in 0..5_u8 {
        let mut rest = Rest::new(&site.endpoint());
        let name = format!("Player-{}", char::from(b'a' + number));
        rest.register(&name, PASSWORD).await.unwrap();
        rest.login(&name, PASSWORD).await.unwrap();
        let hero = format!("Hero-{}", char::from(b'a' + number));
        let character = rest.create_character(&hero, "Assassin", number % 2 == 0).await.unwrap();
        acknowledged.push((name, character));
    }
    let (code, _) = up.end(Signal::KILL);
    assert_eq!(code, None, "it had no time to save anything");
    assert!(realm::Endpoint::file(&site.data()).exists(), "nor to tidy up");

    let _again = site.up();
    for (name, character) in acknowledged {
        let mut rest = Rest::new(&site.endpoint());
        rest.login(&name, PASSWORD).await.unwrap();
        assert_eq!(rest.characters().await.unwrap().characters, [character]);
    }
}

#[test]
fn check_and_migrate_say_what_they_find() {
    let site = Site::empty();
    let checked = site.run(&["check", "--data", "realm-data"]).success();
    assert!(
        checked.contains("will be made at the first start") && checked.contains("The realm can start."),
        "{checked}"
    );
    assert!(!site.data().exists(), "checking makes nothing");
    let said = site.run(&["migrate", "--data", "realm-data"]).refusal();
    assert!(said.contains("there is no data folder realm-data"), "{said}");

    let site = Site::new();
    let migrated = site.run(&["migrate", "--data", "realm-data"]).success();
    assert!(migrated.starts_with("The database went from schema 0 to "), "{migrated}");
    let migrated = site.run(&["migrate", "--data", "realm-data"]).success();
    assert!(migrated.contains("the newest; nothing to do"), "{migrated}");
    assert_eq!(site.up().end(Signal::TERM).0, Some(0));
    let checked = site.run(&["check", "--data", "realm-data"]).success();
    for wanted in [
        "ok       configuration",
        "ok       certificate    self-signed, SHA-256 ",
        "ok       database       schema ",
        "ok       content",
        "ok       addresses      free: https 127.0.0.1:",
        "ok       plugin chat-filter.wasm",
        "The realm can start.",
    ] {
        assert!(checked.contains(wanted), "{wanted:?} is missing in\n{checked}");
    }
}

#[test]
fn check_and_migrate_leave_a_running_realm_alone() {
    let site = Site::new();
    let up = site.up();
    let checked = site.run(&["check", "--data", "realm-data"]).success();
    let wanted =
        format!("ok       addresses      in use by the realm that runs over this folder (process {})", up.process());
    assert!(checked.contains(&wanted), "{checked}");
    let said = site.run(&["migrate", "--data", "realm-data"]).refusal();
    assert!(said.contains(&format!("in use by process {}", up.process())), "{said}");
    assert_eq!(up.end(Signal::TERM).0, Some(0));
}

#[test]
fn the_printed_configuration_can_be_used_and_shows_what_overrides_it() {
    let site = Site::new();
    let default = site.run(&["config", "default"]).success();
    fs::write(site.folder().join("realm.toml"), &default).unwrap();
    let mut command = site.realm(&["config", "show"]);
    let shown = run(command.env("REALM__GAMES__GAMES_MAX", "77"), "").success();
    let shown: toml::Table = shown.parse().unwrap();
    assert_eq!(shown["games"]["games_max"].as_integer(), Some(77), "the environment overrides the file");
    assert_eq!(shown["realm"]["name"].as_str(), Some("Emberfall"));
    fs::write(site.folder().join("realm.toml"), default.replace("name = \"Emberfall\"", "name = \"Ashfall\"")).unwrap();
    let up = Up::start(&mut site.realm(&["up"]));
    assert!(up.banner().contains("Ashfall · realm "), "{}", up.banner());
    let file = site.folder().canonicalize().unwrap().join("realm.toml");
    assert!(up.banner().contains(&format!("Config   {}", file.display())), "{}", up.banner());
}

#[test]
fn bots_play_and_nothing_is_lost() {
    let site = Site::empty();
    let summary = site.run(&["bots", "--players", "4", "--seconds", "3"]).success();
    for wanted in [
        "Chat ",
        "Games ",
        "Ticks ",
        "Cheats ",
        "Saves ",
        "Stored ",
        "Reload   the replaced plugin decided after",
        "Ladder",
    ] {
        assert!(summary.lines().any(|line| line.starts_with(wanted)), "{wanted:?} is missing in\n{summary}");
    }
    assert!(summary.contains("Nothing was lost."), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_play_on_a_realm_that_runs_and_replace_its_rule() {
    let site = Site::new();
    let up = site.up();
    run(&mut site.realm(&["owner", "create", "Maren", "--token", up.token()]), PASSWORD).success();
    let endpoint = site.endpoint();
    let token = Rest::new(&endpoint).login("Maren", PASSWORD).await.unwrap().access_token;
    let shown = up.banner().lines().find_map(|line| line.split_once("Cert     SHA-256 ")).expect("a fingerprint").1;
    let fingerprint = shown.split(' ').next().unwrap();
    let (url, realm_port) = (format!("https://127.0.0.1:{}", endpoint.https_port), endpoint.realm_port.to_string());
    let place = ["bots", "--players", "4", "--seconds", "3", "--url", &url, "--fingerprint", fingerprint];
    let place = [&place[..], &["--realm-port", &realm_port, "--plugin-dir", "realm-data/plugins"]].concat();
    let summary = site.run(&[&place[..], &["--staff-token", &token]].concat()).success();
    assert!(summary.contains("Reload   the replaced plugin decided after"), "{summary}");
    assert!(summary.contains("Nothing was lost."), "{summary}");

    let summary = site.run(&[&place[..], &["--staff-token", "no.such.token"]].concat());
    assert_eq!(summary.code, Some(1), "a rule that was not replaced is a loss: {}", summary.out);
    assert_eq!(up.end(Signal::TERM).0, Some(0));
}
