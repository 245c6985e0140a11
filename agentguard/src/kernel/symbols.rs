//! Where the running kernel keeps what has no type: its symbols.

use std::{
    fs::File,
    io::{self, BufReader},
};

const KALLSYMS: &str = "/proc/kallsyms";

/// Why a symbol cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolError {
    /// The list could not be read.
    #[error("cannot read {KALLSYMS}: {0}")]
    Read(#[from] io::Error),
    /// The symbol is not in the list.
    #[error("this kernel has no symbol `{0}`, which the programs on files read")]
    Missing(&'static str),
    /// Addresses are hidden.
    #[error(
        "the kernel hides where `{0}` is, which the programs on files read: run this with CAP_SYSLOG, and \
         `sysctl kernel.kptr_restrict=1`"
    )]
    Hidden(&'static str),
}

/// The address of a symbol of the kernel itself, not of a module.
pub(super) fn address(symbol: &'static str) -> Result<u64, SymbolError> {
    find(BufReader::new(File::open(KALLSYMS)?), symbol)
}

fn find(list: impl io::BufRead, symbol: &'static str) -> Result<u64, SymbolError> {
    for line in list.lines() {
        let line = line?;
        let mut words = line.split_ascii_whitespace();
        let (Some(address), Some(_), Some(name), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        if name == symbol {
            let address = u64::from_str_radix(address, 16).ok();
            return address
                .filter(|it| *it != 0)
                .ok_or(SymbolError::Hidden(symbol));
        }
    }
    Err(SymbolError::Missing(symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_of_the_kernel_itself_is_found() {
        let list = "ffffffff81000000 T _text\nffffffffc0000000 b lock\t[module]\nffffffff82000040 D lock\n";
        assert_eq!(
            find(list.as_bytes(), "lock").unwrap(),
            0xffff_ffff_8200_0040
        );
        let hidden = "0000000000000000 D lock\n";
        let error = find(hidden.as_bytes(), "lock").unwrap_err();
        assert!(error.to_string().contains("kptr_restrict"), "{error}");
        let error = find(list.as_bytes(), "loc").unwrap_err();
        assert!(error.to_string().contains("no symbol `loc`"), "{error}");
    }
}
