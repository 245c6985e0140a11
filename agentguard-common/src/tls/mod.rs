//! The server name that a TLS client asks for, from the first bytes that it sends (RFC 8446, section 4.1.2; RFC 6066,
//! section 3).
//!
//! The kernel reads them from a packet, where each read is a call, so the parser reads as little as decides, through
//! [`Bytes`]; it has no loop of its own that the kernel would have to unroll: [`Walk::begin`] reads what is before the
//! extensions, [`Walk::step`] one extension, and [`Walk::finish`] says what was found.
//!
//! It is exact where a server and this parser could else see two names: every length must say the same as the ones
//! around it, there is one server name, and the whole message is there. Only what ends within the first packet, and in one
//! record, is read; whatever else comes first is [`Split`](Hello::Split), [`NotTls`](Hello::NotTls) or
//! [`Malformed`](Hello::Malformed). What follows the record is not looked at: a client may send early data there.

mod name;
mod walk;

pub use name::{Fold, MAX_NAME, NAME_WORDS, Spelling, fold};
pub use walk::{MAX_EXTENSIONS, MAX_RECORD, Walk};

/// The first bytes of a connection, as far as they are known, from offset 0. Numbers are in network byte order.
pub trait Bytes {
    /// The byte at `at`. `None` if it is not there.
    fn u8(&self, at: u32) -> Option<u8>;
    /// The two bytes at `at`. `None` if one of them is not there.
    fn u16(&self, at: u32) -> Option<u16>;
    /// The four bytes at `at`. `None` if one of them is not there.
    fn u32(&self, at: u32) -> Option<u32>;
}

impl Bytes for [u8] {
    fn u8(&self, at: u32) -> Option<u8> {
        self.get(at as usize).copied()
    }

    fn u16(&self, at: u32) -> Option<u16> {
        let bytes = self.get(at as usize..)?.first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    }

    fn u32(&self, at: u32) -> Option<u32> {
        let bytes = self.get(at as usize..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    }
}

/// Where a name is among the [`Bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of its first byte.
    pub at: u32,
    /// How many bytes it has: at most [`MAX_NAME`]. 0 if there is none.
    pub length: u32,
}

impl Span {
    /// No name.
    pub const NONE: Self = Self { at: 0, length: 0 };

    /// The bytes of the name. `None` if they are not there.
    pub fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        let at = self.at as usize;
        bytes.get(at..at + self.length as usize)
    }
}

/// What a client's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// A `ClientHello` with this server name. Its length is that of a name; its [spelling](Spelling) is not known yet.
    Name(Span),
    /// A `ClientHello` without a server name.
    NoName,
    /// A `ClientHello` whose server name is empty or too long for a name.
    BadName,
    /// A `ClientHello` in which another one is encrypted, or that looks like that. With the name that can be seen, which
    /// need not be the one that the server goes by.
    Encrypted(Span),
    /// It may be a `ClientHello`, but does not end within these bytes and one record.
    Split,
    /// Not a `ClientHello` of SSL 3.0 or any TLS.
    NotTls,
    /// A `ClientHello` that no server should accept.
    Malformed,
}

impl Hello {
    /// What it is, without the name.
    #[inline(always)]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Name(_) => Kind::Name,
            Self::NoName => Kind::NoName,
            Self::BadName => Kind::BadName,
            Self::Encrypted(_) => Kind::Encrypted,
            Self::Split => Kind::Split,
            Self::NotTls => Kind::NotTls,
            Self::Malformed => Kind::Malformed,
        }
    }
}

/// The kinds of [`Hello`], and that there is none. The discriminants are ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// [`Hello::Name`].
    Name = 0,
    /// [`Hello::NoName`].
    NoName = 1,
    /// [`Hello::BadName`], or one that is not [spelled](Spelling) like a name.
    BadName = 2,
    /// [`Hello::Encrypted`].
    Encrypted = 3,
    /// [`Hello::Split`].
    Split = 4,
    /// [`Hello::NotTls`].
    NotTls = 5,
    /// [`Hello::Malformed`].
    Malformed = 6,
    /// What the client sent first was gone before anything asked for it.
    Unseen = 7,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::NoName,
        Self::BadName,
        Self::Encrypted,
        Self::Split,
        Self::NotTls,
        Self::Malformed,
        Self::Unseen,
    ];

    /// The kind of a number. `None` if there is none.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its name in records: what is wrong with a hello that was refused.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NoName => "no-name",
            Self::BadName => "bad-name",
            Self::Encrypted => "encrypted",
            Self::Split => "split",
            Self::NotTls => "not-tls",
            Self::Malformed => "malformed",
            Self::Unseen => "unseen",
        }
    }
}

/// What a client's first bytes say.
pub fn client_hello<B: Bytes + ?Sized>(bytes: &B) -> Hello {
    let mut walk = match Walk::begin(bytes) {
        Ok(walk) => walk,
        Err(hello) => return hello,
    };
    for _ in 0..MAX_EXTENSIONS {
        match walk.step(bytes) {
            Ok(true) => {}
            Ok(false) => break,
            Err(hello) => return hello,
        }
    }
    walk.finish()
}
