//! The tick threads from outside: everything else gives way to them, and what they do is measured.

use std::fs;

use realm_client::Door;
use rustix::process::Signal;

use crate::{
    harness::{TestRealm, eventually, pilot::snapshot, program::Site},
    load::metrics::Metrics,
};

/// How far the ticks are ahead of the process: as far as it may go.
#[cfg(target_os = "linux")]
fn ahead(base: i32) -> i32 {
    let allowed = std::thread::spawn(move || rustix::process::setpriority_process(None, base - 5).is_ok());
    if allowed.join().unwrap() { 5 } else { 0 }
}

/// The version of the kernel.
#[cfg(target_os = "linux")]
fn kernel() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a kernel has a version");
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Time slices of the threads of a process with their names, where the kernel has them and tells of them.
#[cfg(target_os = "linux")]
fn slices(process: u32) -> Vec<(String, u64)> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").flatten();
    let slices = tasks.filter_map(|thread| {
        let name = fs::read_to_string(thread.path().join("comm")).ok()?;
        let told = fs::read_to_string(thread.path().join("sched")).ok()?;
        let line = told.lines().find(|line| line.starts_with("se.slice"))?;
        Some((name.trim().to_owned(), line.rsplit(' ').next()?.parse().ok()?))
    });
    slices.collect()
}

/// Name and nice value of each thread of a process.
#[cfg(target_os = "linux")]
fn threads(process: u32) -> Vec<(String, i32)> {
    let folder = format!("/proc/{process}/task");
    let threads = fs::read_dir(folder).expect("the process runs").flatten();
    let threads = threads.filter_map(|thread| {
        // A thread may end while it is looked at.
        let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        // The 19th field of the line; the first two stand before.
        Some((name.to_owned(), rest.split_whitespace().nth(16)?.parse().ok()?))
    });
    threads.collect()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn every_thread_gives_way_to_the_ticks() {
    let site = Site::new();
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    let up = crate::harness::program::Up::start(command.env("REALM__GAMES__TICK_THREADS", "2"));
    let own = fs::read_to_string("/proc/thread-self/stat").expect("this thread runs");
    let base: i32 = own.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().parse().unwrap();
    // Which name, how many at least and at most, and how much less urgent than a tick.
    let cores = std::thread::available_parallelism().unwrap().get();
    let expected: [(&str, usize, usize, i32); 8] = [
        ("tick-", 2, 2, -ahead(base)),
        ("plugin-epoch", 1, 1, -ahead(base)),
        ("realm-async", 1, cores + 16, 5),
        ("sqlx-sqlite", 1, 64, 5),
        ("plugin-lane", 1, 1, 5),
        ("plugin-workshop", 1, 1, 10),
        ("passwords-", 1, cores.max(1), 10),
        ("game-logs", 1, 1, 10),
    ];
    let fits = || {
        let threads = threads(up.process());
        for (name, least, most, less) in expected {
            let of_kind: Vec<_> = threads.iter().filter(|(thread, _)| thread.starts_with(name)).collect();
            if !(least..=most).contains(&of_kind.len()) || of_kind.iter().any(|(_, nice)| *nice != base + less) {
                return Err(format!("{name}: {of_kind:?} of {threads:?}"));
            }
        }
        Ok(())
    };
    // A thread sets its own value when it begins.
    eventually("every thread has its urgency", async || fits().inspect_err(|misfit| println!("{misfit}")).ok()).await;
    assert_eq!(fits(), Ok(()));
    let is_ahead = |name: &str| name.starts_with("tick-") || name.starts_with("plugin-epoch");
    // It makes the clock, and has ended or will soon.
    let lasts = |name: &str| name != "plugin-engine";
    let slices = slices(up.process());
    let (ahead, others): (Vec<_>, Vec<_>) = slices.iter().partition(|(name, _)| is_ahead(name));
    // Older kernels have the field, and no choice.
    if kernel() >= (6, 12) && !slices.is_empty() {
        assert!(ahead.len() == 3 && ahead.iter().all(|(_, slice)| *slice == 200_000), "{ahead:?}");
        assert!(others.iter().all(|(name, slice)| *slice > 200_000 || !lasts(name)), "{others:?}");
    }
    assert_eq!(up.end(Signal::TERM).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_phase_of_a_tick_is_measured_and_listed_in_the_manual() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let address = realm.realm().telemetry_address().expect("it tells of itself");
    let manual = include_str!("../docs/operate.md");
    let phases = ["pick-up", "take", "checks", "anti-cheat", "step", "snapshots", "events", "write"];
    for phase in phases {
        let name = format!("realm_tick_phase_seconds_count{{phase=\"{phase}\"}}");
        eventually(&name, async || {
            snapshot(&mut game).await;
            game.walk(1, 0).await.unwrap();
            (Metrics::scrape(address).value(&name) >= 2.0).then_some(())
        })
        .await;
        assert!(manual.contains(&format!("`{phase}`")), "docs/operate.md does not list the phase {phase}");
    }
    assert!(Metrics::scrape(address).value("realm_tick_lateness_seconds_count") > 0.0);
    for name in ["realm_tick_phase_seconds", "realm_tick_lateness_seconds", "realm_cheat_measures_total"] {
        assert!(manual.contains(name), "docs/operate.md does not list {name}");
    }
    hero.lobby.leave_game().await.unwrap();
    realm.stop().await;
}
