//! How two patterns compare: for warnings, no verdict depends on it.

use super::{Component, Pattern};

impl Pattern {
    /// Whether some path matches both.
    pub fn overlaps(&self, other: &Self) -> bool {
        sequences_overlap(
            self.components(),
            other.components(),
            |component| *component == Component::AnyDepth,
            |a, b| names_overlap(name(a), name(b)),
        )
    }

    /// Whether what the other matches, this one matches as well. It is tried with names that are in no pattern,
    /// so `**/x` is found to cover `/a/*/x`; a pattern that covers another only by its globs may not be found to.
    pub fn covers(&self, other: &Self) -> bool {
        [0, 1, 3]
            .into_iter()
            .all(|depth| self.overlaps(&example(other, depth)))
    }
}

/// A path that the pattern matches, in which `**` is so many names.
fn example(pattern: &Pattern, depth: usize) -> Pattern {
    const NAME: &[u8] = b"\x01";

    let literal = |name: &[u8]| Component::Literal(name.into());
    let components = pattern.components().iter().flat_map(|component| {
        let (times, component) = match component {
            Component::AnyDepth => (depth, literal(NAME)),
            Component::AnyName => (1, literal(NAME)),
            Component::Literal(name) => (1, literal(name)),
            Component::Glob(glob) => {
                let star = |byte: &u8| if *byte == b'*' { NAME[0] } else { *byte };
                (1, literal(&glob.iter().map(star).collect::<Vec<_>>()))
            }
        };
        std::iter::repeat_n(component, times)
    });
    Pattern::new(components.collect())
}

/// The bytes of a component that is one name, in which `*` is any bytes.
fn name(component: &Component) -> &[u8] {
    match component {
        Component::Literal(name) | Component::Glob(name) => name,
        Component::AnyName | Component::AnyDepth => b"*",
    }
}

fn names_overlap(a: &[u8], b: &[u8]) -> bool {
    sequences_overlap(a, b, |byte| *byte == b'*', |a, b| a == b)
}

/// Whether some sequence is described by both. An element can stand for any number of others.
fn sequences_overlap<T>(
    a: &[T],
    b: &[T],
    is_any: impl Fn(&T) -> bool,
    is_same: impl Fn(&T, &T) -> bool,
) -> bool {
    // Whether what is left of `a` and of `b` overlaps, from the ends on: for each beginning in `b`, for the
    // beginning in `a` that is looked at and the one behind it.
    let mut behind = vec![false; b.len() + 1];
    for first in (0..=a.len()).rev() {
        let mut here = vec![false; b.len() + 1];
        for second in (0..=b.len()).rev() {
            let (x, y) = (a.get(first), b.get(second));
            let later = here.get(second + 1).copied().unwrap_or_default();
            here[second] = match (x, y) {
                (None, None) => true,
                (Some(x), _) if is_any(x) => behind[second] || later,
                (_, Some(y)) if is_any(y) => later || (x.is_some() && behind[second]),
                (Some(x), Some(y)) => is_same(x, y) && behind[second + 1],
                _ => false,
            };
        }
        behind = here;
    }
    behind.first().copied().unwrap_or_default()
}
