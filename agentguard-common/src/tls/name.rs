//! The spelling of a server name, eight bytes at a time: byte by byte would be too many branches for the kernel's verifier.

/// The most bytes of a name: 255 on the wire (RFC 1035, section 3.1), less the first length and the root.
pub const MAX_NAME: u32 = 253;

/// Words that a name is folded in. What it leaves of them is zeros.
pub const NAME_WORDS: usize = 32;

const BYTES: usize = 8 * NAME_WORDS;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = ONES << 7;

/// What a server name looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Letters, digits, `-`, `_` and `.`, and not an address. Labels are not looked at: a name with an empty one is in no
    /// table.
    Name,
    /// Digits and dots only: an IPv4 address, which is no server name (RFC 6066, section 3).
    Address,
    /// There are other bytes in it: NUL, a colon, anything beyond ASCII.
    Invalid,
}

/// Folds a name to lower case and looks at its spelling, a word at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fold {
    zeros: u64,
    invalid: u64,
    not_numeric: u64,
}

impl Fold {
    /// Folds the next eight bytes, as they lie in memory.
    #[inline(always)]
    pub fn word(&mut self, word: u64) -> u64 {
        // Without their highest bits, bytes do not carry into their neighbours.
        let beyond_ascii = word & HIGHEST;
        let original = word;
        let word = word & !HIGHEST;
        let zero = in_range(word, 0, 0);
        let upper = in_range(word, b'A', b'Z') & !beyond_ascii;
        let letter = upper | in_range(word, b'a', b'z');
        let numeric = zero | in_range(word, b'0', b'9') | in_range(word, b'.', b'.');
        let other = in_range(word, b'-', b'-') | in_range(word, b'_', b'_');
        self.zeros += (zero >> 7).wrapping_mul(ONES) >> 56;
        self.not_numeric |= HIGHEST & !numeric;
        self.invalid |= beyond_ascii | HIGHEST & !(letter | numeric | other);
        original | upper >> 2
    }

    /// The spelling of a name of so many bytes, all of whose [`NAME_WORDS`] words were folded.
    #[inline(always)]
    pub const fn spelling(&self, length: u32) -> Spelling {
        // A NUL within the name is one more than the words have left of it.
        if self.invalid != 0 || length == 0 || self.zeros + length as u64 != BYTES as u64 {
            Spelling::Invalid
        } else if self.not_numeric == 0 {
            Spelling::Address
        } else {
            Spelling::Name
        }
    }
}

/// The highest bit of each byte between `from` and `to`, both below 128. So must the word's be.
#[inline(always)]
const fn in_range(word: u64, from: u8, to: u8) -> u64 {
    // No sum is above 255.
    let at_least = if from == 0 {
        HIGHEST
    } else {
        word + (0x80 - from as u64) * ONES
    };
    let above = word + (0x7f - to as u64) * ONES;
    at_least & !above & HIGHEST
}

/// A name in lower case, padded with zeros, and how it is spelled. `None` if it is empty or longer than [`MAX_NAME`].
pub fn fold(name: &[u8]) -> Option<([u8; BYTES], Spelling)> {
    let length = u32::try_from(name.len()).ok()?;
    if length == 0 || length > MAX_NAME {
        return None;
    }
    let mut bytes = [0; BYTES];
    bytes.get_mut(..name.len())?.copy_from_slice(name);
    let mut fold = Fold::default();
    for chunk in bytes.as_chunks_mut::<8>().0 {
        *chunk = fold.word(u64::from_ne_bytes(*chunk)).to_ne_bytes();
    }
    Some((bytes, fold.spelling(length)))
}
