//! One glob, matched byte by byte.
//!
//! A *point* is how many bytes of the glob, without its `*`, have matched. The furthest point says all:
//! behind a `*`, matching goes on as in the algorithm of Knuth, Morris and Pratt. Where the next byte
//! does not match, the longest beginning of what stands behind that `*` is sought with which the name
//! ends. Once a `*` is passed, what was before it does not matter any more.

/// The points of a glob.
pub(super) struct Points {
    /// The glob without its `*`.
    bytes: Vec<u8>,
    /// By point: where to go on if the next byte does not match.
    otherwise: Vec<Otherwise>,
}

#[derive(Clone, Copy)]
enum Otherwise {
    /// Nowhere: there was no `*`.
    Fail,
    /// A `*` stands here, and takes the byte.
    Stay,
    /// The byte is tried at this point, too, which is lower.
    Try(u16),
}

impl Points {
    pub(super) fn new(glob: &[u8]) -> Self {
        let mut points = Self {
            bytes: Vec::new(),
            otherwise: vec![Otherwise::Fail],
        };
        for byte in glob {
            if *byte == b'*' {
                if let Some(last) = points.otherwise.last_mut() {
                    *last = Otherwise::Stay;
                }
                continue;
            }
            let otherwise = match points.otherwise.last() {
                None | Some(Otherwise::Fail) => Otherwise::Fail,
                // One byte behind a `*`: the only shorter beginning is the empty one.
                Some(Otherwise::Stay) => Otherwise::Try(points.last()),
                Some(Otherwise::Try(point)) => points
                    .after(*point, *byte)
                    .map_or(Otherwise::Fail, Otherwise::Try),
            };
            points.bytes.push(*byte);
            points.otherwise.push(otherwise);
        }
        points
    }

    /// The point after one more byte of a name, or `None` if the glob cannot match any more.
    pub(super) fn after(&self, mut point: u16, byte: u8) -> Option<u16> {
        loop {
            if self.bytes.get(usize::from(point)) == Some(&byte) {
                return Some(point + 1);
            }
            match self.otherwise.get(usize::from(point))? {
                Otherwise::Fail => return None,
                Otherwise::Stay => return Some(point),
                Otherwise::Try(lower) => point = *lower,
            }
        }
    }

    /// Whether the glob matches a name that ends at this point.
    pub(super) fn is_end(&self, point: u16) -> bool {
        usize::from(point) == self.bytes.len()
    }

    /// The highest point. A glob has at most 255 bytes.
    fn last(&self) -> u16 {
        u16::try_from(self.bytes.len()).unwrap_or(u16::MAX)
    }
}
