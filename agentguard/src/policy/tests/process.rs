//! What an agent may do with processes, and what it requires.

use agentguard_common::process::ProcessFlags;

use super::{errors, scope};
use crate::policy::{Required, compile};

fn flags(lines: &str) -> ProcessFlags {
    let scope = scope(&format!("[agent]\nname = \"a\"\n[process]\n{lines}\n"));
    assert!(scope.files.is_some());
    let compiled = compile(&scope).unwrap();
    assert_eq!(compiled.process(), scope.process);
    scope.process
}

#[test]
fn nothing_is_permitted_unless_it_is_said() {
    let both = ProcessFlags::USER_NAMESPACES | ProcessFlags::PTRACE;
    for (lines, expected) in [
        ("", ProcessFlags::NONE),
        (
            "user_namespaces = false\nptrace = \"none\"",
            ProcessFlags::NONE,
        ),
        ("user_namespaces = true", ProcessFlags::USER_NAMESPACES),
        ("ptrace = \"agent\"", ProcessFlags::PTRACE),
        ("ptrace = \"agent\"\nuser_namespaces = true", both),
    ] {
        assert_eq!(flags(lines), expected, "{lines}");
    }
    assert!(both.contains(ProcessFlags::PTRACE) && !ProcessFlags::PTRACE.contains(both));
    let without = scope("[agent]\nname = \"a\"\n");
    assert_eq!(without.process, ProcessFlags::NONE);
    assert!(without.files.is_none());
}

#[test]
fn values_that_are_none_are_errors() {
    for (lines, error) in [
        (
            "user_namespaces = \"yes\"",
            "4:19: \"user_namespaces\" in [process] is a string; expected true or false",
        ),
        (
            "ptrace = true",
            "4:10: \"ptrace\" in [process] is a boolean; expected a string, as in \"text\"",
        ),
        (
            "ptrace = \"agents\"",
            "4:10: \"agents\" is nobody that an agent may trace; expected \"none\" or \"agent\" (its own processes); did you mean \"agent\"?",
        ),
        (
            "userns = true",
            "4:1: unknown key \"userns\" in [process]; expected user_namespaces or ptrace",
        ),
        (
            "signals = \"none\"",
            "4:1: unknown key \"signals\" in [process]; expected user_namespaces or ptrace",
        ),
    ] {
        assert_eq!(
            errors(&format!("[agent]\nname = \"a\"\n[process]\n{lines}\n")),
            format!("bot.toml:{error}")
        );
    }
}

fn required(text: &str) -> Required {
    scope(&format!("[agent]\nname = \"a\"\n{text}\n")).required()
}

#[test]
fn all_that_is_declared_is_required_unless_it_is_said() {
    let (network, all, none) = (
        Required {
            network: true,
            files: false,
        },
        Required {
            network: true,
            files: true,
        },
        Required::default(),
    );
    for (text, expected) in [
        ("", network),
        ("[network]", network),
        ("[files]", all),
        ("[sockets]", all),
        ("[process]", all),
        ("profiles = []", all),
        ("require = [\"network\"]\n[files]", network),
        ("require = [\"network\", \"files\"]\n[files]", all),
        ("require = []\n[files]", none),
    ] {
        assert_eq!(required(text), expected, "{text}");
    }
}

#[test]
fn requirements_are_protections_that_are_declared() {
    for (text, error) in [
        (
            "require = [\"network\", \"file\"]\n[files]\n",
            "3:23: \"file\" is no protection; expected network or files; did you mean \"files\"?",
        ),
        (
            "require = [\"files\"]\n",
            "3:12: files are required to be protected, but the scope has no [files], [sockets], [process] or profiles; add them, or write require = [\"network\"]",
        ),
        (
            "require = \"files\"\n[files]\n",
            "3:11: \"require\" in [agent] is a string; expected an array of strings, as in [\"network\", \"files\"]",
        ),
    ] {
        assert_eq!(
            errors(&format!("[agent]\nname = \"a\"\n{text}")),
            format!("bot.toml:{error}")
        );
    }
}
