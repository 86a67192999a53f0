//! One-time codes of an authenticator (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits, what every authenticator knows). Numbers in, verdict
//! out; the time is the caller's.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

/// How long a code stands on the screen.
const STEP_MS: i64 = 30_000;
/// Clocks may differ by so many steps.
const STEPS_APART: i64 = 1;
const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;
/// Bytes of a secret, as the RFC advises.
pub(super) const SECRET_BYTES: usize = 20;

/// The code of a step.
fn code(secret: &[u8], step: i64) -> u32 {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[digest.len() - 1] & 0xf);
    let word = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    (u32::from_be_bytes(word) & 0x7fff_ffff) % CODES
}

/// The step of which this is the code: one that is near now and later than `step_last`, so that a code is taken once.
pub(super) fn step(secret: &[u8], given: &str, now_ms: i64, step_last: i64) -> Option<i64> {
    if given.len() != DIGITS || !given.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let given: u32 = given.parse().ok()?;
    let now = now_ms.div_euclid(STEP_MS);
    let near = (now - STEPS_APART..=now + STEPS_APART).filter(|step| bool::from(code(secret, *step).ct_eq(&given)));
    near.filter(|step| *step > step_last).max()
}

/// The address that authenticators take, usually as a picture of squares.
pub(super) fn address(realm: &str, account: &str, secret: &[u8]) -> String {
    let (realm, account) = (escaped(realm), escaped(account));
    let secret = base32(secret);
    format!("otpauth://totp/{realm}:{account}?secret={secret}&issuer={realm}&algorithm=SHA1&digits={DIGITS}&period=30")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Base32 without padding, as people type secrets.
pub(super) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// The code that an authenticator shows, for tests.
#[cfg(test)]
pub(super) fn shown(secret: &[u8], now_ms: i64) -> String {
    format!("{:06}", code(secret, now_ms.div_euclid(STEP_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, the last six of eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(shown(SECRET, seconds * 1_000), expected);
            assert_eq!(step(SECRET, expected, seconds * 1_000, 0), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_taken_once_and_one_step_early_or_late() {
        let now_ms = 2_000_000_000_000;
        let now = now_ms / STEP_MS;
        for (distance, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let given = shown(SECRET, now_ms + distance * STEP_MS);
            let expected = taken.then_some(now + distance);
            assert_eq!(step(SECRET, &given, now_ms, 0), expected, "{distance}");
            assert_eq!(step(SECRET, &given, now_ms, now + distance), None, "used");
        }
        assert_eq!(step(SECRET, &shown(SECRET, now_ms - STEP_MS), now_ms, now), None, "older than the one used last");
    }

    #[test]
    fn what_is_no_code_is_none() {
        for given in ["", "28708", "2870820", " 287082", "28708a", "-87082", "+87082", "２８７０８２"] {
            assert_eq!(step(SECRET, given, 59_000, 0), None, "{given}");
        }
    }

    #[test]
    fn addresses_are_those_that_authenticators_take() {
        assert_eq!(base32(SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            (base32(b"f"), base32(b"foo"), base32(b"foobar")),
            ("MY".into(), "MZXW6".into(), "MZXW6YTBOI".into())
        );
        assert_eq!(
            address("West March", "Ann", b"f"),
            "otpauth://totp/West%20March:Ann?secret=MY&issuer=West%20March&algorithm=SHA1&digits=6&period=30"
        );
    }
}
