//! `agentguard doctor`, on this host and on what a mount namespace makes of it.

use std::{
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use agentguard::kernel::{
    cgroup2,
    protection::{Protection, State},
};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};

/// Exit code and findings, in a mount namespace that `change` has prepared.
fn doctor(change: fn() -> nix::Result<()>) -> (i32, Vec<Protection>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentguard"));
    command.args(["doctor", "--json"]).stderr(Stdio::inherit());
    // SAFETY: the child is single-threaded until it executes. `change` allocates, which glibc
    // allows after a fork.
    unsafe {
        command.pre_exec(move || {
            unshare(CloneFlags::CLONE_NEWNS)?;
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
            change()?;
            Ok(())
        });
    }
    let output = command
        .output()
        .expect("the test makes a mount namespace: run it as root");
    let found = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), found)
}

fn find<'a>(found: &'a [Protection], name: &str) -> &'a Protection {
    found
        .iter()
        .find(|protection| protection.name == name)
        .unwrap()
}

#[test]
fn this_host_has_what_network_rules_need() {
    let (code, found) = doctor(|| Ok(()));
    assert_eq!(code, 0, "{found:#?}");
    assert!(found.len() >= 14);
    for protection in &found {
        assert_eq!(
            protection.remedy.is_none(),
            protection.state == State::Active
        );
    }
}

#[test]
fn without_cgroup_v2_it_says_how_to_mount_it() {
    let (code, found) = doctor(|| {
        while let Ok(mount) = cgroup2::find() {
            umount2(&mount.mount_point, MntFlags::MNT_DETACH)?;
        }
        Ok(())
    });
    assert_eq!(code, 6);
    let cgroup = find(&found, "cgroup v2");
    assert_eq!(cgroup.state, State::Unsupported);
    assert!(cgroup.remedy.as_ref().unwrap().contains("mount -t cgroup2"));
    assert_eq!(
        find(&found, "cgroup_skb programs").state,
        State::Active,
        "the others are tried"
    );
}

#[test]
fn a_cgroup_v2_that_cannot_be_written_to_is_none() {
    let (code, found) = doctor(|| {
        let mount_point = cgroup2::find().map_err(|_| nix::Error::ENOENT)?.mount_point;
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        let none: Option<&str> = None;
        mount(none, &mount_point, none, flags, none)
    });
    assert_eq!(code, 6);
    assert!(find(&found, "cgroup v2").detail.contains("read-only"));
}

#[test]
fn without_btf_it_says_which_kernel_is_needed() {
    let (code, found) = doctor(|| {
        let none: Option<&str> = None;
        mount(
            Some("none"),
            "/sys/kernel",
            Some("tmpfs"),
            MsFlags::empty(),
            none,
        )
    });
    assert_eq!(code, 6);
    let btf = find(&found, "BTF");
    assert_eq!(btf.state, State::Unsupported);
    assert!(
        btf.remedy
            .as_ref()
            .unwrap()
            .contains("CONFIG_DEBUG_INFO_BTF")
    );
}

#[test]
fn without_privileges_nothing_is_tried() {
    let (code, found) = doctor(|| {
        // Leaves root without CAP_BPF and CAP_SYS_ADMIN: both go with the bounding set.
        for capability in [21, 38, 39] {
            // SAFETY: PR_CAPBSET_DROP takes an integer.
            let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
            nix::errno::Errno::result(result)?;
        }
        Ok(())
    });
    assert_eq!(code, 6);
    let privileges = find(&found, "privileges");
    assert_eq!(privileges.detail, "root without CAP_BPF, CAP_PERFMON");
    assert!(
        !found
            .iter()
            .any(|protection| protection.name.ends_with("programs"))
    );
}
