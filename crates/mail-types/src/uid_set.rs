//! A set of numbers as sorted, disjoint, non-adjacent ranges.

use std::fmt;

use serde::{Deserialize, Serialize};

/// UIDs (or sequence numbers) as RFC 9051's `sequence-set` without `*`: sorted, disjoint,
/// non-adjacent inclusive ranges, so equal sets have equal values and print alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UidSet {
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// All numbers from `first` to `last`, given in either order (RFC 9051 §9, `seq-range`).
    pub fn range(first: u32, last: u32) -> Self {
        Self { ranges: vec![(first.min(last), first.max(last))] }
    }

    /// Builds a set from ranges in any order, each given in either order.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some(end) if first <= end.1.saturating_add(1) => end.1 = end.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self { ranges: merged }
    }

    /// Adds one number; cheapest at the end, where writers add.
    pub fn insert(&mut self, number: u32) {
        match self.ranges.last_mut() {
            Some(end) if number >= end.0 && number <= end.1 => {}
            Some(end) if end.1.checked_add(1) == Some(number) => end.1 = number,
            Some(end) if number < end.0 => {
                let ranges = std::mem::take(&mut self.ranges);
                *self = Self::from_ranges(ranges.into_iter().chain([(number, number)]));
            }
            _ => self.ranges.push((number, number)),
        }
    }

    /// Adds all numbers of another set; cheapest when they follow these.
    pub fn append(&mut self, other: Self) {
        match (self.ranges.last(), other.ranges.first()) {
            (None, _) => *self = other,
            (_, None) => {}
            (Some(last), Some(first)) if last.1.saturating_add(1) < first.0 => {
                self.ranges.extend(other.ranges);
            }
            _ => {
                let ranges = std::mem::take(&mut self.ranges);
                *self = Self::from_ranges(ranges.into_iter().chain(other.ranges));
            }
        }
    }

    /// Whether the number is in the set, by binary search.
    pub fn contains(&self, number: u32) -> bool {
        let after = self.ranges.partition_point(|range| range.0 <= number);
        after > 0 && self.ranges[after - 1].1 >= number
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many numbers it holds.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// The ranges, inclusive, rising.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// The numbers, rising. Ranges may be huge: bound what you take from a peer's set.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = Self::new();
        let mut unsorted = Vec::new();
        for number in numbers {
            match set.ranges.last() {
                Some(&(first, _)) if number < first => unsorted.push((number, number)),
                _ => set.insert(number),
            }
        }
        if unsorted.is_empty() {
            return set;
        }
        unsorted.extend(set.ranges);
        Self::from_ranges(unsorted)
    }
}

/// RFC 9051 §9 `sequence-set`: `1:3,7`.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}:{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_merged_and_printed_shortest() {
        let set = UidSet::from_ranges([(7, 7), (3, 1), (2, 4), (5, 5)]);
        assert_eq!(set.to_string(), "1:5,7");
        assert_eq!(set.len(), 6);
    }

    #[test]
    fn the_largest_number_does_not_overflow() {
        let mut set = UidSet::range(u32::MAX - 1, u32::MAX);
        set.insert(u32::MAX);
        assert_eq!(set.len(), 2);
        assert_eq!(UidSet::range(0, u32::MAX).len(), 1 << 32);
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(numbers in proptest::collection::vec(0u32..200, 0..80)) {
            let model: BTreeSet<u32> = numbers.iter().copied().collect();
            let set: UidSet = numbers.iter().copied().collect();
            let mut one_by_one = UidSet::new();
            numbers.iter().for_each(|&n| one_by_one.insert(n));
            prop_assert_eq!(&set, &one_by_one);
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            for n in 0..200 {
                prop_assert_eq!(set.contains(n), model.contains(&n));
            }
            for cut in 0..numbers.len() {
                let mut joined: UidSet = numbers[..cut].iter().copied().collect();
                joined.append(numbers[cut..].iter().copied().collect());
                prop_assert_eq!(&joined, &set);
            }
        }
    }
}
