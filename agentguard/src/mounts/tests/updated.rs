//! What programs see while the tables are brought from one mount table to the next.

use std::{cmp::Ordering, fmt::Write as _};

use agentguard_common::{
    limits::{MAX_NODES, MAX_PARTS, MAX_SUPERBLOCKS},
    mounts::{FLAG_PROC, kind},
};
use proptest::prelude::*;

use super::{
    kernel::{Kernel, Question},
    names,
};
use crate::mounts::{HostNames, Why, update, update::Written};

/// What may be mounted. Each line is there or not; `{}` is its number.
const LINES: [&str; 13] = [
    "30 24 0:50 / /a rw - tmpfs t rw",
    "31 24 0:50 / /b/c rw - tmpfs t rw",
    "32 24 0:50 / /b/c rw - overlay o rw",
    "33 24 0:51 /@ /d rw - btrfs b rw",
    "34 24 0:51 /@home/u /d/home rw - btrfs b rw",
    "35 24 0:51 /@home/v /e rw - btrfs b rw",
    "36 24 0:51 / /f rw - btrfs b rw",
    "37 24 0:51 /@ /g rw - btrfs b rw",
    "38 24 0:52 / /proc rw - proc proc rw",
    "39 24 0:53 / /a/b/c/d/e rw - tmpfs t rw",
    "40 24 0:53 /x/y/z /h rw - tmpfs t rw",
    "41 24 0:54 /file /i rw - tmpfs t rw",
    "42 24 0:51 /@home/u/a/b /j rw - btrfs b rw",
];

fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    for (device, type_name, paths) in [
        (8 << 20 | 1, &b"ext4"[..], &["", "etc/passwd"][..]),
        (50, b"tmpfs", &["", "x"]),
        (50, b"overlay", &["x"]),
        (
            51,
            b"btrfs",
            &[
                "",
                "@",
                "@/x",
                "@home",
                "@home/u/x",
                "@home/u/a/b/x",
                "@home/v/x",
                "@home/w",
            ],
        ),
        (52, b"proc", &["self/maps"]),
        (53, b"tmpfs", &["x", "x/y/z/w", "x/y"]),
        (54, b"tmpfs", &["file", "other"]),
    ] {
        for path in paths {
            let names = path.split('/').filter(|name| !name.is_empty()).collect();
            questions.push((device, kind(type_name), names));
        }
    }
    questions
}

fn table(lines: &[bool]) -> HostNames {
    let mut text = "24 1 8:1 / / rw - ext4 /dev/sda1 rw".to_owned();
    let mut overlay = false;
    for (line, _) in LINES.iter().zip(lines).filter(|(_, there)| **there) {
        // A device number is one superblock's at a time.
        if line.contains("0:50") {
            overlay |= line.contains("overlay");
            if overlay != line.contains("overlay") || text.contains("tmpfs t") && overlay {
                continue;
            }
        }
        text.push('\n');
        text.push_str(line);
    }
    names(&text)
}

fn expected(names: &HostNames, (device, kind, components): &Question) -> Option<String> {
    let superblock = names.superblocks.get(device)?;
    if superblock.kind != *kind {
        return None;
    }
    let within = format!("/{}", components.join("/"));
    let path = names.host_path(*device, within.as_ref())?;
    Some(path.to_str().unwrap().to_owned())
}

