//! A disk that is full: the realm goes on, says so, promises nothing that it cannot keep, and is well again when there is room.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use realm_client::{ClientError, GameConnection, Rest, proto};
use realm_disk::{Disk, Platter};
use rustix::process::Signal;

use crate::harness::{
    PASSWORD, built_plugins, eventually, pilot,
    program::{Site, Up},
};

/// What `/readyz` says, when it is red.
fn not_ready(up: &Up) -> Option<String> {
    let address = up.banner().split("http://").nth(1).and_then(|rest| rest.split('/').next());
    let address: SocketAddr = address.and_then(|address| address.parse().ok()).expect("the banner names the metrics");
    let mut socket = TcpStream::connect(address).expect("it listens");
    socket.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("it answers");
    (!answer.starts_with("HTTP/1.1 200")).then_some(answer)
}

/// Registers under new names until a moment, or until it is refused; the names that the realm said yes to, and how often it said that its
/// disk is full.
async fn register(rest: &mut Rest, prefix: &str, mut goes_on: impl FnMut(usize) -> bool) -> (Vec<String>, usize) {
    let (letters, mut accepted, mut refused) = (["a", "b", "d", "e", "f", "g", "h", "j", "k", "m"], Vec::new(), 0);
    for number in 0_usize..1_000 {
        if !goes_on(refused) {
            break;
        }
        let name =
            format!("{prefix}{}", [number / 100, number / 10 % 10, number % 10].map(|digit| letters[digit]).concat());
        match rest.register(&name, PASSWORD).await {
            Ok(_) => accepted.push(name),
            Err(ClientError::Refused { status, code, .. }) => match (status, code.as_str()) {
                (507, "STORAGE_FULL") => refused += 1,
                // While the file is opened anew on the full disk.
                (503, "STORAGE_UNAVAILABLE") => {}
                other => panic!("{name}: {other:?}"),
            },
            Err(other) => panic!("{other}"),
        }
    }
    (accepted, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_no_game_and_nothing_is_acknowledged_that_is_not_stored() {
    if !realm_disk::is_wanted() {
        println!("left out: {}=none says that no disk can be mounted here", realm_disk::VARIABLE);
        return;
    }
    let site = Site::empty();
    fs::create_dir(site.data()).unwrap();
    let disk = Disk::mount(&site.data(), Platter::default()).unwrap_or_else(|problem| panic!("{problem}"));
    fs::create_dir(site.data().join("plugins")).unwrap();
    for name in ["anti-cheat", "chat-filter", "ladder", "matchmaking"] {
        let file = format!("{name}.wasm");
        fs::copy(built_plugins().join(&file), site.data().join("plugins").join(&file)).unwrap();
    }
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    for (key, value) in [
        ("ACCOUNTS__LOGIN_BURST", "10000"),
        ("ACCOUNTS__REGISTRATIONS_PER_HOUR", "10000"),
        ("SESSION__REQUEST_BURST", "10000"),
        ("GAMES__AUTOSAVE_SECONDS", "1"),
        ("NET__SILENCE_MAX_MS", "600000"),
    ] {
        command.env(format!("REALM__{key}"), value);
    }
    let up = Up::start(&mut command);
    let endpoint = site.endpoint();
    let mut maren = Rest::new(&endpoint);
    maren.register("Maren", PASSWORD).await.unwrap();
    maren.login("Maren", PASSWORD).await.unwrap();
    let hero = maren.create_character("Maren-hero", "Druid", false).await.unwrap();
    let wish = proto::GameCreate { name: "Cellar".into(), ..Default::default() };
    let ticket = maren.create_game(hero.id, &wish).await.unwrap();
    let mut game = GameConnection::enter(&endpoint, &ticket).await.unwrap();
    assert_eq!(not_ready(&up), None);

    disk.fill(true);
    let full = Instant::now();
    let said = eventually("a red /readyz", async || not_ready(&up)).await;
    println!("red after {:?}: {}", full.elapsed(), said.lines().last().unwrap_or_default());
    assert!(said.contains("The disk that holds the database is full"), "{said}");
    let tick = pilot::snapshot(&mut game).await.tick;
    let mut rest = Rest::new(&endpoint);
    let until = full + Duration::from_secs(5);
    let ((stored, refused), ()) =
        tokio::join!(register(&mut rest, "Try", |refused| refused == 0 || Instant::now() < until), async {
            // Whoever reads no snapshots is closed as too slow.
            while Instant::now() < until {
                pilot::snapshot(&mut game).await;
            }
        });
    println!("{} accounts found room, {refused} were told that there is none", stored.len());
    assert!(refused > 0);
    eventually("snapshots of now", async || (pilot::snapshot(&mut game).await.tick > tick + 20).then_some(())).await;
    assert!(not_ready(&up).is_some(), "it is still full");

    disk.fill(false);
    let room = Instant::now();
    eventually("a green /readyz", async || not_ready(&up).is_none().then_some(())).await;
    println!("green {:?} after there was room", room.elapsed());
    let (later, _) = register(&mut rest, "Back", |_| room.elapsed() < Duration::from_millis(500)).await;
    maren.leave_game(ticket.game.unwrap().id).await.expect("the hero is saved");
    drop(game);

    // Nobody says good-bye: what was said yes to is there.
    up.end(Signal::KILL);
    let up = Up::start(&mut command);
    let mut rest = Rest::new(&site.endpoint());
    for name in stored.iter().chain(&later) {
        rest.login(name, PASSWORD).await.expect("what was acknowledged is stored");
    }
    up.end(Signal::TERM);
    drop(disk);
}
