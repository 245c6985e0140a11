//! The literals of all scopes' patterns.

use agentguard_common::{
    limits::{MAX_LITERALS, SHORT_COMPONENT},
    path::{LongKey, Positions, ShortKey},
};
use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC, btf_maps::HashMap, helpers::generated::bpf_probe_read_kernel,
    macros::btf_map,
};

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;

/// Literals of at most [`SHORT_COMPONENT`] bytes: their keys are hashed faster.
#[btf_map]
static SHORT_LITERALS: HashMap<ShortKey, Positions, { MAX_LITERALS as usize }, NO_PREALLOC> =
    HashMap::new();

/// The others.
#[btf_map]
static LONG_LITERALS: HashMap<LongKey, Positions, { MAX_LITERALS as usize }, NO_PREALLOC> =
    HashMap::new();

/// Reads a name into a key. `None` if it cannot be read.
///
/// # Safety
///
/// `key` must be valid.
#[inline(always)]
pub unsafe fn read(key: *mut LongKey, version: u32, name: u64, length: u32) -> Option<()> {
    // SAFETY: the caller's promise; the helper checks the source, and writes less than the name has
    // room for.
    unsafe {
        (*key).version = version;
        (*key).length = length;
        let words = (&raw mut (*key).name).cast::<u64>();
        let short = length <= SHORT_COMPONENT as u32;
        // Volatile: of these the compiler would make a call that writes byte by byte.
        for word in 0..SHORT_COMPONENT / 8 {
            words.add(word).write_volatile(0);
        }
        if !short {
            for word in SHORT_COMPONENT / 8..256 / 8 {
                words.add(word).write_volatile(0);
            }
        }
        let failed = bpf_probe_read_kernel(
            words.cast(),
            length & 0xff,
            core::ptr::without_provenance(name as usize),
        );
        (failed == 0).then_some(())
    }
}

/// The positions of the literal that a key names.
///
/// # Safety
///
/// `key` must have been [read](read).
#[inline(always)]
pub unsafe fn find<'a>(key: *const LongKey) -> Option<&'a Positions> {
    // SAFETY: the caller's promise; a short key is how a long one begins. Literals are removed only
    // when no program can be reading them.
    unsafe {
        if (*key).length <= SHORT_COMPONENT as u32 {
            SHORT_LITERALS.get(&*key.cast::<ShortKey>())
        } else {
            LONG_LITERALS.get(&*key)
        }
    }
}
