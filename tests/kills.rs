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
    // So many as fit on a slow machine, and a hundred on others.
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    let how_many: &[&str] =
        if long { &["--kills", "1000", "--seed", "2"] } else { &["--kills", "100", "--seconds", "150"] };
    let (went_well, said) = chaos(how_many);
    println!("{said}");
    assert!(went_well && said.contains("chaos: 0 violations"), "{said}");
    let acknowledged = said.lines().find(|line| line.contains("acknowledged ")).expect("it counts");
    assert!(!acknowledged.contains(" 0 characters made, 0 saved"), "nothing was done: {said}");
}

#[test]
fn kills_while_bots_deal_in_goods_make_and_lose_nothing() {
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    let how_many: &[&str] =
        if long { &["--kills", "1000", "--seed", "4"] } else { &["--kills", "100", "--seconds", "150", "--seed", "4"] };
    let (went_well, said) = chaos(&[&["--goods"], how_many].concat());
    println!("{said}");
    assert!(went_well && said.contains("chaos: 0 violations"), "{said}");
    assert!(said.contains(" acts with goods done") && !said.contains(" 0 acts with goods done"), "{said}");
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
        "should be deleted",
        "has lost",
        "stood at",
    ];
    let seen =
        said.lines().filter(|line| line.contains("VIOLATION")).any(|line| lost.iter().any(|lost| line.contains(lost)));
    assert!(!went_well && seen, "the mistake has to be seen: {said}");
}
