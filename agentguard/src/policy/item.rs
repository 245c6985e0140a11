//! An item of a list of rules: a string, or a table that gives the rule a mode of its own.

use toml::{Spanned, de::DeValue};

use super::{
    agent,
    document::{Document, FormError, Placed},
    scope::Mode,
};

/// How the items of a list are written.
pub(super) struct ItemForm {
    /// The key of a table that holds what the string would be.
    pub(super) key: &'static str,
    /// Every key of a table.
    pub(super) keys: &'static [&'static str],
    /// What such an item is called.
    pub(super) section: &'static str,
    /// What a table without `key` lacks, and what to write there.
    pub(super) missing: (&'static str, &'static str),
    /// What an item of another type should be.
    pub(super) expected: &'static str,
}

impl ItemForm {
    /// The text and the mode of an item. What is wrong with it is reported.
    pub(super) fn read<'t, 'a>(
        &self,
        document: &mut Document<'a>,
        item: &'t Spanned<DeValue<'a>>,
    ) -> Option<(Placed<&'t str>, Mode)> {
        let at = item.span().start;
        match item.get_ref() {
            DeValue::String(text) => {
                let value = text.as_ref();
                Some((Placed { value, at }, Mode::default()))
            }
            DeValue::Table(table) => {
                document.keys(table, self.section, self.keys);
                let mode = match document.string(table, self.section, "mode") {
                    Some(text) => agent::mode(document, text),
                    None => Mode::default(),
                };
                if !table.contains_key(self.key) {
                    let (what, example) = self.missing;
                    document.report(at, FormError::Missing { what, example });
                    return None;
                }
                Some((document.string(table, self.section, self.key)?, mode))
            }
            other => {
                document.wrong_type(item, self.section.to_owned(), self.expected, other);
                None
            }
        }
    }
}
