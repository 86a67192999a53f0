//! Both databases from outside: a player's life over PostgreSQL, a database that goes away, backups and moves, ends in the middle.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use realm_client::{ClientError, Door, Rest, proto};
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::{
    harness::{
        Hero, PASSWORD, TestRealm, eventually,
        fault_proxy::{Fault, FaultProxy},
        pilot,
        program::{Ended, PROGRAM, Site, run},
        raw, refused,
    },
    load::machine::pause,
};

/// Asked for with `cargo xtask test --long`.
fn long() -> bool {
    std::env::var_os("REALM_TEST_LONG").is_some()
}

async fn is_ready(realm: &TestRealm) -> bool {
    raw::loopback(realm, "/readyz").await.starts_with("HTTP/1.1 200")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_over_postgresql_outlives_a_restart() {
    let database = realm_postgres::database();
    let realm = TestRealm::start_with(|config| config.storage.url = database.url()).await;
    let mut hero = realm.hero("Maren", Door::WebSocketJson).await;
    let mut rest = hero.player.rest;
    rest.login("Maren", PASSWORD).await.unwrap();
    rest.refresh().await.unwrap();
    assert_eq!(refused(Rest::new(&realm.endpoint()).register("maren", PASSWORD).await).0, 409);
    let birch = rest.create_character("Birch", "Druid", true).await.unwrap();
    rest.delete_character(birch.id).await.unwrap();
    let made = proto::GameCreate { name: "Cellar".into(), ..Default::default() };
    let ticket = hero.lobby.create_game(made).await.unwrap();
    let mut game = realm_client::GameConnection::enter(&hero.player.endpoint, &ticket).await.unwrap();
    pilot::fight_for_experience(&mut game).await;
    hero.lobby.leave_game().await.unwrap();
    let ladder = rest.ladder(None).await.unwrap();
    assert_eq!(ladder["entries"][0]["name"], "Maren-hero", "{ladder}");
    let before = rest.characters().await.unwrap();
    assert!(!realm.data().join("realm.sqlite").exists(), "nothing is in a file");

    let realm = realm.restart().await;
    let mut rest = Rest::new(&realm.endpoint());
    rest.login("Maren", PASSWORD).await.unwrap();
    assert_eq!(rest.characters().await.unwrap(), before);
    assert_eq!(rest.ladder(None).await.unwrap(), ladder);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_realms_over_one_database_are_two_nodes() {
    let database = realm_postgres::database();
    let first = TestRealm::start_with(|config| config.storage.url = database.url()).await;
    let mut ada = first.hero("Ada", Door::Frames).await;
    let second = TestRealm::start_with(|config| {
        config.storage.url = database.url();
        config.node.id = 1;
        config.realm.key = "other".into();
    })
    .await;
    // Nothing of the first realm has become the second's.
    let roster = ada.player.rest.characters().await.unwrap();
    assert_eq!(roster.characters.len(), 1, "{roster:?}");
    // Both write at the same time, and wait for each other.
    let (mut one, mut two) = (Rest::new(&first.endpoint()), Rest::new(&second.endpoint()));
    for number in 0..3 {
        let (name, other) = (format!("Ash-{}", "abc".chars().nth(number).unwrap()), format!("Both{}", number + 2));
        let (left, right) = tokio::join!(one.register(&name, PASSWORD), two.register(&other, PASSWORD));
        left.unwrap();
        right.unwrap();
        // An account spans them, and a name is taken on both.
        two.login(&name, PASSWORD).await.unwrap();
        assert_eq!(refused(one.register(&other, PASSWORD).await), (409, "ACCOUNT_TAKEN".to_owned()));
    }
    let site = Site::new();
    let mut third = site.realm(&["up", "--data", "realm-data"]);
    let said = run(third.env("REALM__STORAGE__URL", database.url()), "").refusal();
    assert!(said.contains("another realm runs as node 0") && said.contains("[node] id"), "{said}");
    first.stop().await;
    second.stop().await;
}

/// How long the database is away in each way.
fn away() -> Duration {
    Duration::from_secs(if long() { 60 } else { 4 })
}

/// Registers until a moment; the names that the realm said yes to.
async fn register_until(rest: &mut Rest, prefix: &str, until: Instant) -> (Vec<String>, usize) {
    let (mut accepted, mut turned_down) = (Vec::new(), 0);
    let letters = ["a", "b", "d", "e", "f", "g", "h", "j", "k", "m"];
    for number in 0_usize.. {
        if Instant::now() >= until {
            break;
        }
        let digits = [number / 100 % 10, number / 10 % 10, number % 10].map(|digit| letters[digit]);
        let name = format!("{prefix}{}{}", letters[number / 1_000 % 10], digits.concat());
        match rest.register(&name, PASSWORD).await {
            Ok(_) => accepted.push(name),
            Err(ClientError::Refused { status: 503, code, .. }) => {
                assert_eq!(code, "STORAGE_UNAVAILABLE");
                turned_down += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    (accepted, turned_down)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_stops_no_game_and_nothing_is_acknowledged_that_is_not_stored() {
    let database = realm_postgres::database();
    let url = database.url();
    let server = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let proxy = FaultProxy::before(server.parse::<SocketAddr>().unwrap()).await;
    let through = url.replace(server, &format!("127.0.0.1:{}", proxy.port()));
    let realm = TestRealm::start_with(|config| config.storage.url = through).await;
    let mut hero: Hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let mut rest = Rest::new(&realm.endpoint());
    let mut accepted = Vec::new();
    for (number, fault) in [Fault::BothSilent, Fault::Cut].into_iter().enumerate() {
        let connections = proxy.connections();
        proxy.set(fault);
        let gone = Instant::now();
        eventually("a red /readyz", async || (!is_ready(&realm).await).then_some(())).await;
        let tick = pilot::snapshot(&mut game).await.tick;
        let (until, prefix) = (Instant::now() + away(), format!("Try{}", ["x", "y"][number]));
        // Whoever reads no snapshots is closed as too slow, and a lobby that says nothing as silent.
        let ((stored, turned_down), ()) = tokio::join!(register_until(&mut rest, &prefix, until), async {
            while Instant::now() < until {
                pilot::snapshot(&mut game).await;
            }
        });
        assert!(turned_down > 0, "{fault:?}");
        accepted.extend(stored);
        // The game has gone on all the time.
        let now = eventually("snapshots of now", async || {
            let snapshot = pilot::snapshot(&mut game).await;
            (snapshot.tick > tick + 20).then_some(snapshot.tick)
        })
        .await;
        assert!(now > tick);
        // Readers that were on their way when it happened, and then one try a second at most.
        let (tries, longest) = (proxy.connections() - connections, gone.elapsed().as_secs());
        assert!(tries <= longest + 12, "{tries} connections in {longest} s: {fault:?}");
        assert!(!is_ready(&realm).await);
        proxy.set(Fault::None);
        eventually("a green /readyz", async || is_ready(&realm).await.then_some(())).await;
        let name = format!("Back{}", ["x", "y"][number]);
        eventually("an account after it", async || rest.register(&name, PASSWORD).await.ok()).await;
        accepted.push(name);
    }
    for name in &accepted {
        rest.login(name, PASSWORD).await.expect("what was acknowledged is stored");
    }
    drop(game);
    realm.stop().await;
}

fn tables(ended: Ended) -> Vec<String> {
    ended.success().lines().filter(|line| line.contains(" rows  ")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_is_backed_up_while_it_runs_and_moves_to_postgresql_and_back() {
    let site = Site::new();
    let database = realm_postgres::database();
    let up = site.up();
    let mut rest = Rest::new(&site.endpoint());
    rest.register("Maren", PASSWORD).await.unwrap();
    let saved = tables(site.run(&["backup", "kept.sqlite", "--data", "realm-data"]));
    assert!(saved.iter().any(|line| line.starts_with("accounts") && line.contains(" 1 rows")), "{saved:?}");
    assert_eq!(tables(site.run(&["verify", "kept.sqlite"])), saved);
    assert!(!tables(site.run(&["verify", "--data", "realm-data"])).is_empty(), "while it runs");
    let said = site.run(&["restore", "kept.sqlite", "--data", "realm-data"]).refusal();
    assert!(said.contains("in use by process") && said.contains("stop that realm first"), "{said}");
    rest.register("Later", PASSWORD).await.unwrap();
    up.end(Signal::TERM);

    let moved = tables(site.run(&["migrate", "--data", "realm-data", "--to", &database.url()]));
    assert!(moved.iter().any(|line| line.starts_with("accounts") && line.contains(" 2 rows")), "{moved:?}");
    assert_eq!(tables(site.run(&["verify", "--data", "realm-data"])), moved, "the old one is as it was");
    let over_server = |arguments: &[&str]| {
        let mut command = site.realm(arguments);
        command.env("REALM__STORAGE__URL", database.url());
        command
    };
    let up = crate::harness::program::Up::start(&mut over_server(&["up", "--data", "realm-data"]));
    let mut rest = Rest::new(&site.endpoint());
    rest.login("Later", PASSWORD).await.unwrap();
    up.end(Signal::TERM);
    let restored = tables(run(&mut over_server(&["restore", "kept.sqlite", "--data", "realm-data"]), ""));
    assert_eq!(restored, saved);
    let up = crate::harness::program::Up::start(&mut over_server(&["up", "--data", "realm-data"]));
    let mut rest = Rest::new(&site.endpoint());
    rest.login("Maren", PASSWORD).await.unwrap();
    assert!(rest.login("Later", PASSWORD).await.is_err(), "it came after the backup");
    up.end(Signal::TERM);
    let home = format!("sqlite://{}", site.folder().join("home.sqlite").display());
    let back = tables(run(&mut over_server(&["migrate", "--data", "realm-data", "--to", &home]), ""));
    assert_eq!(tables(site.run(&["verify", "home.sqlite"])), back);
}

/// The texts of all migrations, oldest first, with their file names.
fn migrations() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("host/realm/migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_migration_leaves_the_old_schema() {
    let database = realm_postgres::database();
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    let all = migrations();
    let (last, old) = all.split_last().unwrap();
    let table = "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL,
        checksum TEXT NOT NULL, applied_ms BIGINT NOT NULL)";
    connection.execute(table).await.unwrap();
    for (number, (name, text)) in (1_i64..).zip(old) {
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text.clone()))).await.unwrap();
        let checksum: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        sqlx::query("INSERT INTO schema_migrations VALUES ($1, $2, $3, 0)")
            .bind(number)
            .bind(name)
            .bind(checksum)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let site = Site::new();
    let with_server = |arguments: &[&str]| {
        let mut command = site.realm(arguments);
        command.env("REALM__STORAGE__URL", database.url());
        command
    };
    let before = tables(run(&mut with_server(&["verify", "--data", "realm-data"]), ""));
    // Its last step, to note what it did, has to wait: all else is done when it is killed.
    let mut holding = PgConnection::connect(&database.url()).await.unwrap();
    holding.execute("BEGIN; LOCK TABLE schema_migrations IN EXCLUSIVE MODE").await.unwrap();
    let mut child = with_server(&["migrate", "--data", "realm-data"]).spawn().unwrap();
    eventually("the migration that waits", async || {
        let waits =
            "SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'schema_migrations'
            AND NOT l.granted";
        sqlx::query(waits).fetch_optional(&mut connection).await.unwrap()
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    holding.execute("ROLLBACK").await.unwrap();
    assert_eq!(tables(run(&mut with_server(&["verify", "--data", "realm-data"]), "")), before, "{}", last.0);
    let said = run(&mut with_server(&["migrate", "--data", "realm-data"]), "").success();
    assert!(said.contains(&format!("from schema {} to {}", old.len(), all.len())), "{said}");
}

#[test]
fn kills_at_any_moment_of_the_first_start_leave_no_mixture() {
    let kills = if long() { 300 } else { 15 };
    let site = Site::empty();
    let measured = Instant::now();
    fs::create_dir(site.data()).unwrap();
    site.run(&["migrate", "--data", "realm-data"]).success();
    let (whole, newest) = (measured.elapsed(), migrations().len());
    for kill in 0..kills {
        fs::remove_dir_all(site.data()).unwrap();
        fs::create_dir(site.data()).unwrap();
        let mut child = std::process::Command::new(PROGRAM)
            .args(["migrate", "--data", "realm-data"])
            .current_dir(site.folder())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        pause(whole * kill / kills);
        // It may have ended already.
        let _ = child.kill();
        child.wait().unwrap();
        let said = site.run(&["migrate", "--data", "realm-data"]).success();
        let fine = [format!("from schema 0 to {newest}."), format!("has schema {newest}, the newest")];
        assert!(fine.iter().any(|fine| said.contains(fine)), "kill {kill}: {said}");
        site.run(&["verify", "--data", "realm-data"]).success();
    }
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let site = Site::new();
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    let said = run(command.env("REALM__STORAGE__URL", "postgres://realm:secret@127.0.0.1:1/realm"), "").refusal();
    assert!(said.contains("postgres://127.0.0.1:1/realm") && !said.contains("secret"), "{said}");
}

/// An authority, as PEM, and a server's certificate that it signed.
fn authority(server: &str) -> (String, String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    let issuer = Issuer::from_params(&params, &key);
    let server_key = KeyPair::generate().unwrap();
    let signed = CertificateParams::new([server.to_owned()]).unwrap().signed_by(&server_key, &issuer).unwrap();
    (own.pem(), signed.pem(), server_key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_postgresql_is_encrypted_and_the_server_is_who_it_should_be() {
    let (trusted, chain, key) = authority("127.0.0.1");
    let cluster =
        realm_postgres::Cluster::start_with_tls(realm_postgres::Certificate { chain: &chain, key: &key }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let trusted = file("trusted.pem", &trusted);
    let stranger = file("stranger.pem", &authority("127.0.0.1").0);
    let address = cluster.url();
    let by_name = address.replace("127.0.0.1", "localhost");
    for secured in
        [format!("{address}?sslmode=require"), format!("{address}?sslmode=verify-full&sslrootcert={trusted}")]
    {
        let realm = TestRealm::start_with(|config| config.storage.url = secured).await;
        realm.player("Maren").await;
        // The one that asks is another.
        let ways = "SELECT CAST(COUNT(*) AS TEXT) || ' ' || CAST(COUNT(*) FILTER (WHERE ssl) AS TEXT) FROM pg_stat_ssl
            JOIN pg_stat_activity USING (pid) WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let ways = cluster.sql(ways).unwrap();
        let (all, encrypted) = ways.trim().split_once(' ').unwrap();
        assert!(all == encrypted && all != "0", "{ways}: every connection of the realm is encrypted");
        realm.stop().await;
        cluster.sql("DROP SCHEMA public CASCADE").and_then(|_| cluster.sql("CREATE SCHEMA public")).unwrap();
    }
    let plain = realm_postgres::database();
    for (url, said) in [
        (format!("{address}?sslmode=verify-full&sslrootcert={stranger}"), "its certificate is refused"),
        (format!("{by_name}?sslmode=verify-full&sslrootcert={trusted}"), "its certificate is refused"),
        (
            format!("{address}?sslmode=verify-full&sslrootcert={trusted}.gone"),
            "a file that [storage] url names cannot be read",
        ),
        (format!("{}?sslmode=require", plain.url()), "the connection cannot be encrypted"),
    ] {
        let site = Site::new();
        let mut command = site.realm(&["up", "--data", "realm-data"]);
        let refusal = run(command.env("REALM__STORAGE__URL", &url), "").refusal();
        assert!(refusal.contains(said) && refusal.contains("[storage] url"), "{url}: {refusal}");
        let password = url.split(':').nth(2).and_then(|rest| rest.split('@').next()).unwrap();
        assert!(!refusal.contains(password), "the password is nobody's business: {refusal}");
    }
}
