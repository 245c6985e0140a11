//! Answers that still hold.

use std::{collections::HashMap, sync::Arc};

use super::answer::Answer;

/// What was asked: the name in lower case, and the number of the record type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The name.
    pub name: Arc<str>,
    /// The type.
    pub record_type: u16,
}

/// An answer and until when it holds, in nanoseconds of `CLOCK_BOOTTIME`.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The answer.
    pub answer: Arc<Answer>,
    /// The end.
    pub expires_ns: u64,
}

impl Held {
    /// Seconds for which it still holds, the last one whole.
    pub(super) fn ttl(&self, now_ns: u64) -> u32 {
        let left = self
            .expires_ns
            .saturating_sub(now_ns)
            .div_ceil(1_000_000_000);
        u32::try_from(left).unwrap_or(u32::MAX)
    }
}

/// How many entries are compared to find one to drop.
const COMPARED: usize = 8;

/// Bytes of an entry besides its name and answer.
const ENTRY: usize = 128;

/// A bounded cache. Of a few entries, the one that ends first makes room for a new one.
#[derive(Debug)]
pub(super) struct Cache {
    /// Where in `entries` a key is.
    places: HashMap<Key, usize>,
    entries: Vec<(Key, Held)>,
    bytes: usize,
    max_bytes: usize,
    /// Where the next comparison begins.
    hand: usize,
}

fn cost(key: &Key, held: &Held) -> usize {
    ENTRY + key.name.len() + held.answer.cost()
}

impl Cache {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            places: HashMap::new(),
            entries: Vec::new(),
            bytes: 0,
            max_bytes,
            hand: 0,
        }
    }

    /// An answer that still holds.
    pub(super) fn get(&mut self, key: &Key, now_ns: u64) -> Option<Held> {
        let place = *self.places.get(key)?;
        let (_, held) = self.entries.get(place)?;
        if held.expires_ns <= now_ns {
            self.remove(place);
            return None;
        }
        Some(held.clone())
    }

    /// Keeps an answer. One that takes much of the whole is not kept.
    pub(super) fn insert(&mut self, key: &Key, held: Held) {
        if let Some(&place) = self.places.get(key) {
            self.remove(place);
        }
        let cost = cost(key, &held);
        if cost > self.max_bytes / 16 {
            return;
        }
        while self.bytes + cost > self.max_bytes && !self.entries.is_empty() {
            self.drop_one();
        }
        self.bytes += cost;
        self.places.insert(key.clone(), self.entries.len());
        self.entries.push((key.clone(), held));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_bytes);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn drop_one(&mut self) {
        let length = self.entries.len();
        let first = (0..COMPARED.min(length))
            .map(|step| (self.hand + step) % length)
            .min_by_key(|&place| self.entries[place].1.expires_ns);
        self.hand = (self.hand + COMPARED) % length;
        if let Some(place) = first {
            self.remove(place);
        }
    }

    fn remove(&mut self, place: usize) {
        let (key, held) = self.entries.swap_remove(place);
        self.bytes -= cost(&key, &held);
        self.places.remove(&key);
        if let Some((moved, _)) = self.entries.get(place) {
            self.places.insert(moved.clone(), place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key {
            name: name.into(),
            record_type: 1,
        }
    }

    fn held(expires_ns: u64) -> Held {
        Held {
            answer: Arc::new(Answer::NOTHING),
            expires_ns,
        }
    }

    #[test]
    fn an_answer_holds_until_its_end() {
        let mut cache = Cache::new(1 << 20);
        cache.insert(&key("a"), held(5_500_000_000));
        assert_eq!(
            cache
                .get(&key("a"), 1_000_000_000)
                .unwrap()
                .ttl(1_000_000_000),
            5
        );
        assert!(
            cache
                .get(
                    &Key {
                        record_type: 28,
                        ..key("a")
                    },
                    0
                )
                .is_none()
        );
        assert!(cache.get(&key("b"), 0).is_none());
        assert!(cache.get(&key("a"), 5_500_000_000).is_none());
        assert_eq!((cache.len(), cache.bytes), (0, 0), "what has ended is gone");
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let mut cache = Cache::new(64 << 10);
        for number in 0..10_000_u64 {
            let name = format!("{number}");
            cache.insert(&key(&name), held(1 + number * 7919 % 10_007));
            assert!(cache.bytes <= 64 << 10);
            assert!(cache.get(&key(&name), 0).is_some());
        }
        assert!(cache.len() > 100);
        assert_eq!(cache.places.len(), cache.entries.len());
        for (key, place) in &cache.places {
            assert_eq!(cache.entries[*place].0, *key);
        }
        let sum: usize = cache
            .entries
            .iter()
            .map(|(key, held)| cost(key, held))
            .sum();
        assert_eq!(sum, cache.bytes);
        cache.clear();
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn a_new_answer_replaces_the_old() {
        let mut cache = Cache::new(1 << 20);
        cache.insert(&key("a"), held(1));
        cache.insert(&key("a"), held(2));
        assert_eq!(
            (cache.len(), cache.get(&key("a"), 1).unwrap().expires_ns),
            (1, 2)
        );
    }
}
