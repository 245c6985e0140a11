//! Sockets of other families than the Internet's.

use std::{io, net::SocketAddr};

use super::super::{Report, Step, Technique, arguments::Arguments, uring::Ring};
use crate::{
    error::Error,
    sys::{self, SockAddr},
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[
    ("family", family),
    ("family-pair", pair),
    ("uring-family", by_ring),
    ("packet", packet),
    ("vsock", vsock),
    ("alg", alg),
];

/// `ETH_P_IP` of `linux/if_ether.h`.
const ETH_P_IP: u16 = 0x0800;
/// To everybody on the wire.
const BROADCAST: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
/// `VMADDR_CID_LOCAL` of `linux/vm_sockets.h`.
const VMADDR_CID_LOCAL: u32 = 1;
/// A port for the exchange.
const PORT: u32 = 7001;

fn numbers(arguments: &Arguments, at: usize) -> Result<[i32; 3], Error> {
    Ok([
        arguments.parse(at)?,
        arguments.parse(at + 1)?,
        arguments.parse(at + 2)?,
    ])
}

/// `family FAMILY TYPE PROTOCOL`, by their numbers: such a socket is made.
fn family(report: &mut Report, arguments: &Arguments) -> Step {
    let [family, kind, protocol] = numbers(arguments, 0)?;
    report.step("socket", sys::socket(family, kind, protocol))?;
    report.fact("effect", "made");
    Ok(())
}

/// `family-pair FAMILY TYPE PROTOCOL`: likewise, two at once.
fn pair(report: &mut Report, arguments: &Arguments) -> Step {
    let [family, kind, protocol] = numbers(arguments, 0)?;
    let mut pair = [0; 2];
    // SAFETY: there is room for two descriptors.
    let made = sys::check(unsafe { libc::socketpair(family, kind, protocol, pair.as_mut_ptr()) });
    report.step("socketpair", made)?;
    report.fact("effect", "made");
    Ok(())
}

/// `uring-family MODE FAMILY TYPE PROTOCOL`.
fn by_ring(report: &mut Report, arguments: &Arguments) -> Step {
    let mut ring = Ring::new(report, arguments)?;
    let [family, kind, protocol] = numbers(arguments, 1)?;
    report.step("socket", ring.socket(family, kind, protocol))?;
    report.fact("effect", "made");
    Ok(())
}

/// `packet TYPE TO DEVICE`: a datagram past everything that routes: `raw` with the header of the wire, or `cooked`.
fn packet(report: &mut Report, arguments: &Arguments) -> Step {
    let kind = match arguments.text(0)? {
        "raw" => libc::SOCK_RAW,
        _ => libc::SOCK_DGRAM,
    };
    let SocketAddr::V4(to) = arguments.internet(1)? else {
        return Err(Error::Failed("an IPv4 address is needed".into()).into());
    };
    let protocol = i32::from(ETH_P_IP.to_be());
    let socket = report.step("socket", sys::socket(libc::AF_PACKET, kind, protocol))?;
    let mut datagram = vec![0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 77, 0, 1];
    datagram.extend(to.ip().octets());
    datagram.extend(super::super::protocols::udp_packet(to.into()));
    let mut frame = Vec::new();
    if kind == libc::SOCK_RAW {
        frame.extend_from_slice(&BROADCAST[..6]);
        frame.extend_from_slice(&[2, 0, 0, 0, 0, 1]);
        frame.extend_from_slice(&ETH_P_IP.to_be_bytes());
    }
    // Without a checksum the header would be dropped before anybody counts it.
    let sum = checksum(&datagram[..20]);
    datagram[10..12].copy_from_slice(&sum.to_be_bytes());
    frame.extend(datagram);
    let address = SockAddr::from_structure(libc::sockaddr_ll {
        sll_family: 0,
        sll_protocol: ETH_P_IP.to_be(),
        sll_ifindex: sys::index_of(arguments.text(2)?)?.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: BROADCAST,
    })
    .with_family(libc::AF_PACKET);
    report
        .step("sendto", sys::send_to(&socket, &frame, 0, Some(&address)))
        .map(drop)
}

/// RFC 1071, of a header without one.
fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2);
    let sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

/// A connection to itself, which leaves by no network.
fn vsock(report: &mut Report, _: &Arguments) -> Step {
    let made = || sys::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0);
    let address = |cid: u32| {
        // SAFETY: all-zero bytes are a valid sockaddr_vm.
        let mut address: libc::sockaddr_vm = unsafe { std::mem::zeroed() };
        address.svm_cid = cid;
        address.svm_port = PORT;
        SockAddr::from_structure(address).with_family(libc::AF_VSOCK)
    };
    let server = report.step("socket", made())?;
    report.step("bind", sys::bind(&server, &address(libc::VMADDR_CID_ANY)))?;
    report.step("listen", sys::listen(&server))?;
    let client = report.step("socket", made())?;
    let connected = sys::connect(&client, &address(VMADDR_CID_LOCAL));
    report.step("connect", connected.map_err(not_local))?;
    let peer = report.step("accept", sys::accept(&server))?;
    report.step("send", sys::send_to(&client, b"text", 0, None))?;
    report.step("recv", sys::recv(&peer, &mut [0; 8]))?;
    report.fact("effect", "exchanged");
    Ok(())
}

/// The kernel hashes something.
fn alg(report: &mut Report, _: &Arguments) -> Step {
    let made = sys::socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0);
    let server = report.step("socket", made)?;
    // SAFETY: all-zero bytes are a valid sockaddr_alg.
    let mut address: libc::sockaddr_alg = unsafe { std::mem::zeroed() };
    address.salg_type[..4].copy_from_slice(b"hash");
    address.salg_name[..6].copy_from_slice(b"sha256");
    let address = SockAddr::from_structure(address).with_family(libc::AF_ALG);
    let bound = sys::bind(&server, &address);
    // A kernel that has the family may lack the algorithm: then it says that there is no such file.
    report.step("bind", bound.map_err(absent))?;
    let operation = report.step("accept", sys::accept(&server))?;
    report.step("send", sys::send_to(&operation, b"text", 0, None))?;
    report.step("recv", sys::recv(&operation, &mut [0; 32]))?;
    report.fact("effect", "hashed");
    Ok(())
}

/// A kernel that has the family may lack the way to itself: then nobody answers.
fn not_local(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ETIMEDOUT | libc::ENODEV) => io::Error::from_raw_os_error(libc::EAFNOSUPPORT),
        _ => error,
    }
}

fn absent(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ENOENT) => io::Error::from_raw_os_error(libc::EAFNOSUPPORT),
        _ => error,
    }
}
