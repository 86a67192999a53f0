//! Times in REST: RFC 3339 in the answers, milliseconds in the messages of the protocol.

use serde_json::Value;

/// Gives every game in an answer its `created_ms`, which REST tells as `created`.
pub(super) fn fill_in(answer: &mut Value) {
    match answer {
        Value::Array(list) => list.iter_mut().for_each(fill_in),
        Value::Object(members) => {
            if let Some(created_ms) = members.get("created").and_then(Value::as_str).and_then(milliseconds) {
                members.insert("created_ms".to_owned(), created_ms.into());
            }
            members.values_mut().for_each(fill_in);
        }
        _ => {}
    }
}

/// UTC milliseconds since 1970 of a moment like `2026-02-03T04:05:06.789Z`; `None` for anything else, and for times before 1970.
fn milliseconds(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, by: char| text.split(by).map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
    let [year, month, day] = numbers(date, '-')?[..] else { return None };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?[..] else { return None };
    if !((1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)) {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    // Years begin in March, so that the day too many of a leap year is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    const DAYS_TO_1970: u64 = 719_468;
    let seconds = ((days - DAYS_TO_1970) * 24 + hour) * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + thousandths)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_are_counted_from_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:00.5Z", Some(500)),
            ("2000-02-29T12:00:00.000Z", Some(951_825_600_000)),
            ("2000-03-01T00:00:00Z", Some(951_868_800_000)),
            ("2026-11-22T18:25:27.123456Z", Some(1_795_371_927_123)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-22 18:25:27", None),
            ("yesterday", None),
            ("2026-11-22T18:25:27.éZ", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn games_are_found_wherever_they_stand() {
        let game = json!({"name": "Crypt", "created": "1970-01-01T00:00:01Z"});
        let mut answer = json!({"games": [game], "game": game, "players": [{"account": "Ann"}]});
        fill_in(&mut answer);
        assert_eq!((&answer["games"][0]["created_ms"], &answer["game"]["created_ms"]), (&json!(1_000), &json!(1_000)));
        assert_eq!(answer["players"][0], json!({"account": "Ann"}));
    }
}
