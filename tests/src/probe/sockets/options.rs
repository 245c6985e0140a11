//! Options of sockets that say which way packets go, or whose they are.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
    time::Duration,
};

use super::super::{
    Report, Step, Technique,
    arguments::{Arguments, family},
    protocols::answered,
    udp::datagram,
};
use crate::{
    error::{Error, Outcome},
    sys::{self, SockAddr},
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("option-udp", by_datagram),
    ("option-tcp", by_connection),
    ("cmsg-udp", by_message),
];

/// `IPV6_RTHDR_TYPE_2` and `IPV6_SRCRT_TYPE_4` of linux/ipv6.h.
const TYPE_2: u8 = 2;
const TYPE_4: u8 = 4;
/// Options of linux/in6.h and linux/in.h that libc does not have.
const IPV6_2292PKTOPTIONS: i32 = 6;
const IPV6_2292RTHDR: i32 = 5;
const SO_BINDTOIFINDEX: i32 = 62;
/// Nobody has it.
const NOBODY4: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 99);
const NOBODY6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0x99);

/// An option: its level, its name, its value.
struct Setting {
    level: i32,
    name: i32,
    value: Vec<u8>,
    /// What the socket is bound to then.
    local: Option<SocketAddr>,
}

/// `OPTION TO OPERAND`: the operand is the device, or the host that the packets go by.
fn setting(arguments: &Arguments) -> Outcome<Setting> {
    let (name, operand) = (arguments.text(0)?, arguments.text(2).unwrap_or_default());
    let by = || -> Outcome<SocketAddr> { arguments.internet(2) };
    let one = 1_i32.to_ne_bytes().to_vec();
    let nobody = |v4: bool| -> SocketAddr {
        if v4 {
            (NOBODY4, 0).into()
        } else {
            (NOBODY6, 0).into()
        }
    };
    let (level, name, value, local) = match name {
        "device" => {
            let device = operand.as_bytes().to_vec();
            (libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device, None)
        }
        "index" => {
            let index = sys::index_of(operand)?.to_ne_bytes().to_vec();
            (libc::SOL_SOCKET, SO_BINDTOIFINDEX, index, None)
        }
        "source-route" => (
            libc::IPPROTO_IP,
            libc::IP_OPTIONS,
            source_route(by()?)?,
            None,
        ),
        "segments" => (libc::IPPROTO_IPV6, libc::IPV6_RTHDR, segments(by()?)?, None),
        "segments-2292" => (
            libc::IPPROTO_IPV6,
            IPV6_2292RTHDR,
            1_i32.to_ne_bytes().to_vec(),
            None,
        ),
        "sticky-2292" => (
            libc::IPPROTO_IPV6,
            IPV6_2292PKTOPTIONS,
            control(libc::IPPROTO_IPV6, libc::IPV6_RTHDR, &home_address(by()?)?),
            None,
        ),
        "transparent" => (
            libc::IPPROTO_IP,
            libc::IP_TRANSPARENT,
            one,
            Some(nobody(true)),
        ),
        "transparent-v6" => (
            libc::IPPROTO_IPV6,
            libc::IPV6_TRANSPARENT,
            one,
            Some(nobody(false)),
        ),
        other => return Err(Error::Failed(format!("probe: no option {other}"))),
    };
    Ok(Setting {
        level,
        name,
        value,
        local,
    })
}

fn prepare(report: &mut Report, arguments: &Arguments, socket: &OwnedFd) -> Step {
    let setting = setting(arguments)?;
    let set = sys::setsockopt(socket, setting.level, setting.name, &setting.value);
    report.step("setsockopt", set)?;
    match setting.local {
        Some(local) => report.step("bind", sys::bind(socket, &local.into())),
        None => Ok(()),
    }
}

/// `option-udp OPTION TO [OPERAND]`: a datagram.
fn by_datagram(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(1)?;
    let socket = datagram(report, to)?;
    prepare(report, arguments, &socket)?;
    let sent = sys::send_to(&socket, b"ping", 0, Some(&to.into()));
    report.step("sendto", sent).map(drop)
}

/// `option-tcp OPTION TO [OPERAND]`: the beginning of a connection, which nobody may answer.
fn by_connection(report: &mut Report, arguments: &Arguments) -> Step {
    let to = arguments.internet(1)?;
    let made = sys::socket(family(to), libc::SOCK_STREAM, 0);
    let socket = report.step("socket", made)?;
    sys::timeouts(&socket, Duration::from_millis(300))?;
    prepare(report, arguments, &socket)?;
    report.step("connect", answered(sys::connect(&socket, &to.into())))
}

/// `cmsg-udp OPTION TO BY`: the option goes along with the datagram.
fn by_message(report: &mut Report, arguments: &Arguments) -> Step {
    let (to, by) = (arguments.internet(1)?, arguments.internet(2)?);
    let (level, name, value) = match arguments.text(0)? {
        "source-route" => (libc::IPPROTO_IP, libc::IP_RETOPTS, source_route(by)?),
        "home-address" => (libc::IPPROTO_IPV6, libc::IPV6_RTHDR, home_address(by)?),
        "segments" => (libc::IPPROTO_IPV6, libc::IPV6_RTHDR, segments(by)?),
        other => return Err(Error::Failed(format!("probe: no option {other}")).into()),
    };
    let socket = datagram(report, to)?;
    let sent = send_with(&socket, &to.into(), &mut control(level, name, &value));
    report.step("sendmsg", sent)
}

fn send_with(socket: &OwnedFd, to: &SockAddr, control: &mut [u8]) -> io::Result<()> {
    let mut text = *b"ping";
    let mut part = libc::iovec {
        iov_base: text.as_mut_ptr().cast(),
        iov_len: text.len(),
    };
    // SAFETY: all-zero bytes are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = to.as_ptr().cast_mut().cast();
    message.msg_namelen = to.size();
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control.len();
    // SAFETY: the message points to live buffers and to an address.
    sys::check_len(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) }).map(drop)
}

/// A `struct cmsghdr` with its value.
fn control(level: i32, name: i32, value: &[u8]) -> Vec<u8> {
    let len = size_of::<libc::cmsghdr>() + value.len();
    let mut bytes = len.to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(name.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(len.next_multiple_of(size_of::<usize>()), 0);
    bytes
}

/// "Loose source route" (RFC 791, section 3.1) of one host, and the end of the list.
fn source_route(by: SocketAddr) -> Outcome<Vec<u8>> {
    let SocketAddr::V4(by) = by else {
        return Err(Error::Failed("an IPv4 address is needed".into()));
    };
    let [a, b, c, d] = by.ip().octets();
    Ok(vec![131, 7, 4, a, b, c, d, 0])
}

/// A segment routing header (RFC 8754) with one host before the destination, which the kernel fills in.
fn segments(by: SocketAddr) -> Outcome<Vec<u8>> {
    let mut header = vec![0, 4, TYPE_4, 1, 1, 0, 0, 0];
    header.extend([0; 16]);
    header.extend(octets(by)?);
    Ok(header)
}

/// A routing header for a host that is away from home (RFC 6275, section 6.4).
fn home_address(by: SocketAddr) -> Outcome<Vec<u8>> {
    let mut header = vec![0, 2, TYPE_2, 1, 0, 0, 0, 0];
    header.extend(octets(by)?);
    Ok(header)
}

fn octets(of: SocketAddr) -> Outcome<[u8; 16]> {
    match of {
        SocketAddr::V6(of) => Ok(of.ip().octets()),
        SocketAddr::V4(_) => Err(Error::Failed("an IPv6 address is needed".into())),
    }
}
