//! Distances and directions in whole numbers.

/// A position in sub-tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Point {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

impl Point {
    /// Whether `other` is at most `distance` away.
    pub(crate) fn within(self, other: Point, distance: i32) -> bool {
        self.distance_squared(other) <= u64::from(distance.unsigned_abs()).pow(2)
    }

    /// The square of the distance.
    pub(crate) fn distance_squared(self, other: Point) -> u64 {
        length_squared(other.x.saturating_sub(self.x), other.y.saturating_sub(self.y))
    }
}

/// The square of a vector's length. The largest possible, 2^63, still fits.
pub(crate) fn length_squared(dx: i32, dy: i32) -> u64 {
    u64::from(dx.unsigned_abs()).pow(2) + u64::from(dy.unsigned_abs()).pow(2)
}

/// The length of a vector, rounded up; the longest one's is more than an `i32` holds.
pub(crate) fn length(dx: i32, dy: i32) -> i64 {
    let squared = length_squared(dx, dy);
    let root = squared.isqrt();
    let rounded_up = if root * root < squared { root + 1 } else { root };
    i64::try_from(rounded_up).unwrap_or(i64::MAX)
}

/// The vector, shortened to at most `longest`; its direction stays as near as whole numbers allow.
pub(crate) fn shorten(dx: i32, dy: i32, longest: i32) -> (i32, i32) {
    let longest = longest.max(0);
    if length_squared(dx, dy) <= u64::from(longest.unsigned_abs()).pow(2) {
        return (dx, dy);
    }
    // Dividing by the rounded-up length and rounding towards zero never gives a vector that is too long.
    let length = length(dx, dy);
    let scale = |part: i32| i32::try_from(i64::from(part) * i64::from(longest) / length).unwrap_or(0);
    (scale(dx), scale(dy))
}

/// Which of eight directions a vector points to: 0 east, 2 south, 4 west, 6 north; `None` for no direction.
pub(crate) fn facing(dx: i32, dy: i32) -> Option<u8> {
    let (wide, high) = (i64::from(dx).abs(), i64::from(dy).abs());
    // The border between straight and diagonal is at 22.5 degrees, whose tangent is about 5/12.
    Some(match (wide * 5 > high * 12, high * 5 > wide * 12) {
        (true, _) => {
            if dx > 0 {
                0
            } else {
                4
            }
        }
        (_, true) => {
            if dy > 0 {
                2
            } else {
                6
            }
        }
        _ => match (dx.signum(), dy.signum()) {
            (1, 1) => 1,
            (-1, 1) => 3,
            (-1, -1) => 5,
            (1, -1) => 7,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{facing, length, length_squared, shorten};

    #[test]
    fn directions_go_round_by_the_south() {
        let round = [(10, 0), (10, 10), (0, 10), (-10, 10), (-10, 0), (-10, -10), (0, -10), (10, -10)];
        for (expected, (dx, dy)) in (0u8..).zip(round) {
            assert_eq!(facing(dx, dy), Some(expected));
        }
        assert_eq!(facing(0, 0), None);
        assert_eq!(facing(10, 1), Some(0));
        assert_eq!(facing(i32::MIN, i32::MIN), Some(5));
    }

    #[test]
    fn the_longest_vector_has_a_length() {
        assert_eq!(length_squared(i32::MIN, i32::MIN), 1 << 63);
        assert_eq!(length(i32::MIN, i32::MIN), 3_037_000_500);
        assert_eq!(length(3, 4), 5);
        assert_eq!(length(1, 1), 2);
    }

    proptest! {
        #[test]
        fn shortened_vectors_are_never_too_long(dx: i32, dy: i32, longest in 0..64i32) {
            let (x, y) = shorten(dx, dy, longest);
            prop_assert!(length_squared(x, y) <= u64::from(longest.unsigned_abs()).pow(2));
            prop_assert!(x.signum() * dx.signum() >= 0 && y.signum() * dy.signum() >= 0);
        }
    }
}
