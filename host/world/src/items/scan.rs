//! Looking through all items for what cannot be: duplicates, clones, counts that do not add up.

use std::collections::BTreeMap;

/// Most findings of each sort that are told one by one; more are counted.
pub const FINDINGS_MAX: usize = 20_000;

/// A place that holds one item, in whatever numbers the storage has for it: the same numbers are the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// What sort of place.
    pub container: u8,
    /// Whose.
    pub owner: u64,
    /// Where in it.
    pub position: u32,
}

/// One stored item, as far as the scanner looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: u64,
    /// What [`Certificate::identity`](super::Certificate::identity) says; `None` for goods that lie on stacks, whose parts were born together.
    pub certificate: Option<u128>,
    /// Where it is; `None` in places that hold many, as a market does.
    pub place: Option<Place>,
    /// Which goods it counts to, as gold, or the number of a base.
    pub goods: u32,
    /// How many.
    pub count: i64,
}

/// Something that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// There are several items with this key.
    KeyTwice {
        /// The key.
        key: u64,
        /// How many have it.
        times: u64,
    },
    /// Two items have one birth.
    CertificateTwice {
        /// Its identity.
        certificate: u128,
        /// The lowest key that has it.
        first: u64,
        /// Another key that has it.
        other: u64,
    },
    /// Two items lie in one place.
    PlaceTwice {
        /// The place.
        place: Place,
        /// The lowest key there.
        first: u64,
        /// Another key there.
        other: u64,
    },
    /// There are none or fewer of it.
    CountWrong {
        /// The key.
        key: u64,
        /// How many.
        count: i64,
    },
    /// All of these goods together are not as many as the ledger says: created less destroyed. So copied stacks are found.
    TotalDiffers {
        /// Which goods.
        goods: u32,
        /// What the ledger says.
        ledger: i64,
    },
    /// All of these goods together are fewer than none.
    TotalNegative {
        /// Which goods.
        goods: u32,
    },
    /// All of these goods together are more than can be counted in 63 bits.
    TotalOverflow {
        /// Which goods.
        goods: u32,
    },
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many records were looked at.
    pub records: u64,
    /// What was found, at most [`FINDINGS_MAX`] of each sort, in the order of [`Finding`].
    pub findings: Vec<Finding>,
    /// How many more were found.
    pub more: u64,
}

/// There are more records than the scanner was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {records_max} items; scan them with a higher limit (about 100 bytes each)")]
pub struct ScannerFull {
    /// The limit.
    pub records_max: usize,
}

/// Takes records one by one and then tells what cannot be. It needs about 100 bytes for each.
#[derive(Debug)]
pub struct Scanner {
    records_max: usize,
    keys: Vec<u64>,
    certificates: Vec<(u128, u64)>,
    places: Vec<(Place, u64)>,
    /// By goods. So many numbers of 64 bits never fill one of 128.
    totals: BTreeMap<u32, i128>,
    /// What the ledger says, by goods.
    ledger: BTreeMap<u32, i64>,
    /// Goods of which the ledger says nothing should not exist.
    ledger_read: bool,
    wrong: Vec<(u64, i64)>,
}

impl Scanner {
    /// A scanner for at most so many records.
    #[must_use]
    pub fn new(records_max: usize) -> Self {
        Self {
            records_max,
            keys: Vec::new(),
            certificates: Vec::new(),
            places: Vec::new(),
            totals: BTreeMap::new(),
            ledger: BTreeMap::new(),
            ledger_read: false,
            wrong: Vec::new(),
        }
    }

    /// Looks through all of them at once.
    ///
    /// # Errors
    /// As [`Scanner::push`].
    pub fn scan(records: impl IntoIterator<Item = Record>, records_max: usize) -> Result<Report, ScannerFull> {
        let mut scanner = Self::new(records_max);
        records.into_iter().try_for_each(|record| scanner.push(&record))?;
        Ok(scanner.finish())
    }

    /// Takes a record.
    ///
    /// # Errors
    /// When there are more than the scanner was made for.
    pub fn push(&mut self, record: &Record) -> Result<(), ScannerFull> {
        if self.keys.len() >= self.records_max {
            return Err(ScannerFull { records_max: self.records_max });
        }
        self.keys.push(record.key);
        self.certificates.extend(record.certificate.map(|certificate| (certificate, record.key)));
        self.places.extend(record.place.map(|place| (place, record.key)));
        let total = self.totals.entry(record.goods).or_default();
        *total = total.saturating_add(record.count.into());
        if record.count < 1 {
            self.wrong.push((record.key, record.count));
        }
        Ok(())
    }