fn tables() -> impl Strategy<Value = Vec<Vec<bool>>> {
    let table = prop::collection::vec(any::<bool>(), LINES.len());
    prop::collection::vec(table, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_program_sees_the_old_names_or_the_new(sequence in tables()) {
        let mut kernel = Kernel::new(questions());
        let mut written = Written::default();
        let mut old = HostNames::default();
        for lines in sequence {
            let new = table(&lines);
            let generation = kernel.generation;
            kernel.answers.clear();
            let before: Vec<_> = questions().iter().map(|it| kernel.path(it)).collect();
            let outcome = update(&mut kernel, &new, &mut written).unwrap();
            for (question, answer) in std::mem::take(&mut kernel.answers) {
                let (was, is) = (expected(&old, &question), expected(&new, &question));
                // What is called the same is called so all the time.
                prop_assert!(answer == was || answer == is, "{:?}: {:?}, {:?} → {:?}", question, answer, was, is);
            }
            let mut differs = false;
            for (question, before) in questions().iter().zip(before) {
                let now = kernel.path(question);
                differs |= now != before;
                prop_assert_eq!(now, expected(&new, question), "{:?}", question);
            }
            prop_assert_eq!(outcome.changed, kernel.generation != generation);
            prop_assert!(outcome.changed || !differs);
            old = new;
        }
    }

    #[test]
    fn an_update_that_fails_is_made_up_for(sequence in tables(), patience in prop::collection::vec(0_usize..20, 6)) {
        let mut kernel = Kernel::new(questions());
        let mut written = Written::default();
        let mut possible = vec![HostNames::default()];
        for (lines, patience) in sequence.iter().zip(patience) {
            let new = table(lines);
            possible.push(new.clone());
            kernel.patience.set(patience);
            let failed = update(&mut kernel, &new, &mut written).is_err();
            kernel.patience.set(usize::MAX);
            for (question, answer) in std::mem::take(&mut kernel.answers) {
                // Refused while it is made up for, or what it was called at some moment.
                let was = possible.iter().any(|names| expected(names, &question) == answer);
                prop_assert!(answer.is_none() || was, "{:?}: {:?}", question, answer);
            }
            if failed {
                update(&mut kernel, &new, &mut written).unwrap();
            }
            for question in questions() {
                prop_assert_eq!(kernel.path(&question), expected(&new, &question), "{:?}", question);
            }
            kernel.answers.clear();
            possible = vec![new];
        }
    }
}

#[test]
fn what_does_not_change_is_not_written() {
    let mut kernel = Kernel::new(questions());
    let mut written = Written::default();
    let all = table(&[true; LINES.len()]);
    assert!(update(&mut kernel, &all, &mut written).unwrap().changed);
    let operations = kernel.operations.get();
    assert!(!update(&mut kernel, &all, &mut written).unwrap().changed);
    assert_eq!(kernel.operations.get(), operations);
    // What the kernel removed comes back if it is still mounted.
    kernel.superblocks.remove(&52);
    assert!(update(&mut kernel, &all, &mut written).unwrap().changed);
    assert_eq!(kernel.superblocks[&52].flags, FLAG_PROC);
}

#[test]
fn another_type_is_another_superblock() {
    let mut kernel = Kernel::new(questions());
    let mut written = Written::default();
    update(
        &mut kernel,
        &names("1 0 0:50 / / rw - tmpfs t rw"),
        &mut written,
    )
    .unwrap();
    let question = (50, kind(b"overlay"), vec!["x"]);
    assert_eq!(kernel.path(&question), None);
    update(
        &mut kernel,
        &names("1 0 0:50 / / rw - overlay o rw"),
        &mut written,
    )
    .unwrap();
    assert_eq!(kernel.path(&question).as_deref(), Some("/x"));
}

/// Fills the tables with so many mounts that `line` writes.
fn filled(count: u32, line: impl Fn(u32) -> String) -> (Kernel, Vec<(String, Why)>) {
    let mut text = "24 1 8:1 / / rw - ext4 /dev/sda1 rw".to_owned();
    for number in 0..count {
        text.push('\n');
        text.push_str(&line(number));
    }
    let mut kernel = Kernel::new(Vec::new());
    let outcome = update(&mut kernel, &names(&text), &mut Written::default()).unwrap();
    let left_out = outcome
        .left_out
        .into_iter()
        .map(|it| (it.mount_point.to_str().unwrap().to_owned(), it.why))
        .collect();
    (kernel, left_out)
}

#[test]
fn superblocks_are_as_many_as_there_is_room_for() {
    let line = |number| format!("{} 24 0:{number} / /m rw - tmpfs t rw", 100 + number);
    // All at one place hide each other: only the last is visible.
    assert!(filled(5000, line).1.is_empty());
    let line = |number| {
        format!(
            "{} 24 0:{number} / /m{} rw - tmpfs t rw",
            100 + number,
            number
        )
    };
    let (kernel, left_out) = filled(MAX_SUPERBLOCKS - 1, line);
    assert_eq!((kernel.superblocks.len(), left_out.len()), (4096, 0));
    let (kernel, left_out) = filled(MAX_SUPERBLOCKS + 1, line);
    assert_eq!(kernel.superblocks.len(), 4096);
    assert_eq!(
        left_out,
        [
            ("/m4095".to_owned(), Why::NoRoom),
            ("/m4096".to_owned(), Why::NoRoom)
        ]
    );
}

#[test]
fn what_has_no_room_any_more_is_removed() {
    let mut kernel = Kernel::new(Vec::new());
    let mut written = Written::default();
    let root = "24 1 8:1 / / rw - ext4 /dev/sda1 rw";
    let users = "25 24 0:9999 / /home/u rw - fuse.x x rw,user_id=1000";
    let few = names(&format!("{root}\n{users}"));
    assert!(
        update(&mut kernel, &few, &mut written)
            .unwrap()
            .left_out
            .is_empty()
    );
    assert!(kernel.superblocks.contains_key(&9999));
    let mut text = format!("{root}\n{users}");
    for number in 0..MAX_SUPERBLOCKS - 1 {
        let id = 100 + number;
        write!(text, "\n{id} 24 0:{number} / /m{number} rw - tmpfs t rw").unwrap();
    }
    let outcome = update(&mut kernel, &names(&text), &mut written).unwrap();
    assert_eq!(outcome.left_out[0].mount_point.to_str(), Some("/home/u"));
    assert!(!kernel.superblocks.contains_key(&9999));
}

#[test]
fn components_are_as_many_as_there_is_room_for() {
    let line = |number: u32| {
        let path = format!("/{number}").repeat(64);
        format!("{} 24 0:{number} / {path} rw - tmpfs t rw", 100 + number)
    };
    let (_, left_out) = filled(MAX_NODES / 3 + 3, |number| {
        let path = match number.cmp(&(MAX_NODES / 3)) {
            Ordering::Less => format!("/{number}/a/b"),
            Ordering::Equal => "/y/z".to_owned(),
            Ordering::Greater => format!("/w{number}"),
        };
        format!("{} 24 0:{number} / {path} rw - tmpfs t rw", 100 + number)
    });
    let first = MAX_NODES / 3 + 1;
    let no_room = |number: u32| (format!("/w{number}"), Why::NoRoom);
    assert_eq!(left_out, [no_room(first), no_room(first + 1)]);
    let (kernel, left_out) = filled(MAX_NODES / 64, line);
    assert_eq!((kernel.superblocks.len(), left_out.len()), (129, 0));
    let (kernel, left_out) = filled(MAX_NODES / 64 + 2, line);
    assert_eq!((kernel.superblocks.len(), left_out.len()), (129, 2));
    let last = (127, kind(b"tmpfs"), vec!["x"]);
    assert_eq!(kernel.path(&last), Some(format!("{}/x", "/127".repeat(64))));
    assert_eq!(left_out[0].1, Why::NoRoom);
}

#[test]
fn parts_are_as_many_as_there_is_room_for() {
    let line = |number| {
        format!(
            "{} 24 0:{} /{number}/x /m rw - tmpfs t rw",
            100 + number,
            number / 2
        )
    };
    assert!(filled(MAX_PARTS / 2, line).1.is_empty());
    let line = |number| {
        let (id, device) = (100 + number, number / 2);
        format!(
            "{id} 24 0:{device} /{number}/x /m{} rw - tmpfs t rw",
            number % 8
        )
    };
    let (_, left_out) = filled(8, line);
    assert!(left_out.is_empty());
    let line = |number| {
        format!(
            "{} 24 0:7 /{number}/x /m/{number} rw - tmpfs t rw",
            100 + number
        )
    };
    let (kernel, left_out) = filled(MAX_PARTS / 2, line);
    assert_eq!((kernel.parts.len(), left_out.len()), (4096, 0));
    let (kernel, left_out) = filled(MAX_PARTS / 2 + 1, line);
    assert_eq!(left_out, [("/m/0".to_owned(), Why::NoRoom)]);
    assert!(kernel.parts.is_empty() && !kernel.superblocks.contains_key(&7));
}
