//! What the parser is compared with: a second one, by slices, one part within the other.

use agentguard_common::tls::{Hello, MAX_EXTENSIONS, MAX_NAME, MAX_RECORD, Span};

/// Takes `count` bytes from the front.
fn take<'a>(from: &mut &'a [u8], count: usize) -> Result<&'a [u8], Hello> {
    let (taken, rest) = from.split_at_checked(count).ok_or(Hello::Malformed)?;
    *from = rest;
    Ok(taken)
}

/// Takes a number of `width` bytes from the front.
fn number(from: &mut &[u8], width: usize) -> Result<usize, Hello> {
    let bytes = take(from, width)?;
    Ok(bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// Takes a vector with a length of `width` bytes from the front.
fn vector<'a>(from: &mut &'a [u8], width: usize) -> Result<&'a [u8], Hello> {
    let length = number(from, width)?;
    take(from, length)
}

/// What the bytes say.
pub(crate) fn client_hello(bytes: &[u8]) -> Hello {
    match record(bytes) {
        Ok(message) => message_of(bytes, message).unwrap_or_else(|hello| hello),
        Err(hello) => hello,
    }
}

/// The message that is the whole of the first record.
fn record(bytes: &[u8]) -> Result<&[u8], Hello> {
    let known = |at: usize, wanted: &[u8]| match bytes.get(at) {
        None => Err(Hello::Split),
        Some(byte) if wanted.contains(byte) => Ok(()),
        Some(_) => Err(Hello::NotTls),
    };
    known(0, &[22])?;
    known(1, &[3])?;
    let Some(mut header) = bytes.get(3..5) else {
        return Err(Hello::Split);
    };
    let length = number(&mut header, 2)?;
    if length == 0 || length > MAX_RECORD as usize {
        return Err(Hello::Malformed);
    }
    if bytes.len() < 9 {
        return Err(Hello::Split);
    }
    known(5, &[1])?;
    let mut header = &bytes[6..9];
    let message = number(&mut header, 3)?;
    match (4 + message).cmp(&length) {
        std::cmp::Ordering::Greater => Err(Hello::Split),
        std::cmp::Ordering::Less => Err(Hello::Malformed),
        std::cmp::Ordering::Equal => bytes.get(9..9 + message).ok_or(Hello::Split),
    }
}

fn message_of(bytes: &[u8], mut message: &[u8]) -> Result<Hello, Hello> {
    let rest = &mut message;
    if take(rest, 2)?[0] != 3 {
        return Err(Hello::Malformed);
    }
    take(rest, 32)?;
    if vector(rest, 1)?.len() > 32 {
        return Err(Hello::Malformed);
    }
    let suites = vector(rest, 2)?;
    if suites.is_empty() || suites.len() % 2 == 1 {
        return Err(Hello::Malformed);
    }
    if vector(rest, 1)?.is_empty() {
        return Err(Hello::Malformed);
    }
    if rest.is_empty() {
        return Ok(Hello::NoName);
    }
    let mut extensions = vector(rest, 2)?;
    if !rest.is_empty() {
        return Err(Hello::Malformed);
    }
    let (mut names, mut encrypted, mut count) = (Vec::new(), false, 0);
    while !extensions.is_empty() {
        count += 1;
        if count > MAX_EXTENSIONS {
            return Err(Hello::Malformed);
        }
        let kind = number(&mut extensions, 2)?;
        let mut body = vector(&mut extensions, 2)?;
        match kind {
            0 => {
                let mut list = vector(&mut body, 2)?;
                if !body.is_empty() || take(&mut list, 1)? != [0] {
                    return Err(Hello::Malformed);
                }
                let name = vector(&mut list, 2)?;
                if !list.is_empty() || !names.is_empty() {
                    return Err(Hello::Malformed);
                }
                if name.is_empty() || name.len() > MAX_NAME as usize {
                    return Err(Hello::BadName);
                }
                names.push(name);
            }
            0xfe08..=0xfe0d | 0xffce => encrypted = true,
            _ => {}
        }
    }
    let span = names.first().map_or(Span::NONE, |name| Span {
        at: u32::try_from(name.as_ptr() as usize - bytes.as_ptr() as usize).unwrap_or(u32::MAX),
        length: u32::try_from(name.len()).unwrap_or(u32::MAX),
    });
    Ok(match (encrypted, names.is_empty()) {
        (true, _) => Hello::Encrypted(span),
        (false, true) => Hello::NoName,
        (false, false) => Hello::Name(span),
    })
}
