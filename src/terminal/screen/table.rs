//! Rare things that cells point to by number.

use std::collections::HashMap;
use std::hash::Hash;

/// Numbers things, each once. Nothing is forgotten until [`Table::keep`], which is due when the table
/// says that it [`is_full`](Table::is_full).
#[derive(Clone, Debug)]
pub struct Table<T> {
    items: Vec<T>,
    numbers: HashMap<T, u32>,
    limit: usize,
}

/// A sweep is due at this many items, or at twice what the last one kept.
const MIN_LIMIT: usize = 1024;

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { items: Vec::new(), numbers: HashMap::new(), limit: MIN_LIMIT }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    pub fn get(&self, number: u32) -> Option<&T> {
        self.items.get(number as usize)
    }

    pub fn number(&mut self, item: T) -> u32 {
        if let Some(&number) = self.numbers.get(&item) {
            return number;
        }
        let number = self.items.len() as u32;
        self.items.push(item.clone());
        self.numbers.insert(item, number);
        number
    }

    pub fn is_full(&self) -> bool {
        self.items.len() >= self.limit
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Forgets what is not marked. The answer has the new number at the place of the old one.
    pub fn keep(&mut self, used: &[bool]) -> Vec<u32> {
        let old = std::mem::take(self);
        let numbers =
            old.items.into_iter().zip(used).map(|(item, &used)| if used { self.number(item) } else { 0 });
        let numbers = numbers.collect();
        self.limit = MIN_LIMIT.max(self.items.len() * 2);
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeping_renumbers() {
        let mut table = Table::default();
        let numbers = ["a", "b", "c", "b"].map(|item| table.number(item));
        assert_eq!(numbers, [0, 1, 2, 1]);
        assert_eq!(table.keep(&[true, false, true]), [0, 0, 1]);
        assert_eq!((table.get(1), table.len()), (Some(&"c"), 2));
        assert_eq!(table.number("b"), 2);
    }
}
