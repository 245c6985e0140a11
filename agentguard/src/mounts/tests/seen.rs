//! Which mounts are visible, against a walk that goes one component after another.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::mounts::{Mount, MountTable, MountTableError};

/// Mount points over which and beneath which mounts are made.
const PLACES: [&str; 9] = [
    "/", "/a", "/a/b", "/a/b/c", "/ab", "/a/c", "/b", "/b/a", "/b/a/c",
];

fn line(id: u64, parent: u64, mount_point: &str) -> String {
    format!("{id} {parent} 0:{id} / {mount_point} rw - tmpfs t{id} rw")
}

fn table(lines: &[String]) -> MountTable {
    MountTable::parse(lines.join("\n").as_bytes()).unwrap()
}

fn visible(lines: &[String]) -> Vec<u64> {
    table(lines).visible().map(|mount| mount.id).collect()
}

/// Where a path leads: component by component, crossing to what is mounted on the place.
fn walk(mounts: &[Mount], path: &str) -> u64 {
    let mut here = mounts[0].id;
    let mut place = PathBuf::from("/");
    for name in Path::new(path).components().skip(1) {
        place.push(name);
        while let Some(child) = mounts
            .iter()
            .rev()
            .find(|it| it.parent == here && it.mount_point == place && it.id != here)
        {
            here = child.id;
        }
    }
    here
}

/// What may follow the root: where, and on which of the mounts that could lie beneath.
fn mounts() -> impl Strategy<Value = Vec<(usize, prop::sample::Index)>> {
    let one = (0..PLACES.len(), any::<prop::sample::Index>());
    prop::collection::vec(one, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn visible_is_what_a_path_leads_to(chosen in mounts()) {
        let mut lines = vec![line(10, 1, "/")];
        let mut made: Vec<(u64, &str)> = vec![(10, "/")];
        for (id, (place, parent)) in (11..).zip(chosen) {
            let place = PLACES[place];
            let beneath: Vec<u64> = made
                .iter()
                .filter(|(_, of)| Path::new(place).starts_with(of))
                .map(|(id, _)| *id)
                .collect();
            lines.push(line(id, *parent.get(&beneath), place));
            made.push((id, place));
        }
        let table = table(&lines);
        let expected: Vec<u64> = table
            .mounts()
            .iter()
            .filter(|mount| walk(table.mounts(), mount.mount_point.to_str().unwrap()) == mount.id)
            .map(|mount| mount.id)
            .collect();
        let found: Vec<u64> = table.visible().map(|mount| mount.id).collect();
        prop_assert_eq!(found, expected, "{}", lines.join("\n"));
    }
}

#[test]
fn what_is_mounted_over_hides_what_is_beneath() {
    let hidden = [
        line(10, 1, "/"),
        line(11, 10, "/a"),
        line(12, 11, "/a/b"),
        line(13, 11, "/a"),
    ];
    assert_eq!(visible(&hidden), [10, 13]);
    // Mounted later, but nearer to the root.
    let above = [line(10, 1, "/"), line(11, 10, "/a/b"), line(12, 10, "/a")];
    assert_eq!(visible(&above), [10, 12]);
    // `/ab` is not beneath `/a`.
    let beside = [line(10, 1, "/"), line(11, 10, "/a"), line(12, 10, "/ab")];
    assert_eq!(visible(&beside), [10, 11, 12]);
}

#[test]
fn what_is_mounted_over_the_root_hides_nothing() {
    let lines = [line(10, 10, "/"), line(11, 10, "/"), line(12, 10, "/a")];
    assert_eq!(visible(&lines), [10, 12]);
    let beneath = [line(10, 1, "/"), line(11, 10, "/"), line(12, 11, "/a")];
    assert_eq!(visible(&beneath), [10]);
}

#[test]
fn a_table_that_was_read_while_it_changed_is_no_danger() {
    let circle = [line(10, 1, "/"), line(11, 12, "/a"), line(12, 11, "/b")];
    assert_eq!(visible(&circle), [10]);
    let twice = [line(10, 1, "/"), line(11, 10, "/a"), line(11, 11, "/a")];
    assert_eq!(visible(&twice).first(), Some(&10));
    // Two of one number, and each beneath the other.
    let both = [
        line(10, 1, "/"),
        line(11, 10, "/a"),
        line(12, 11, "/a"),
        line(11, 12, "/a"),
    ];
    assert_eq!(visible(&both).first(), Some(&10));
    let stray = [line(10, 1, "/"), line(11, 99, "/a"), line(12, 11, "/a/b")];
    assert_eq!(visible(&stray), [10]);
}

#[test]
fn without_a_root_there_is_no_table() {
    let chroot = line(11, 10, "/proc");
    let error = MountTable::parse(chroot.as_bytes()).unwrap_err();
    assert!(matches!(error, MountTableError::NoRoot), "{error}");
    let bad = format!("{}\nx", line(10, 1, "/"));
    let error = MountTable::parse(bad.as_bytes()).unwrap_err();
    assert!(
        matches!(error, MountTableError::Line { line: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_long_table_takes_no_time() {
    let mut lines = vec![line(10, 1, "/")];
    lines.extend((11..40_011).map(|id| line(id, 10, &format!("/srv/{id}/x"))));
    let table = table(&lines);
    assert_eq!(table.visible().count(), lines.len());
}
