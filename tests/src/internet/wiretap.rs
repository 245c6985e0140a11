//! What packets say that arrive: a name that was not to leave must be in none of them.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::{
    ensure,
    error::{Context, Outcome},
    sys,
    world::{NetNs, packet_socket},
};

/// Bytes that are kept at most, of all packets.
const ROOM: usize = 256 << 20;
/// The first bytes of a packet that are kept: the largest of them, segments that the kernel has not cut yet included.
const LONGEST: usize = 65_536;

/// Keeps every packet that an interface receives.
#[derive(Debug)]
pub struct Wiretap {
    kept: Arc<Kept>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// In lower case: names may come in any.
    packets: Mutex<Vec<Vec<u8>>>,
    bytes: AtomicUsize,
    full: AtomicBool,
}

impl Wiretap {
    /// Begins on an interface of a namespace.
    pub(super) fn start(inside: &NetNs, interface: &str) -> Outcome<Self> {
        let socket = inside.run(|| packet_socket(interface).context("open a packet socket"))?;
        let (kept, stop) = (Arc::new(Kept::default()), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (kept, stop) = (kept.clone(), stop.clone());
            thread::spawn(move || listen(&socket, &kept, &stop))
        };
        Ok(Self {
            kept,
            stop,
            thread: Some(thread),
        })
    }

    /// In how many packets these bytes were, in upper or lower case.
    pub fn count(&self, text: &str) -> Outcome<u64> {
        ensure!(
            !self.kept.full.load(Ordering::Relaxed),
            "there is no room to keep more packets: nothing is proven"
        );
        let wanted = text.to_ascii_lowercase().into_bytes();
        ensure!(!wanted.is_empty(), "nothing is in every packet");
        let packets = self.kept.packets.lock();
        let packets = packets.unwrap_or_else(PoisonError::into_inner);
        let holds = |packet: &&Vec<u8>| packet.windows(wanted.len()).any(|part| part == wanted);
        Ok(packets.iter().filter(holds).count() as u64)
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the thread that keeps packets panicked");
        }
    }
}

fn listen(socket: &OwnedFd, kept: &Kept, stop: &AtomicBool) {
    let mut packet = vec![0; LONGEST];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = sys::recv_from(socket, &mut packet) else {
            continue;
        };
        if from.packet_type() == Some(crate::world::OUTGOING) {
            continue;
        }
        if kept.bytes.fetch_add(length, Ordering::Relaxed) + length > ROOM {
            kept.full.store(true, Ordering::Relaxed);
            return;
        }
        let packets = kept.packets.lock();
        let mut packets = packets.unwrap_or_else(PoisonError::into_inner);
        packets.push(packet[..length].to_ascii_lowercase());
    }
}
