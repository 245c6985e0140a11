//! What the kernel is told of rules by name.

use agentguard_common::scope::{HTTPS_ROW, NamesHeader};

use super::network;
use crate::policy::{Compiled, compile};

#[test]
fn the_table_of_names_is_noted() {
    let mut compiled = compile(&network("allow = [\"a.example\"]")).unwrap();
    assert!(compiled.has_names());
    let rows = compiled.rows().to_vec();
    let table =
        |compiled: &Compiled| NamesHeader::unpack(compiled.rows()[HTTPS_ROW as usize].key).table;
    assert_eq!(table(&compiled), 0);
    for number in [0, 4095] {
        compiled.set_names(Some(number));
        assert_eq!(table(&compiled), number + 1);
    }
    compiled.set_names(None);
    assert_eq!(compiled.rows(), rows);
    assert!(
        !compile(&network("allow = [\"10.0.0.1\"]"))
            .unwrap()
            .has_names()
    );
}
