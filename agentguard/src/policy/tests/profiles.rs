//! Profiles that a scope names.

use std::collections::BTreeSet;

use super::{errors, scope};
use crate::policy::{Profile, paths, profiles, profiles::NAMES};

#[test]
fn profiles_are_good_and_in_order() {
    let names: Vec<_> = profiles().iter().map(Profile::name).collect();
    assert_eq!(names, NAMES);
    assert!(names.is_sorted());
    for name in NAMES {
        let scope = scope(&format!("[agent]\nname = \"a\"\nprofiles = [\"{name}\"]\n"));
        assert!(!scope.files.unwrap().is_empty(), "{name}");
    }
    // Every file of the directory is one.
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/profiles");
    let files: BTreeSet<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        files,
        NAMES.iter().map(|name| format!("{name}.toml")).collect()
    );
}

/// Positions that the patterns of a profile take.
fn positions(profile: &Profile) -> usize {
    let rules = profile.rules().rules.len();
    let named = scope(&format!(
        "[agent]\nname = \"a\"\nprofiles = [{:?}]\n",
        profile.name()
    ));
    let patterns = named.files.unwrap().path_rules().unwrap();
    assert_eq!(patterns.len(), rules, "two rules say the same");
    patterns
        .iter()
        .map(|rule| paths::positions(&rule.pattern))
        .sum()
}

#[test]
fn profiles_leave_room_for_a_scope() {
    for profile in profiles() {
        assert!(
            positions(profile) <= 256,
            "{}: {}",
            profile.name(),
            positions(profile)
        );
    }
    let all: usize = profiles().iter().map(positions).sum();
    assert!(all <= 768, "{all}");
}

#[test]
fn rules_of_profiles_follow_those_of_the_scope() {
    let scope = scope(
        "[agent]\nname = \"a\"\nprofiles = [\"shell\", \"base\"]\n[files]\ndeny = [\"/a\"]\n\
         [sockets]\nconnect = [\"@b\"]\n",
    );
    let files = scope.files.as_ref().unwrap();
    let rules: Vec<_> = files.iter().collect();
    let numbers: Vec<_> = rules.iter().map(|rule| usize::from(rule.number)).collect();
    assert_eq!(numbers, (0..files.len()).collect::<Vec<_>>());
    let own: Vec<_> = rules[..2]
        .iter()
        .map(|rule| (rule.text(), rule.profile))
        .collect();
    assert_eq!(own, [("deny /a", None), ("connect @b", None)]);
    let of: Vec<_> = rules[2..]
        .iter()
        .map(|rule| rule.profile.unwrap().name())
        .collect();
    let first_of_base = of.iter().position(|name| *name == "base").unwrap();
    assert!(first_of_base > 0 && first_of_base < of.len());
    assert!(of[..first_of_base].iter().all(|name| *name == "shell"));
    assert!(of[first_of_base..].iter().all(|name| *name == "base"));

    // Each says where it stands.
    for rule in rules {
        assert_eq!(files.get(rule.number).unwrap().text(), rule.text());
        let file = rule.file(&scope.file).display().to_string();
        match rule.profile {
            None => assert_eq!(file, "bot.toml"),
            Some(profile) => {
                assert_eq!(file, format!("profile {}", profile.name()));
                let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/profiles");
                let text = std::fs::read_to_string(format!("{directory}/{}.toml", profile.name()))
                    .unwrap();
                let line = text.lines().nth(rule.rule.line as usize - 1).unwrap();
                let pattern = rule.text().split_once(' ').unwrap().1;
                assert!(line.contains(&format!("{pattern:?}")), "{file}: {line}");
            }
        }
    }
    assert!(files.get(u16::try_from(files.len()).unwrap()).is_none());
}

#[test]
fn profiles_that_are_none_are_errors() {
    let expected = "expected base, git, node, python or shell";
    for (list, error) in [
        (
            "[\"base\", \"pyton\"]",
            format!("3:21: \"pyton\" is no profile; {expected}; did you mean \"python\"?"),
        ),
        ("[\"\"]", format!("3:13: \"\" is no profile; {expected}")),
        (
            "[\"base\", \"git\", \"base\"]",
            "3:28: the profile \"base\" is named twice; remove one of the two".to_owned(),
        ),
        (
            "\"base\"",
            "3:12: \"profiles\" in [agent] is a string; expected an array of names, as in [\"base\", \"python\"]".to_owned(),
        ),
        (
            "[1]",
            "3:13: an item of \"profiles\" in [agent] is an integer; expected a string".to_owned(),
        ),
    ] {
        assert_eq!(
            errors(&format!("[agent]\nname = \"a\"\nprofiles = {list}\n")),
            format!("bot.toml:{error}")
        );
    }
}
