//! Dice. Needs the permission `random`. Natively every thread throws the same dice, so that a test repeats.

/// 64 random bits.
#[must_use]
pub fn get_u64() -> u64 {
    #[cfg(target_arch = "wasm32")]
    let bits = crate::bindings::imports::realm::plugin::random::get_u64();
    #[cfg(not(target_arch = "wasm32"))]
    let bits = native::next();
    bits
}

/// Random bytes, at most 4,096.
#[must_use]
pub fn bytes(length: u32) -> Vec<u8> {
    #[cfg(target_arch = "wasm32")]
    let bytes = crate::bindings::imports::realm::plugin::random::bytes(length);
    #[cfg(not(target_arch = "wasm32"))]
    let bytes = (0..length).map(|_| native::next().to_le_bytes()[7]).collect();
    bytes
}

/// A whole number below `bound`, each as likely as every other; 0 when `bound` is 0.
#[must_use]
pub fn below(bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    // What is above the largest multiple of the bound would make small numbers likelier.
    let unfair = (u64::MAX % bound + 1) % bound;
    loop {
        let bits = get_u64();
        if bits <= u64::MAX - unfair {
            return bits % bound;
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }

    /// A counter with a step of no pattern, its bits mixed twice by multiplication.
    pub(super) fn next() -> u64 {
        let state = STATE.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        STATE.set(state);
        let mixed = (state ^ (state >> 31)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        mixed ^ (mixed >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_of_a_die_comes_up_and_no_other() {
        let mut seen = [false; 6];
        for _ in 0..1_000 {
            seen[usize::try_from(below(6)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!((below(0), below(1)), (0, 0));
        assert_eq!(bytes(9).len(), 9);
    }
}
