//! The way through a `ClientHello`.

use super::{Bytes, Hello, MAX_NAME, Span};

/// The most extensions that are read: more are [malformed](Hello::Malformed). Clients send about twenty.
pub const MAX_EXTENSIONS: u32 = 64;

/// The most bytes of a record that is not encrypted, without its header (RFC 8446, section 5.1).
pub const MAX_RECORD: u32 = 1 << 14;

/// `ContentType`: a handshake.
const HANDSHAKE: u8 = 22;
/// The major version of SSL 3.0 and every TLS.
const MAJOR: u8 = 3;
/// `HandshakeType`: a `ClientHello`.
const CLIENT_HELLO: u32 = 1;

/// Bytes of a record's header.
const RECORD_HEADER: u32 = 5;
/// Bytes of a handshake message's header.
const MESSAGE_HEADER: u32 = 4;
/// Bytes of `legacy_version` and `random`.
const VERSION_AND_RANDOM: u32 = 34;
/// The most bytes of a session id.
const MAX_SESSION_ID: u32 = 32;

/// `server_name` (RFC 6066).
const SERVER_NAME: u32 = 0;
/// `NameType`: a host name, the only one that there is.
const HOST_NAME: u8 = 0;
/// Bytes of a server name's extension before the name: the length of the list, the type and the length of the name.
const NAME_HEADER: u32 = 5;

/// The state of the way: where it is, and what was found. It is small, and has no invalid bit patterns, so that the
/// kernel can keep it wherever its verifier likes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    at: u32,
    end: u32,
    name_at: u32,
    name_length: u32,
    /// Not 0 if there is an encrypted hello.
    encrypted: u32,
}

impl Walk {
    /// Reads what is before the extensions.
    #[inline(always)]
    pub fn begin<B: Bytes + ?Sized>(bytes: &B) -> Result<Self, Hello> {
        if bytes.u8(0).ok_or(Hello::Split)? != HANDSHAKE {
            return Err(Hello::NotTls);
        }
        if bytes.u8(1).ok_or(Hello::Split)? != MAJOR {
            return Err(Hello::NotTls);
        }
        let record = u32::from(bytes.u16(3).ok_or(Hello::Split)?);
        if record == 0 || record > MAX_RECORD {
            return Err(Hello::Malformed);
        }
        let header = bytes.u32(RECORD_HEADER).ok_or(Hello::Split)?;
        if header >> 24 != CLIENT_HELLO {
            return Err(Hello::NotTls);
        }
        // Of a shorter record the rest of the header is in the next one.
        let message = MESSAGE_HEADER + (header & 0x00ff_ffff);
        if record < MESSAGE_HEADER || message > record {
            return Err(Hello::Split);
        }
        // A server could take what follows for the beginning of another message.
        if message < record {
            return Err(Hello::Malformed);
        }
        let end = RECORD_HEADER + record;
        if bytes.u8(end - 1).is_none() {
            return Err(Hello::Split);
        }
        Self::before_extensions(bytes, end)
    }

    #[inline(always)]
    fn before_extensions<B: Bytes + ?Sized>(bytes: &B, end: u32) -> Result<Self, Hello> {
        let mut walk = Self {
            at: RECORD_HEADER + MESSAGE_HEADER,
            end,
            name_at: 0,
            name_length: 0,
            encrypted: 0,
        };
        if walk.u8(bytes)? != MAJOR {
            return Err(Hello::Malformed);
        }
        walk.at += VERSION_AND_RANDOM - 1;
        let session_id = u32::from(walk.u8(bytes)?);
        if session_id > MAX_SESSION_ID {
            return Err(Hello::Malformed);
        }
        walk.at += session_id;
        let cipher_suites = u32::from(walk.u16(bytes)?);
        if cipher_suites == 0 || cipher_suites % 2 != 0 {
            return Err(Hello::Malformed);
        }
        walk.at += cipher_suites;
        let compression_methods = u32::from(walk.u8(bytes)?);
        if compression_methods == 0 {
            return Err(Hello::Malformed);
        }
        walk.at += compression_methods;
        // Before TLS 1.3 there need not be any extensions.
        if walk.at == end {
            return Ok(walk);
        }
        let extensions = u32::from(walk.u16(bytes)?);
        if walk.at + extensions != end {
            return Err(Hello::Malformed);
        }
        Ok(walk)
    }

    /// Reads the next extension, if there is one, and says whether there are more.
    #[inline(always)]
    pub fn step<B: Bytes + ?Sized>(&mut self, bytes: &B) -> Result<bool, Hello> {
        if self.at == self.end {
            return Ok(false);
        }
        if self.end - self.at < 4 {
            return Err(Hello::Malformed);
        }
        let header = bytes.u32(self.at).ok_or(Hello::Split)?;
        let (kind, length) = (header >> 16, header & 0xffff);
        let body = self.at + 4;
        if length > self.end - body {
            return Err(Hello::Malformed);
        }
        if kind == SERVER_NAME {
            self.server_name(bytes, body, length)?;
        } else if is_encrypted(kind) {
            self.encrypted = 1;
        }
        self.at = body + length;
        Ok(self.at != self.end)
    }

    /// A list of exactly one name, and nothing after it.
    #[inline(always)]
    fn server_name<B: Bytes + ?Sized>(
        &mut self,
        bytes: &B,
        body: u32,
        length: u32,
    ) -> Result<(), Hello> {
        if self.name_length != 0 || length < NAME_HEADER {
            return Err(Hello::Malformed);
        }
        let list = u32::from(bytes.u16(body).ok_or(Hello::Split)?);
        let kind = bytes.u8(body + 2).ok_or(Hello::Split)?;
        let name = u32::from(bytes.u16(body + 3).ok_or(Hello::Split)?);
        if list + 2 != length || kind != HOST_NAME || name + NAME_HEADER != length {
            return Err(Hello::Malformed);
        }
        if name == 0 || name > MAX_NAME {
            return Err(Hello::BadName);
        }
        self.name_at = body + NAME_HEADER;
        self.name_length = name;
        Ok(())
    }

    /// What was found, after the last [step](Self::step).
    #[inline(always)]
    pub fn finish(&self) -> Hello {
        if self.at != self.end {
            // More extensions than are read.
            return Hello::Malformed;
        }
        let name = Span {
            at: self.name_at,
            length: self.name_length,
        };
        if self.encrypted != 0 {
            Hello::Encrypted(name)
        } else if name.length != 0 {
            Hello::Name(name)
        } else {
            Hello::NoName
        }
    }

    /// The next byte of the message.
    #[inline(always)]
    fn u8<B: Bytes + ?Sized>(&mut self, bytes: &B) -> Result<u8, Hello> {
        if self.at >= self.end {
            return Err(Hello::Malformed);
        }
        let value = bytes.u8(self.at).ok_or(Hello::Split)?;
        self.at += 1;
        Ok(value)
    }

    /// The next two bytes of the message.
    #[inline(always)]
    fn u16<B: Bytes + ?Sized>(&mut self, bytes: &B) -> Result<u16, Hello> {
        if self.at + 1 >= self.end {
            return Err(Hello::Malformed);
        }
        let value = bytes.u16(self.at).ok_or(Hello::Split)?;
        self.at += 2;
        Ok(value)
    }
}

/// Whether an extension carries the encrypted name: `encrypted_client_hello` (RFC 9849) and its drafts from the eighth, or
/// `encrypted_server_name`, which came before it.
#[inline(always)]
const fn is_encrypted(kind: u32) -> bool {
    matches!(kind, 0xfe08..=0xfe0d | 0xffce)
}
