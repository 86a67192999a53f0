//! `[market]`: what may be offered for how long, and what it costs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The highest price of an offer, in gold.
pub const PRICE_MAX: i64 = 1_000_000_000;
/// A day of offers is so long.
const HOUR_MS: i64 = 3_600_000;

/// `[market]`: what may be offered for how long, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most offers that one account has on the market of a realm at once.
    #[schemars(range(min = 1, max = 500))]
    pub offers_max: u32,
    /// The longest time for which something is offered, in hours. What is not sold by then comes back by mail.
    #[schemars(range(min = 1, max = 720))]
    pub hours_max: u32,
    /// What it costs to offer something, in percent of the price, and at least `listing_fee_min`. Paid at once, and not given back.
    #[schemars(range(max = 100))]
    pub listing_fee_percent: u32,
    /// The least that it costs to offer something, in gold.
    #[schemars(range(max = 1_000_000))]
    pub listing_fee_min: u32,
    /// What is kept of the price when something is sold, in percent, and at least `sales_fee_min`; never more than the price.
    #[schemars(range(max = 100))]
    pub sales_fee_percent: u32,
    /// The least that is kept of a price, in gold.
    #[schemars(range(max = 1_000_000))]
    pub sales_fee_min: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            offers_max: 50,
            hours_max: 168,
            listing_fee_percent: 1,
            listing_fee_min: 1,
            sales_fee_percent: 5,
            sales_fee_min: 1,
        }
    }
}

impl Config {
    /// What it costs to offer something at a price.
    #[must_use]
    pub fn listing_fee(&self, price: i64) -> i64 {
        fee(price, self.listing_fee_percent, self.listing_fee_min)
    }

    /// What is kept of a price, at most all of it.
    #[must_use]
    pub fn sales_fee(&self, price: i64) -> i64 {
        fee(price, self.sales_fee_percent, self.sales_fee_min).min(price)
    }

    /// When an offer ends that begins now.
    pub(super) fn ends_ms(&self, now_ms: i64, hours: u32) -> i64 {
        now_ms.saturating_add(i64::from(hours.clamp(1, self.hours_max)) * HOUR_MS)
    }
}

/// A part of a price, rounded up.
fn fee(price: i64, percent: u32, least: u32) -> i64 {
    let part = (price.saturating_mul(i64::from(percent)).saturating_add(99)) / 100;
    part.max(i64::from(least))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Config, PRICE_MAX};

    #[test]
    fn fees_are_a_part_of_the_price_and_rounded_up() {
        let config = Config::default();
        for (price, listing, sales) in
            [(1, 1, 1), (2, 1, 1), (100, 1, 5), (101, 2, 6), (PRICE_MAX, 10_000_000, 50_000_000)]
        {
            assert_eq!((config.listing_fee(price), config.sales_fee(price)), (listing, sales), "{price}");
        }
        let free = Config { listing_fee_percent: 0, listing_fee_min: 0, ..config };
        assert_eq!(free.listing_fee(1_000), 0);
    }

    proptest! {
        #[test]
        fn nobody_pays_more_than_the_price_for_a_sale(
            price in 1..=PRICE_MAX,
            sales_fee_percent in 0..=100u32,
            sales_fee_min in 0..=1_000_000u32,
        ) {
            let config = Config { sales_fee_percent, sales_fee_min, ..Config::default() };
            prop_assert!((0..=price).contains(&config.sales_fee(price)));
        }
    }
}
