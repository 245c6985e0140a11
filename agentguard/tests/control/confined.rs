//! `agentguard run` and the rules for files that are left to it.

use std::{fs, io, os::unix::process::CommandExt, path::Path, process::Command};

use agentguard::{
    control::{api::FileConfinement, limits::Limits},
    landlock::Rules,
    policy::{
        Mode,
        paths::{Effect, PathRule},
    },
};
use agentguard_common::path::Access;

use crate::{
    run::{agentguard, entered, text},
    support::{Cgroup, Fake, Server},
};

/// The directories of everything that a shell of this host loads, and a directory of the test's own.
fn rules(own: &Path) -> Rules {
    let system = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"];
    let existing = system.iter().filter_map(|path| fs::canonicalize(path).ok());
    let rules: Vec<PathRule> = existing
        .chain([own.to_owned()])
        .zip(0..)
        .map(|(path, number)| PathRule {
            number,
            pattern: format!("{}/**", path.display()).parse().unwrap(),
            effect: Effect::Allow(vec![Access::Read, Access::Exec]),
            mode: Mode::Enforce,
        })
        .collect();
    Rules::new(&rules).unwrap()
}

fn server(files: FileConfinement) -> Server {
    let backend = Fake {
        cgroup: Some(Cgroup::new()),
        files: Some(files),
        ..Fake::default()
    };
    Server::start(backend, Limits::default())
}

/// Exit code and standard error of a command that would make this file.
fn touch(server: &Server, file: &Path, prepare: impl Fn(&mut Command)) -> (Option<i32>, String) {
    let mut command = agentguard(server, &["bot", "--", "touch", file.to_str().unwrap()]);
    prepare(&mut command);
    let output = command.output().unwrap();
    (output.status.code(), text(&output.stderr).to_owned())
}

#[test]
fn the_command_is_held_to_the_rules() {
    let own = tempfile::tempdir().unwrap();
    let file = own.path().join("file");
    fs::write(&file, "within").unwrap();
    let server = server(FileConfinement::Landlock(rules(own.path())));
    let read = |path: &Path| {
        let arguments = ["bot", "--", "cat", path.to_str().unwrap()];
        agentguard(&server, &arguments).output().unwrap()
    };
    assert_eq!(text(&read(&file).stdout), "within");
    let refused = read(Path::new("/etc/passwd"));
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(
        text(&refused.stderr).contains("Permission denied"),
        "{}",
        text(&refused.stderr)
    );
    let (code, _) = touch(&server, &own.path().join("new"), |_| {});
    assert_eq!((code, own.path().join("new").exists()), (Some(1), false));
}

#[test]
fn a_command_that_may_not_be_executed_is_126() {
    let own = tempfile::tempdir().unwrap();
    let mut rules = rules(own.path());
    rules.rules.clear();
    let server = server(FileConfinement::Landlock(rules));
    let output = agentguard(&server, &["bot", "true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(126), "{}", text(&output.stderr));
}

#[test]
fn rules_of_another_root_are_not_applied() {
    let own = tempfile::tempdir().unwrap();
    let mut rules = rules(own.path());
    rules.root.inode += 1;
    let server = server(FileConfinement::Landlock(rules));
    let file = own.path().join("started");
    let (code, said) = touch(&server, &file, |_| {});
    assert_eq!((code, file.exists()), (Some(125), false));
    assert!(said.contains("another root directory"), "{said}");
    assert_eq!(entered(&server), 1);
}

/// Makes a system call fail with this error from now on.
fn forbid(call: i64, errno: i32) -> io::Result<()> {
    let statement = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap_or(0),
        jt,
        jf,
        k,
    };
    let call = u32::try_from(call).unwrap_or(0);
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let mut program = [
        // The number of the call is the first word.
        statement(load, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call),
        statement(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | errno.cast_unsigned(),
        ),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: 4,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the filter lives until the call returns; the kernel copies it.
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            + libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const filter,
            )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[test]
fn without_landlock_the_command_does_not_start() {
    let own = tempfile::tempdir().unwrap();
    let server = server(FileConfinement::Landlock(rules(own.path())));
    let file = own.path().join("started");
    for (call, errno, remedy) in [
        (
            libc::SYS_landlock_create_ruleset,
            libc::ENOSYS,
            "CONFIG_SECURITY_LANDLOCK",
        ),
        (
            libc::SYS_landlock_create_ruleset,
            libc::EOPNOTSUPP,
            "landlock",
        ),
        // The kernel knows it, and the last step fails.
        (libc::SYS_landlock_restrict_self, libc::EPERM, "Landlock"),
        (libc::SYS_landlock_add_rule, libc::ENOMEM, "Landlock"),
    ] {
        let (code, said) = touch(&server, &file, |command| {
            // SAFETY: between fork and exec only prctl is called, on memory of the stack.
            unsafe { command.pre_exec(move || forbid(call, errno)) };
        });
        assert_eq!((code, file.exists()), (Some(125), false), "{said}");
        assert!(
            said.contains("not confined") && said.contains(remedy),
            "{said}"
        );
    }
}

#[test]
fn what_is_not_applied_is_said() {
    let own = tempfile::tempdir().unwrap();
    let file = own.path().join("started");
    let nothing = server(FileConfinement::Nothing {
        why: "observe mode needs BPF LSM".to_owned(),
    });
    let (code, said) = touch(&nothing, &file, |_| {});
    assert_eq!((code, file.exists()), (Some(0), true));
    assert_eq!(said, "agentguard: files: observe mode needs BPF LSM\n");
    let kernel = server(FileConfinement::BpfLsm);
    let (code, said) = touch(&kernel, &file, |_| {});
    assert_eq!((code, said.as_str()), (Some(0), ""));
}
