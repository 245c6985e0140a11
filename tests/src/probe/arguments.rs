//! Arguments of a technique.

use std::{ffi::CString, net::SocketAddr, str::FromStr};

use crate::{
    error::{Error, Outcome},
    sys::SockAddr,
};

pub(super) struct Arguments<'a>(pub(super) &'a [String]);

impl Arguments<'_> {
    /// The argument at a position.
    pub(super) fn text(&self, position: usize) -> Outcome<&str> {
        let text = self.0.get(position);
        text.map(String::as_str)
            .ok_or_else(|| Error::Failed(format!("probe: argument {} is missing", position + 1)))
    }

    /// The argument at a position, parsed.
    pub(super) fn parse<T: FromStr>(&self, position: usize) -> Outcome<T> {
        let text = self.text(position)?;
        text.parse()
            .map_err(|_| Error::Failed(format!("probe: {text} is not understood")))
    }

    /// The argument at a position, as the kernel wants a path.
    pub(super) fn path(&self, position: usize) -> Outcome<CString> {
        let text = self.text(position)?;
        CString::new(text).map_err(|_| Error::Failed(format!("probe: {text} is no path")))
    }

    /// The Internet address at a position.
    pub(super) fn internet(&self, position: usize) -> Outcome<SocketAddr> {
        self.parse(position)
    }

    /// The address at a position, as the kernel wants it.
    pub(super) fn address(&self, position: usize) -> Outcome<SockAddr> {
        Ok(SockAddr::from(self.internet(position)?))
    }
}

/// The address family of a socket that reaches an address.
pub(super) const fn family(of: SocketAddr) -> i32 {
    match of {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    }
}
