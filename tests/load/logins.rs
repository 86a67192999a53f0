//! `bench storage`: log-ins with passwords, beside what Argon2 alone does on as many threads.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use argon2::{Argon2, Block};
use realm::accounts;
use serde_json::json;

use super::{
    Options,
    machine::{Cores, on_core, pause},
    report::{Goal, Report},
    seed::word,
    server::{Prepared, Server, Setup},
    tell,
};

/// Accounts that log in again and again, each over a connection of its own: always more than there are threads.
const PLAYERS: usize = 4;
const PASSWORD: &str = "four lanterns by the sea";
/// Log-ins that are counted, however long they take.
const LEAST: u32 = 2;
/// Turns of both, so that they find the same machine.
const TURNS: u32 = 4;

/// Measures the whole program, over TLS, with its own threads for passwords, and the same computation alone in their place.
pub fn measure(options: &Options) -> Report {
    let cores = options.pinned.then(Cores::find).flatten();
    let mut report = Report::new("Log-ins by password, SQLite");
    let time = Duration::from_millis(if options.quick { 400 } else { 20_000 }) / TURNS;
    for run in 1..=options.runs {
        tell(&format!("log-ins, run {run} of {}", options.runs));
        let setting = |key: &'static str, value: u32| (key, value.to_string());
        let settings = vec![
            setting("ACCOUNTS__LOGIN_BURST", 1_000_000),
            setting("ACCOUNTS__LOGIN_PER_MINUTE", 1_000_000),
            setting("ACCOUNTS__REGISTRATIONS_PER_HOUR", 1_000_000),
        ];
        let server = Prepared::new(Setup { people: 0, settings, core: cores.map(|cores| cores.server) }).up();
        for number in 0..PLAYERS {
            server.rest(number).success("POST", "/auth/register", "", Some(&credentials(number)));
        }
        let (mut alone, mut whole) = (0.0, 0.0);
        for _ in 0..TURNS {
            alone += on_core(cores.map(|cores| cores.server), || argon_alone(time));
            whole += on_core(cores.map(|cores| cores.load), || log_ins(&server, time));
        }
        let (alone, whole) = (alone / f64::from(TURNS), whole / f64::from(TURNS));
        report.add("Argon2 alone, on the threads that the realm gives it", "a second", None, alone);
        report.add("log-ins", "a second", None, whole);
        report.add("log-ins to Argon2 alone", "%", Some(Goal::AtLeast(90.0)), whole / alone * 100.0);
        server.end();
    }
    report
}

fn credentials(number: usize) -> serde_json::Value {
    json!({"name": format!("Load-{}", word(number)), "password": PASSWORD})
}

/// Computations a second with the cost and on as many threads as the realm has by default.
fn argon_alone(time: Duration) -> f64 {
    let config = accounts::Config::default();
    let parameters = argon2::Params::new(config.password_memory_kib, config.password_passes, 1, None);
    let argon2 =
        Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters.expect("legal parameters"));
    let (done, begin) = (AtomicU32::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..config.password_threads {
            scope.spawn(|| {
                let (mut memory, mut hash) = (vec![Block::new(); argon2.params().block_count()], [0; 32]);
                while begin.elapsed() < time {
                    let salt = b"a salt of 16 b..";
                    let computed =
                        argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), salt, &mut hash, &mut memory);
                    computed.expect("a hash");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    f64::from(done.load(Ordering::Relaxed)) / begin.elapsed().as_secs_f64()
}

/// Log-ins a second that were answered with tokens.
fn log_ins(server: &Server, time: Duration) -> f64 {
    let (done, ended) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for number in 0..PLAYERS {
            let (done, ended) = (&done, &ended);
            let mut rest = server.rest(number);
            scope.spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    let tokens = rest.success("POST", "/auth/login", "", Some(&credentials(number)));
                    assert!(tokens["access_token"].is_string(), "{tokens}");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // The queue is full from here on.
        pause(time / 10);
        let (before, begin) = (done.load(Ordering::Relaxed), Instant::now());
        while begin.elapsed() < time || done.load(Ordering::Relaxed) < before + LEAST {
            pause(Duration::from_millis(5));
        }
        let rate = f64::from(done.load(Ordering::Relaxed) - before) / begin.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        rate
    })
}
