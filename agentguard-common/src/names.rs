//! What the kernel knows of names: the addresses that they were resolved to, and where an agent's
//! questions go.
//!
//! Only the daemon's resolver teaches. An entry says which rules of one version of an agent's scope
//! speak of an address, or of a name, and until when; it means nothing to another version.

use crate::{address::Address, event::COMM_LEN, limits::MAX_SERVER_NAME, rules::RuleSet};

/// The port of name servers.
pub const DOMAIN: u16 = 53;

/// What was learned of an address or of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Learned {
    /// The rules by name that speak of it.
    pub rules: RuleSet,
    /// Until when, in nanoseconds since boot, suspend included (`CLOCK_BOOTTIME`). What is open then
    /// stays open.
    pub expires_ns: u64,
}

const _: () = assert!(size_of::<Learned>() == 40);

impl Learned {
    /// Whether it still opens something new at `now_ns`, on the clock of `expires_ns`.
    #[inline(always)]
    pub const fn is_alive(&self, now_ns: u64) -> bool {
        now_ns < self.expires_ns
    }
}

/// A name as a key: in lower case, without a dot at its end, padded with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct ServerName(pub [u8; MAX_SERVER_NAME]);

impl ServerName {
    /// The key of a name, in any case, with or without a dot at its end. `None` if it is empty, has a
    /// NUL, or has as many bytes as the key or more: none of these is a name.
    pub fn new(name: &[u8]) -> Option<Self> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        if name.is_empty() || name.contains(&0) {
            return None;
        }
        let mut key = [0; MAX_SERVER_NAME];
        // The last byte stays zero.
        for (to, from) in key
            .get_mut(..MAX_SERVER_NAME - 1)?
            .get_mut(..name.len())?
            .iter_mut()
            .zip(name)
        {
            *to = from.to_ascii_lowercase();
        }
        Some(Self(key))
    }

    /// The name.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        self.0.get(..end.unwrap_or(self.0.len())).unwrap_or(&self.0)
    }
}

/// Whose questions, and where they are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct ResolverKey {
    /// Cookie of the network namespace (`SO_NETNS_COOKIE`).
    pub netns: u64,
    /// The agent's slot.
    pub agent: u32,
    /// [`AF_INET`](crate::socket::AF_INET) or [`AF_INET6`](crate::socket::AF_INET6): how the question
    /// travels, whatever the socket's family is.
    pub family: u32,
}

const _: () = assert!(size_of::<ResolverKey>() == 16);

/// Where the daemon answers them, by UDP and by TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ResolverAddress {
    /// A loopback address of the key's family.
    pub address: Address,
    /// In host byte order.
    pub port: u16,
    /// Zero.
    pub reserved: [u16; 3],
}

const _: () = assert!(size_of::<ResolverAddress>() == 24);

/// The asker's end of a question, as the resolver sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct AskerKey {
    /// Cookie of the network namespace.
    pub netns: u64,
    /// Its address.
    pub address: Address,
    /// Its port, in host byte order.
    pub port: u16,
    /// Number of the [`Protocol`](crate::protocol::Protocol).
    pub protocol: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

const _: () = assert!(size_of::<AskerKey>() == 32);

/// Who asks, and whom it meant to ask. Fields are as in an [`Event`](crate::event::Event).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Asker {
    /// [`Tag::instance`](crate::identity::Tag::instance).
    pub instance: u64,
    /// Cgroup id of the task.
    pub cgroup: u64,
    /// When the process started.
    pub started_ns: u64,
    /// The name server that it meant to ask, as it wrote it; its port is [`DOMAIN`].
    pub server: Address,
    /// The agent's slot.
    pub agent: u32,
    /// Process id (`tgid`) in the initial pid namespace.
    pub pid: u32,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// User id in the initial user namespace.
    pub uid: u32,
    /// Name of the thread, padded with zeros.
    pub comm: [u8; COMM_LEN],
}

const _: () = assert!(size_of::<Asker>() == 72);

/// A process of an agent is in a network namespace where the daemon does not answer it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Arrival {
    /// Cookie of the network namespace.
    pub netns: u64,
    /// When the process started, in nanoseconds since boot.
    pub started_ns: u64,
    /// The agent's slot.
    pub agent: u32,
    /// Process id (`tgid`) in the initial pid namespace.
    pub pid: u32,
}

const _: () = assert!(size_of::<Arrival>() == 24);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_has_one_key() {
        let key = ServerName::new(b"api.example.com").unwrap();
        assert_eq!(ServerName::new(b"API.Example.COM."), Some(key));
        assert_eq!(key.as_bytes(), b"api.example.com");
        assert_ne!(ServerName::new(b"api.example.co"), Some(key));
    }

    #[test]
    fn what_is_no_name_has_no_key() {
        for name in [&b""[..], b".", b"a\0b", b"\0", &[b'a'; MAX_SERVER_NAME]] {
            assert_eq!(ServerName::new(name), None, "{name:?}");
        }
        assert!(ServerName::new(&[b'a'; MAX_SERVER_NAME - 1]).is_some());
    }

    #[test]
    fn what_was_learned_ends_at_its_moment() {
        let learned = Learned {
            expires_ns: 10,
            ..Learned::default()
        };
        assert!(learned.is_alive(9));
        assert!(!learned.is_alive(10) && !learned.is_alive(u64::MAX));
    }

    proptest! {
        #[test]
        fn keys_are_names_in_lower_case(name in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,251}[a-zA-Z0-9_-]") {
            let key = ServerName::new(name.as_bytes()).unwrap();
            let lower = name.to_ascii_lowercase();
            prop_assert_eq!(key.as_bytes(), lower.as_bytes());
            prop_assert_eq!(ServerName::new(key.as_bytes()), Some(key));
        }
    }
}
