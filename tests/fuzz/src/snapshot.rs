//! Snapshots: a full one, and a second one read as the difference to it.

use realm_protocol::snapshot::{ENTITIES_MAX, baseline_tick, decode, encode};

pub(crate) fn fuzz(_: u8, data: &[u8]) {
    let [length, rest @ ..] = data else { return };
    let (first, second) = rest.split_at(rest.len().min(usize::from(*length)));
    let Ok(mut baseline) = decode(first, None) else { return };
    assert!(baseline.entities.len() <= ENTITIES_MAX);
    // Whatever tick the second one is a difference to, it is this one's.
    let mut second = second.to_vec();
    if let Ok(Some(tick)) = baseline_tick(&second) {
        baseline.tick = tick;
    }
    let mut bytes = Vec::new();
    encode(None, &baseline, &mut bytes);
    assert_eq!(decode(&bytes, None).as_ref(), Ok(&baseline), "full");
    let Ok(current) = decode(&second, Some(&baseline)) else { return };
    assert!(current.entities.len() <= ENTITIES_MAX);
    second.clear();
    encode(Some(&baseline), &current, &mut second);
    assert_eq!(decode(&second, Some(&baseline)).as_ref(), Ok(&current), "delta");
    bytes.clear();
    encode(None, &current, &mut bytes);
    assert_eq!(decode(&bytes, None).as_ref(), Ok(&current), "delta applied is full");
}
