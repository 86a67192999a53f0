//! The realm is killed again and again under bots, by the program `chaos`; with a mistake made on purpose it has to find something.

use std::process::Command;

use crate::harness::program::PROGRAM;

fn chaos(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    let done = command.args(arguments).args(["--program", PROGRAM]).output().expect("chaos starts");
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.success(), said)
}

#[test]
fn kills_at_any_moment_and_at_every_fail_point_break_no_promise() {
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    let kills = if long { "1000" } else { "100" };
    let (went_well, said) = chaos(&["--kills", kills, "--seed", "2"]);
    println!("{said}");
    assert!(went_well && said.contains("chaos: 0 violations"), "{said}");
    assert!(said.contains(&format!("chaos: {kills} kills in")), "{said}");
    let acknowledged = said.lines().find(|line| line.contains("acknowledged ")).expect("it counts");
    assert!(!acknowledged.contains(" 0 characters made, 0 saved"), "nothing was done: {said}");
}

/// The number that stands before some words in what chaos says.
fn number_before(said: &str, words: &str) -> u64 {
    let before = said.lines().find_map(|line| line.split_once(words)).map(|(before, _)| before).expect("it counts");
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Kills the realm under bots that deal in goods a hundred times; in the long campaign a thousand times, and each fail point at least 20 times.
fn kills_with_goods(arguments: &[&str]) {
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    let (kills, more): (_, &[&str]) =
        if long { ("1000", &["--bots", "50", "--life-ms", "1500"]) } else { ("100", &["--life-ms", "500"]) };
    let (went_well, said) = chaos(&[&["--goods", "--kills", kills, "--seed", "4"], more, arguments].concat());
    println!("{said}");
    assert!(went_well && said.contains("chaos: 0 violations"), "{said}");
    assert!(said.contains(&format!("chaos: {kills} kills in")), "{said}");
    for what in [" acts with goods done", " things laid down", " taken and", " trades"] {
        assert!(number_before(&said, what) > 0, "nobody came to{what}: {said}");
    }
    // What is done seldom comes in a long campaign.
    let acts = said.lines().find_map(|line| line.strip_prefix("chaos: acts in the ledger: ")).expect("it counts acts");
    for act in ["buy", "repair", "identify", "use", "combine", "sell", "drop", "pick-up", "trade"] {
        assert!(!long || acts.contains(&format!(" {act}")), "nobody came to {act}: {said}");
    }
    let acknowledged = number_before(&said, " operations were acknowledged in all");
    assert!(!long || acknowledged >= 10_000, "{acknowledged} are too few for a campaign: {said}");
}

#[test]
fn kills_while_bots_deal_in_goods_make_and_lose_nothing() {
    kills_with_goods(&[]);
}

#[test]
fn kills_over_a_server_that_goes_on_make_and_lose_no_goods() {
    // Not always the same realm.
    let world: &[&str] = if std::env::var_os("REALM_TEST_LONG").is_some() { &[] } else { &["--world", "30"] };
    kills_with_goods(&[&["--postgres"], world].concat());
}

#[test]
fn fifty_who_deal_at_once_make_and_lose_nothing() {
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    let how_many: &[&str] = if long { &["--bots", "50", "--kills", "200"] } else { &["--bots", "50", "--kills", "10"] };
    let (went_well, said) = chaos(&[&["--goods", "--seed", "6"], how_many].concat());
    println!("{said}");
    assert!(went_well && said.contains("chaos: 0 violations"), "{said}");
}

/// Has chaos look for a mistake until it finds it, in words of which one has to be there.
fn finds(arguments: &[&str], words: &[&str]) {
    let (went_well, said) = chaos(&[&["--goods", "--kills", "60", "--seconds", "60"], arguments].concat());
    println!("{said}");
    let mut found = said.lines().filter(|line| line.contains("VIOLATION"));
    let seen = found.any(|line| words.iter().any(|words| line.contains(words)));
    assert!(!went_well && seen, "the mistake has to be seen: {said}");
}

#[test]
fn keys_that_begin_anew_after_a_crash_are_found() {
    finds(&["--bug", "keys-begin-anew"], &["keys of items were born twice", "a fault of its own"]);
}

#[test]
fn something_told_to_be_taken_before_it_is_stored_is_found() {
    let point = ["--bug", "taken-before-stored", "--point", "within-pick-up"];
    finds(&point, &["things in games, and was told of", "the ledger knows nothing of it"]);
}

#[test]
fn goods_of_which_is_told_before_the_commit_are_found() {
    // What is lost first may be a character; of these runs one has to lose goods, and each has to lose something.
    let words = [
        " acts with goods, and ",
        " things in games, and was told of ",
        " acknowledged trades are lost",
        "staff have sent",
    ];
    let finds_goods = |seed: &str| {
        let mistake = ["--bug", "acknowledge-before-commit", "--point", "before-commit", "--seed", seed];
        let (went_well, said) = chaos(&[&["--goods", "--kills", "60", "--seconds", "60"], &mistake[..]].concat());
        println!("{said}");
        assert!(!went_well && said.contains("VIOLATION"), "the mistake has to be seen: {said}");
        words.iter().any(|words| said.contains(words))
    };
    assert!(["1", "2", "3", "4", "5", "6", "7", "8"].into_iter().any(finds_goods), "no goods were lost");
}

#[test]
fn what_is_paid_or_done_twice_on_a_retry_is_found() {
    for bug in ["market-pays-twice", "key-after-effect"] {
        let (went_well, said) = chaos(&["--goods", "--kills", "200", "--seconds", "90", "--bug", bug]);
        println!("{said}");
        let seen = said.lines().any(|line| line.contains("VIOLATION") && line.contains(" were acknowledged"));
        assert!(!went_well && seen, "the mistake has to be seen: {said}");
    }
}

#[test]
fn a_yes_before_the_commit_is_found() {
    let point = ["--kills", "60", "--bug", "acknowledge-before-commit", "--point", "before-commit"];
    let (went_well, said) = chaos(&point);
    // What was acknowledged is not there: an account, a character, a deletion, a save.
    let lost = [
        "cannot log in: INVALID_CREDENTIALS",
        "CHARACTER_UNKNOWN",
        "operations are lost",
        "should be there",
        "should be deleted",
    ];
    let seen =
        said.lines().filter(|line| line.contains("VIOLATION")).any(|line| lost.iter().any(|lost| line.contains(lost)));
    assert!(!went_well && seen, "the mistake has to be seen: {said}");
    println!("{said}");
}

#[test]
fn a_trade_in_two_commits_is_found() {
    let point = ["--kills", "60", "--life-ms", "3000", "--bug", "trade-in-two-commits", "--point", "within-trade"];
    let (went_well, said) = chaos(&point);
    let seen = said.lines().any(|line| line.contains("VIOLATION") && line.contains("has one leg"));
    assert!(!went_well && seen, "the mistake has to be seen: {said}");
    println!("{said}");
}

/// Does this machine let tests have disks of their own? Where it does not, the tests fail, unless its operator has said so.
fn has_disks() -> bool {
    if !realm_disk::is_wanted() {
        println!("left out: {}=none says that no disk can be mounted here", realm_disk::VARIABLE);
    }
    realm_disk::is_wanted()
}

#[test]
fn cuts_of_the_power_at_any_moment_break_no_promise() {
    if !has_disks() {
        return;
    }
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    let cuts = if long { "200" } else { "20" };
    let (went_well, said) = chaos(&["--power", "--kills", cuts, "--seed", "3"]);
    println!("{said}");
    assert!(
        went_well && said.contains(&format!("chaos: {cuts} power cuts")) && said.contains("chaos: 0 violations"),
        "{said}"
    );
    assert!(!said.contains("acknowledged 0 characters made, 0 saved"), "nothing was done: {said}");
}

#[test]
fn cuts_of_the_power_make_and_lose_no_goods() {
    if !has_disks() {
        return;
    }
    let cuts = if std::env::var_os("REALM_TEST_LONG").is_some() { "200" } else { "20" };
    let (went_well, said) = chaos(&["--goods", "--power", "--kills", cuts, "--seed", "5"]);
    println!("{said}");
    assert!(went_well && said.contains(&format!("chaos: {cuts} power cuts")), "{said}");
    assert!(said.contains("chaos: 0 violations"), "{said}");
    for what in [" acts with goods done", " trades"] {
        assert!(number_before(&said, what) > 0, "nobody came to{what}: {said}");
    }
}

#[test]
fn a_commit_that_is_not_synced_is_found() {
    if !has_disks() {
        return;
    }
    let (went_well, said) = chaos(&["--power", "--kills", "60", "--bug", "synchronous-normal"]);
    println!("{said}");
    let lost = [
        "INVALID_CREDENTIALS",
        "CHARACTER_UNKNOWN",
        "operations are lost",
        "should be there",
        "acknowledged trades are lost",
        "should be deleted",
        "has lost",
        "stood at",
    ];
    let seen =
        said.lines().filter(|line| line.contains("VIOLATION")).any(|line| lost.iter().any(|lost| line.contains(lost)));
    assert!(!went_well && seen, "the mistake has to be seen: {said}");
}
