//! Byte offsets to lines and columns.

use super::error::Place;

const BOM: char = '\u{feff}';

/// The lines of a text.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let first = if text.starts_with(BOM) {
            BOM.len_utf8()
        } else {
            0
        };
        let starts = std::iter::once(first)
            .chain(text.match_indices('\n').map(|(newline, _)| newline + 1))
            .collect();
        Self { text, starts }
    }

    /// The place of a byte offset. One that is not on a character boundary counts as the character
    /// that it lies in, one beyond the end as the end.
    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts[line - 1];
        let before = self.text[start..]
            .char_indices()
            .take_while(|(at, character)| start + at + character.len_utf8() <= offset)
            .count();
        Place {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(before + 1).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, offset: usize) -> (u32, u32) {
        let place = Lines::new(text).place(offset);
        (place.line, place.column)
    }

    #[test]
    fn lines_and_columns_begin_at_one() {
        assert_eq!(place("", 0), (1, 1));
        assert_eq!(place("abc", 0), (1, 1));
        assert_eq!(place("abc", 2), (1, 3));
        assert_eq!(place("a\nbc", 1), (1, 2));
        assert_eq!(place("a\nbc", 2), (2, 1));
        assert_eq!(place("a\n\nbc", 4), (3, 2));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(place("é = 1", 3), (1, 3));
        assert_eq!(place("é = 1", 1), (1, 1));
    }

    #[test]
    fn the_end_has_a_place() {
        assert_eq!(place("ab\n", 3), (2, 1));
        assert_eq!(place("ab", 99), (1, 3));
    }

    #[test]
    fn a_byte_order_mark_has_no_column() {
        assert_eq!(place("\u{feff}abc", 3), (1, 1));
        assert_eq!(place("\u{feff}abc", 0), (1, 1));
        assert_eq!(place("\u{feff}abc", 5), (1, 3));
    }

    #[test]
    fn carriage_returns_belong_to_their_line() {
        assert_eq!(place("a\r\nb", 3), (2, 1));
    }
}