    /// How many of these goods there are by the ledger: created less destroyed. Once this was said of any goods, those of which it was not said
    /// should not exist.
    pub fn expect(&mut self, goods: u32, total: i64) {
        self.ledger.insert(goods, total);
        self.ledger_read = true;
    }

    /// The whole ledger was read: goods of which nothing is said with [`Scanner::expect`] should not exist, also when nothing is said of any.
    pub fn expect_nothing_else(&mut self) {
        self.ledger_read = true;
    }

    /// What was found. It does not depend on the order in which the records came.
    #[must_use]
    pub fn finish(self) -> Report {
        let Self { mut keys, certificates, places, mut totals, ledger, ledger_read, wrong, .. } = self;
        let mut report = Report { records: keys.len() as u64, ..Report::default() };
        keys.sort_unstable();
        let same = keys.chunk_by(|one, other| one == other).filter(|same| same.len() > 1);
        report.add(same.map(|same| Finding::KeyTwice { key: same[0], times: same.len() as u64 }));
        let clones = twice(certificates).into_iter();
        report.add(clones.map(|(certificate, first, other)| Finding::CertificateTwice { certificate, first, other }));
        let shared = twice(places).into_iter();
        report.add(shared.map(|(place, first, other)| Finding::PlaceTwice { place, first, other }));
        let mut wrong: Vec<Finding> =
            wrong.into_iter().map(|(key, count)| Finding::CountWrong { key, count }).collect();
        wrong.sort_unstable();
        report.add(wrong.into_iter());
        if ledger_read {
            for goods in ledger.keys() {
                totals.entry(*goods).or_default();
            }
            let said = |goods: u32| ledger.get(&goods).copied().unwrap_or_default();
            let differing = totals.iter().filter(|(goods, total)| **total != i128::from(said(**goods)));
            report.add(differing.map(|(goods, _)| Finding::TotalDiffers { goods: *goods, ledger: said(*goods) }));
        }
        let negative = totals.iter().filter(|(_, total)| **total < 0);
        report.add(negative.map(|(goods, _)| Finding::TotalNegative { goods: *goods }));
        let large = totals.iter().filter(|(_, total)| **total > i64::MAX.into());
        report.add(large.map(|(goods, _)| Finding::TotalOverflow { goods: *goods }));
        report
    }
}

impl Report {
    /// Adds the findings of one sort.
    fn add(&mut self, mut found: impl Iterator<Item = Finding>) {
        self.findings.extend(found.by_ref().take(FINDINGS_MAX));
        self.more += found.count() as u64;
    }
}

