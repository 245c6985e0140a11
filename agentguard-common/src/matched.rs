//! The rules that match an endpoint, from the rows of a scope.

use crate::{
    address::{Address, borrow},
    decision::{Endpoint, Tables},
    limits::{MAX_SECTION_ROWS, SEARCH_STEPS},
    protocol::port_key,
    rules::RuleSet,
    scope::{FLAG_NAMES, FLAG_OBSERVED_RULES, HEADER_ROWS, Header, OBSERVE_ROW},
};

/// The rules that match an endpoint whatever was learned, and all that do.
#[inline(always)]
pub(crate) fn matched<T: Tables>(
    tables: &T,
    header: &Header,
    at: &Endpoint,
) -> Option<(RuleSet, RuleSet)> {
    let learned = if header.flags & FLAG_NAMES == 0 {
        RuleSet::EMPTY
    } else {
        tables.learned(&at.address)?
    };
    let by_address = at_address(tables, header, &at.address)?;
    let by_port = at_port(tables, header, at)?;
    Some((by_address & by_port, (by_address | learned) & by_port))
}

/// The rules that match an endpoint whatever was learned.
#[inline(always)]
pub(crate) fn literal<T: Tables>(tables: &T, header: &Header, at: &Endpoint) -> Option<RuleSet> {
    let by_address = at_address(tables, header, &at.address)?;
    Some(by_address & at_port(tables, header, at)?)
}

/// The rules that are observed.
#[inline(always)]
pub(crate) fn observe<T: Tables>(tables: &T, header: &Header) -> Option<RuleSet> {
    if header.flags & FLAG_OBSERVED_RULES == 0 {
        return Some(RuleSet::EMPTY);
    }
    Some(tables.row(OBSERVE_ROW)?.rules)
}

/// The rules whose prefix holds an address.
#[inline(always)]
fn at_address<T: Tables>(tables: &T, header: &Header, address: &Address) -> Option<RuleSet> {
    let row = search(tables, HEADER_ROWS, u32::from(header.addresses), address)?;
    Some(tables.row(row)?.rules)
}

/// The rules whose protocol and range hold an endpoint's.
#[inline(always)]
fn at_port<T: Tables>(tables: &T, header: &Header, at: &Endpoint) -> Option<RuleSet> {
    let key = Address {
        hi: 0,
        lo: port_key(at.protocol, at.port),
    };
    let start = HEADER_ROWS + u32::from(header.addresses);
    let row = search(tables, start, u32::from(header.ports), &key)?;
    Some(tables.row(row)?.rules)
}

/// The last row of a section whose key is not above `key`.
///
/// Every section begins with the lowest key, so there is one. The steps are a constant number, and
/// none of them branches on what it finds: a candidate beyond the section is looked at and not
/// taken. So the verifier has one way to follow, not one for each row that could be found.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "positions are below MAX_SECTION_ROWS"
)]
fn search<T: Tables>(tables: &T, start: u32, count: u32, key: &Address) -> Option<u32> {
    if count == 0 || count > MAX_SECTION_ROWS {
        return None;
    }
    let mut position = 0_u64;
    let mut step = u64::from(MAX_SECTION_ROWS);
    for _ in 0..SEARCH_STEPS {
        step >>= 1;
        let candidate = position + step;
        let row = tables.row(start + candidate as u32)?;
        let is_inside = borrow(
            candidate,
            u64::from(count),
            candidate.wrapping_sub(u64::from(count)),
        );
        let is_taken = is_inside & !key.is_below(row.key);
        position += step & is_taken.wrapping_neg();
    }
    Some(start + position as u32)
}
