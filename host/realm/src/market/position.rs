//! Where a search goes on: behind an offer, in the order of its list.

use std::{fmt, str::FromStr};

/// In which order offers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The cheapest first; of one price the oldest.
    #[default]
    Price,
    /// The newest first.
    Newest,
}

impl Order {
    /// As clients write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Newest => "newest",
        }
    }

    /// The order of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Price, Self::Newest].into_iter().find(|order| order.name() == name)
    }
}

/// A position in a list: behind this offer. Clients are shown it as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub(super) order: Order,
    /// 0 in the order of age.
    pub(super) price: i64,
    pub(super) offer: i64,
}

impl Position {
    /// Is it one of a list of this order?
    #[must_use]
    pub fn is_of(&self, order: Order) -> bool {
        self.order == order
    }

    /// Before the first offer.
    pub(super) fn start(order: Order, price_min: i64) -> Self {
        match order {
            Order::Price => Self { order, price: price_min, offer: 0 },
            Order::Newest => Self { order, price: 0, offer: i64::MAX },
        }
    }

    pub(super) fn behind(order: Order, price: i64, offer: i64) -> Self {
        let price = if order == Order::Price { price } else { 0 };
        Self { order, price, offer }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.order {
            Order::Price => write!(formatter, "p{}.{}", self.price, self.offer),
            Order::Newest => write!(formatter, "a{}", self.offer),
        }
    }
}

/// The word names no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no position in a list of offers")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(word: &str) -> Result<Self, NoPosition> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0).ok_or(NoPosition);
        if let Some(offer) = word.strip_prefix('a') {
            return Ok(Self { order: Order::Newest, price: 0, offer: number(offer)? });
        }
        let (price, offer) = word.strip_prefix('p').and_then(|rest| rest.split_once('.')).ok_or(NoPosition)?;
        Ok(Self { order: Order::Price, price: number(price)?, offer: number(offer)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        for position in [Position::behind(Order::Price, 70, 12), Position::behind(Order::Newest, 70, 12)] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert_eq!(Position::behind(Order::Price, 70, 12).to_string(), "p70.12");
        assert_eq!(Position::behind(Order::Newest, 70, 12).to_string(), "a12");
        for strange in ["", "p", "a", "p1", "p1.", "p.1", "p-1.2", "a-1", "pp1.2", "a99999999999999999999", "n3"] {
            assert_eq!(strange.parse::<Position>(), Err(NoPosition), "{strange}");
        }
        assert_eq!(Order::from_name("newest"), Some(Order::Newest));
        assert_eq!(Order::from_name("oldest"), None);
    }
}
