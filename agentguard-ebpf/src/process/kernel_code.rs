//! Code for the kernel: `bpf(2)`, modules, another kernel.

use agentguard_common::event::Operation;
use aya_ebpf::{macros::lsm, programs::LsmContext};

use super::answer;
use crate::identity;

/// `READING_MODULE`, `READING_KEXEC_IMAGE`, `READING_KEXEC_INITRAMFS` of
/// `include/linux/kernel_read_file.h`. Firmware, which drivers ask for, is no code of the kernel's.
const MODULE: u32 = 2;
const INITRAMFS: u32 = 4;

#[lsm(hook = "bpf")]
pub fn bpf(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let command: u32 = ctx.arg(0);
    answer(&owner, Operation::Bpf, (u64::from(command), 0), |limits| {
        limits.never()
    })
}

/// From a file: `finit_module(2)`, `kexec_file_load(2)`.
#[lsm(hook = "kernel_read_file")]
pub fn kernel_read_file(ctx: LsmContext) -> i32 {
    load(ctx.arg(1))
}

/// From memory: `init_module(2)`, `kexec_load(2)`.
#[lsm(hook = "kernel_load_data")]
pub fn kernel_load_data(ctx: LsmContext) -> i32 {
    load(ctx.arg(0))
}

#[inline(always)]
fn load(what: u32) -> i32 {
    if !(MODULE..=INITRAMFS).contains(&what) {
        return 0;
    }
    let Some(owner) = identity::task() else {
        return 0;
    };
    answer(&owner, Operation::Module, (u64::from(what), 0), |limits| {
        limits.never()
    })
}
