//! Declarations that contradict each other.

use std::path::PathBuf;

use super::{errors, lines};
use crate::policy::{Host, load_each, load_files};

/// Files with these contents, and what their errors are, without the directory.
fn conflicts(texts: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let file = directory.path().join(format!("{number}.toml"));
            std::fs::write(&file, text).unwrap();
            file
        })
        .collect();
    let errors = lines(&load_files(&files, &Host).err().unwrap_or_default());
    errors.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn agents_are_unique() {
    assert_eq!(
        conflicts(&[
            "[agent]\nname = \"a\"\n",
            "[agent]\nname = \"b\"\n",
            "[agent]\nowner = \"x\"\nname = \"a\"\n",
        ]),
        "2.toml:3:8: the agent \"a\" is declared already at 0.toml:2:8; \
         give one of them another name, or merge the files"
    );
    assert_eq!(
        conflicts(&["[agent]\nname = \"a\"\n", "[agent]\nname = \"b\"\n"]),
        ""
    );
}

#[test]
fn units_and_cgroups_are_unique() {
    assert_eq!(
        conflicts(&[
            "[agent]\nname = \"a\"\n[match]\nunits = [\"x.service\"]\ncgroups = [\"/x\"]\n",
            "[agent]\nname = \"b\"\n[match]\ncgroups = [\"/y\", \"/x\"]\nunits = [\"x.service\"]\n",
        ]),
        "1.toml:5:10: the unit \"x.service\" is declared already at 0.toml:4:10; remove one of the two\n\
         1.toml:4:18: the cgroup \"/x\" is declared already at 0.toml:5:12; remove one of the two"
    );
}

#[test]
fn cgroups_do_not_nest() {
    let inner = "[agent]\nname = \"a\"\n[match]\ncgroups = [\"/x/y/z\", \"/xx\"]\n";
    let outer = "[agent]\nname = \"b\"\n[match]\ncgroups = [\"/x\"]\n";
    assert_eq!(
        conflicts(&[inner, outer]),
        "0.toml:4:12: the cgroup \"/x/y/z\" lies beneath \"/x\", which is declared at 1.toml:4:12; \
         declare cgroups side by side"
    );
    assert_eq!(
        conflicts(&[outer, inner]),
        "1.toml:4:12: the cgroup \"/x/y/z\" lies beneath \"/x\", which is declared at 0.toml:4:12; \
         declare cgroups side by side"
    );
}

#[test]
fn one_file_can_contradict_itself() {
    assert_eq!(
        errors(
            "[agent]\nname = \"a\"\n[match]\nunits = [\"x.service\",\n\"x.service\"]\ncgroups = [\"/a/b\", \"/a\"]\n"
        ),
        "bot.toml:5:1: the unit \"x.service\" is declared already at bot.toml:4:10; remove one of the two\n\
         bot.toml:6:12: the cgroup \"/a/b\" lies beneath \"/a\", which is declared at bot.toml:6:20; \
         declare cgroups side by side"
    );
}

#[test]
fn good_scopes_are_returned_beside_errors() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good.toml");
    std::fs::write(&good, "[agent]\nname = \"a\"\n").unwrap();
    let loaded = load_each(&[directory.path().join("none.toml"), good.clone()], &Host);
    assert_eq!(loaded.scopes.len(), 1);
    assert_eq!(loaded.scopes[0].file, good);
    assert_eq!(loaded.errors.len(), 1);
}