/// What several keys have in common: it, the lowest key, and each other key. One key that stands there twice is no pair.
fn twice<Shared: Ord + Copy>(mut pairs: Vec<(Shared, u64)>) -> Vec<(Shared, u64, u64)> {
    pairs.sort_unstable();
    pairs.dedup();
    let groups = pairs.chunk_by(|one, other| one.0 == other.0);
    groups.flat_map(|group| group[1..].iter().map(|(shared, other)| (*shared, group[0].1, *other))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FINDINGS_MAX, Finding, Place, Record, Scanner};

    /// Items of which each is in order.
    fn sound(number: u64) -> Record {
        let position = u32::try_from(number % 400).unwrap();
        Record {
            key: number * 7 + 1,
            certificate: Some(u128::from(number) << 40 | 5),
            place: Some(Place { container: 1, owner: number / 400, position }),
            goods: u32::try_from(number % 150).unwrap(),
            count: 1,
        }
    }

    /// `count` items that are in order, with these mistakes among them; what is to be found.
    fn with_mistakes(count: u64, mistakes: &[u8]) -> (Vec<Record>, Vec<Finding>) {
        let mut records: Vec<Record> = (0..count).map(sound).collect();
        let mut expected = Vec::new();
        for (place, mistake) in (0u64..).zip(mistakes) {
            // Each mistake is about other items.
            let victim = place * (count / mistakes.len() as u64);
            let (one, fresh) = (sound(victim), sound(count + place));
            let slot = usize::try_from(victim).unwrap();
            match mistake % 5 {
                0 => {
                    records.push(Record { place: fresh.place, certificate: None, ..one });
                    expected.push(Finding::KeyTwice { key: one.key, times: 2 });
                }
                1 => {
                    records.push(Record { certificate: one.certificate, ..fresh });
                    let certificate = one.certificate.unwrap();
                    expected.push(Finding::CertificateTwice { certificate, first: one.key, other: fresh.key });
                }
                2 => {
                    records.push(Record { place: one.place, ..fresh });
                    let place = one.place.unwrap();
                    expected.push(Finding::PlaceTwice { place, first: one.key, other: fresh.key });
                }
                3 => {
                    let goods = 1_000 + u32::try_from(place).unwrap();
                    records[slot] = Record { count: -1, goods, ..one };
                    expected.push(Finding::CountWrong { key: one.key, count: -1 });
                    expected.push(Finding::TotalNegative { goods });
                }
                _ => {
                    let goods = 1_000 + u32::try_from(place).unwrap();
                    records[slot] = Record { count: i64::MAX, goods, ..one };
                    records.push(Record { count: 1, goods, ..fresh });
                    expected.push(Finding::TotalOverflow { goods });
                }
            }
        }
        expected.sort_unstable();
        (records, expected)
    }

    #[test]
    fn a_thousand_of_a_thousand_are_found_among_many_and_none_falsely() {
        let long = std::env::var_os("REALM_TEST_LONG").is_some();
        let count = if long { 10_000_000 } else { 1_000_000 };
        let clean = Scanner::scan((0..100_000).map(sound), usize::MAX).unwrap();
        assert_eq!((clean.records, clean.findings.len()), (100_000, 0));
        let mistakes: Vec<u8> = (0..1_000u32).map(|place| u8::try_from(place % 5).unwrap()).collect();
        let (records, expected) = with_mistakes(count, &mistakes);
        let begun = std::time::Instant::now();
        let report = Scanner::scan(records.iter().copied(), usize::MAX).unwrap();
        // A figure for whoever asks with --nocapture; nothing depends on it.
        let taken = begun.elapsed();
        println!("{} items scanned in {taken:?}", records.len());
        assert_eq!(report.findings, expected);
        assert_eq!(report.more, 0);
    }

    #[test]
    fn limits_hold() {
        let refused = Scanner::scan((0..11).map(sound), 10).unwrap_err();
        assert_eq!(refused.records_max, 10);
        let bad = |number| Record { count: 0, ..sound(number) };
        let many = Scanner::scan((0..FINDINGS_MAX as u64 + 5).map(bad), usize::MAX).unwrap();
        assert_eq!((many.findings.len(), many.more), (FINDINGS_MAX, 5));
    }

    #[test]
    fn a_copied_stack_differs_from_what_the_ledger_says() {
        let dust = |key, count| Record { key, certificate: None, place: None, goods: 7, count };
        let scan = |records: &[Record], ledger: &[(u32, i64)]| {
            let mut scanner = Scanner::new(100);
            records.iter().for_each(|record| scanner.push(record).unwrap());
            ledger.iter().for_each(|(goods, total)| scanner.expect(*goods, *total));
            scanner.finish().findings
        };
        let (one, copy) = (dust(1, 50), dust(2, 50));
        assert_eq!(scan(&[one], &[(7, 50)]), []);
        assert_eq!(scan(&[one, copy], &[]), []);
        assert_eq!(scan(&[one, copy], &[(7, 50)]), [Finding::TotalDiffers { goods: 7, ledger: 50 }]);
        assert_eq!(scan(&[one], &[(8, 0)]), [Finding::TotalDiffers { goods: 7, ledger: 0 }]);
        assert_eq!(scan(&[], &[(7, 50)]), [Finding::TotalDiffers { goods: 7, ledger: 50 }]);
    }

    proptest! {
        /// Whatever is wrong, wherever it lies and in whichever order: exactly that is found.
        #[test]
        fn exactly_what_is_wrong_is_found(
            mistakes in prop::collection::vec(0..5u8, 1..20),
            by: prop::sample::Index,
            count in 100..400u64,
        ) {
            let (mut records, expected) = with_mistakes(count, &mistakes);
            let by = by.index(records.len());
            records.rotate_left(by);
            prop_assert_eq!(Scanner::scan(records, usize::MAX).unwrap().findings, expected);
        }
    }
}
