//! Public suffixes: names beneath which anybody can register one.

use psl::{List, Psl, Type};

use super::{name::Name, name_error::NameError};

/// A label that no public suffix has.
const NOBODY: &str = "agentguard-nobody";

/// Whether a wildcard may permit what it stands for. `is_private` says that the operator knows the
/// domain for one of the own network; that makes no public suffix private.
pub(in crate::policy) fn check_wildcard(name: &Name, is_private: bool) -> Result<(), NameError> {
    if !name.is_wildcard() {
        return Ok(());
    }
    let text = name.text();
    // Of some domains every child is a public suffix, and not the domain itself: `*.ck`.
    if kind(text).is_some() || kind(&format!("{NOBODY}.{text}")).is_some() {
        let name = text.to_owned();
        return Err(NameError::PublicSuffix { name });
    }
    if !text.contains('.') && !is_private {
        let name = text.to_owned();
        return Err(NameError::TopLevel { name });
    }
    Ok(())
}

/// Whether a name is a suffix beneath which a company gives names to its customers: what is served there
/// belongs to strangers.
pub(super) fn is_of_customers(name: &Name) -> bool {
    kind(name.text()) == Some(Type::Private)
}

/// The kind of public suffix that a name is, if it is one.
fn kind(name: &str) -> Option<Type> {
    let suffix = List.suffix(name.as_bytes())?;
    suffix
        .typ()
        .filter(|_| suffix.as_bytes() == name.as_bytes())
}
