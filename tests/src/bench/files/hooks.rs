//! The daemon's programs on security hooks, on and off, as [`Switch`](super::super::switch::Switch) does with those
//! on cgroups.

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsFd, OwnedFd},
    thread,
    time::Duration,
};

use super::super::switch::Programs;
use crate::{
    ensure,
    error::{Context, Outcome},
    host::programs::verified,
    sys::bpf,
};

/// `BPF_PROG_TYPE_LSM` and `BPF_LSM_MAC` of linux/bpf.h.
const KIND: u32 = 29;
const ATTACH_TYPE: u32 = 27;
/// How long the kernel is left alone after a change, until what it does later is done.
const PAUSE: Duration = Duration::from_secs(1);

/// `BPF_TRACE_RAW_TP`.
const TRACEPOINT: u32 = 23;

/// One program at one hook, or at a tracepoint.
#[derive(Debug)]
struct Hook {
    program: OwnedFd,
    /// Nothing at a tracepoint, where a link does not say what an empty program would need to know.
    empty: Option<OwnedFd>,
    attach_type: u32,
}

/// The programs of a daemon, on or off.
#[derive(Debug)]
pub(super) struct Hooks {
    hooks: Vec<Hook>,
    links: Vec<OwnedFd>,
}

impl Hooks {
    /// Takes the programs that a process has attached to security hooks and tracepoints; `only` names some of them, or none
    /// for all. They stay attached by that process, too, until it ends.
    pub(super) fn take(pid: u32, only: &[String]) -> Outcome<Self> {
        let names: BTreeMap<_, _> = verified()?
            .into_iter()
            .map(|program| (program.id, program.name))
            .collect();
        let mut hooks = Vec::new();
        for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).context("list the links")? {
            let text = fs::read_to_string(entry?.path()).context("read a link")?;
            let number = |field: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(field));
                line.and_then(|value| value.trim_start_matches(':').trim().parse::<u32>().ok())
            };
            let is_tracepoint = text.lines().any(|line| line.starts_with("tp_name:"));
            let hook = (number("attach_type") == Some(ATTACH_TYPE))
                .then(|| number("target_btf_id"))
                .flatten();
            let Some(program) = number("prog_id").filter(|_| is_tracepoint || hook.is_some())
            else {
                continue;
            };
            let name = names.get(&program).map(String::as_str).unwrap_or_default();
            if !only.is_empty() && !only.iter().any(|wanted| wanted.starts_with(name)) {
                continue;
            }
            let empty = hook.map(|function| {
                let empty = bpf::Program {
                    kind: KIND,
                    attach_type: ATTACH_TYPE,
                    answer: 0,
                    function,
                };
                empty.load().context("load an empty program")
            });
            hooks.push(Hook {
                program: bpf::program(program).context("take a program")?,
                empty: empty.transpose()?,
                attach_type: if is_tracepoint {
                    TRACEPOINT
                } else {
                    ATTACH_TYPE
                },
            });
        }
        ensure!(!hooks.is_empty(), "the daemon has attached nothing");
        Ok(Self {
            hooks,
            links: Vec::new(),
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.hooks.len()
    }

    /// Attaches these programs, and no others.
    pub(super) fn set(&mut self, programs: Programs) -> Outcome {
        self.links.clear();
        for hook in &self.hooks {
            let program = match programs {
                Programs::None => None,
                Programs::Ours => Some(&hook.program),
                Programs::Empty => hook.empty.as_ref(),
            };
            if let Some(program) = program {
                let link = bpf::attach(program.as_fd(), 0, hook.attach_type);
                self.links.push(link.context("attach a program")?);
            }
        }
        thread::sleep(PAUSE);
        Ok(())
    }
}
