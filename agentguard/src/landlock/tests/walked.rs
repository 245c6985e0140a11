//! Rules, and what is granted for them.

use std::path::Path;

use super::{Tree, rule, walk_within, walked, walked_with};
use crate::{
    landlock::{WalkError, mounts::Mounts, walk::Limits},
    policy::paths::PathRule,
};

/// Mounts that show another part of the host at this path.
fn mounted_at(path: &Path) -> Mounts {
    let text = format!(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / /proc rw - proc proc rw\n3 1 8:1 /x {} rw - ext4 /dev/sda rw\n",
        path.display()
    );
    Mounts::parse(text.as_bytes()).unwrap()
}

#[test]
fn hierarchies_and_files_are_granted_as_they_are_written() {
    let tree = Tree::new(&["papers/a", "papers/sub/b", "out/", "bin/tool", "other/x"]);
    let walked = walked(&[
        tree.rule(0, "read", "papers/**"),
        tree.rule(1, "write", "out/**"),
        tree.rule(2, "exec", "bin/tool"),
    ]);
    assert_eq!(
        tree.grants(&walked),
        "re bin/tool | rw out/** | r papers/**"
    );
    assert_eq!(tree.left_out(&walked), Vec::<String>::new());
}

#[test]
fn what_is_granted_above_is_not_granted_again() {
    let tree = Tree::new(&["a/b/c/d", "a/x"]);
    let walked = walked(&[
        tree.rule(0, "read", "a/**"),
        tree.rule(1, "write", "a/b/**"),
        tree.rule(2, "read", "a/b/c"),
        tree.rule(3, "exec", "a/x"),
    ]);
    assert_eq!(tree.grants(&walked), "r a/** | w a/b/** | e a/x");
    assert_eq!(tree.left_out(&walked), Vec::<String>::new());
}

#[test]
fn globs_are_what_exists() {
    let tree = Tree::new(&[
        "bin/python3",
        "bin/python3.11",
        "bin/perl",
        "bin/python3-link -> perl",
        "home/u/work/x",
        "home/v/work/",
        "home/w/",
    ]);
    let walked = walked(&[
        tree.rule(0, "exec", "bin/python3*"),
        tree.rule(1, "write", "home/*/work/**"),
    ]);
    assert_eq!(
        tree.grants(&walked),
        "re bin/python3 | re bin/python3.11 | rw home/u/work/** | rw home/v/work/**"
    );
    // A link leads to what is judged by its own path; nobody named the work of w.
    assert_eq!(tree.left_out(&walked), Vec::<String>::new());
}

#[test]
fn any_depth_in_the_middle_is_what_exists() {
    let tree = Tree::new(&["a/x.md", "a/b/y.md", "a/b/z.txt", "a/b/out/f", "a/out/"]);
    let walked = walked(&[
        tree.rule(0, "read", "**/*.md"),
        tree.rule(1, "write", "**/out/**"),
    ]);
    assert_eq!(
        tree.grants(&walked),
        "rw a/b/out/** | r a/b/y.md | rw a/out/** | r a/x.md"
    );
}

#[test]
fn a_hierarchy_with_something_refused_is_split() {
    let tree = Tree::new(&[
        "papers/a",
        "papers/b/c",
        "papers/embargoed/x",
        "papers/draft.tmp",
    ]);
    let walked = walked(&[
        tree.rule(0, "read", "papers/**"),
        tree.rule(1, "deny", "papers/embargoed/**"),
        tree.rule(2, "deny", "papers/draft.tmp"),
    ]);
    assert_eq!(tree.grants(&walked), "r papers/a | r papers/b/**");
    let deny = format!("deny \"{}/papers/embargoed/**\"", tree.root().display());
    assert_eq!(
        tree.left_out(&walked),
        [format!(
            "r papers: the directory itself and what is made in it later: {deny} may refuse a path in it"
        )]
    );
}

#[test]
fn what_may_be_refused_anywhere_leaves_files_only() {
    let tree = Tree::new(&["p/a", "p/.env", "p/sub/b", "p/sub/.env", "p/empty/"]);
    let walked = walked(&[tree.rule(0, "write", "p/**"), rule(1, "deny", "/**/.env")]);
    assert_eq!(tree.grants(&walked), "rw p/a | rw p/sub/b");
    let left_out = tree.left_out(&walked).join("\n");
    for directory in ["rw p:", "rw p/sub:", "rw p/empty:"] {
        assert!(left_out.contains(directory), "{left_out}");
    }
    assert!(
        left_out.contains("deny \"/**/.env\" may refuse"),
        "{left_out}"
    );
    assert!(
        left_out.contains("w p/a: it cannot be removed"),
        "{left_out}"
    );
}

#[test]
fn observed_rules_are_as_they_work() {
    let tree = Tree::new(&["a/x", "b/y"]);
    let walked = walked(&[
        tree.rule(0, "read", "a/**"),
        tree.rule(1, "observe deny", "a/x"),
        tree.rule(2, "observe read", "b/**"),
    ]);
    assert_eq!(tree.grants(&walked), "r a/** | r b/**");
}

#[test]
fn what_cannot_be_granted_is_left_out() {
    let tree = Tree::new(&["dir/x", "file", "link -> file"]);
    let walked = walked(&[
        tree.rule(0, "read", "dir"),
        tree.rule(1, "write", "file"),
        tree.rule(2, "read", "link"),
        tree.rule(3, "read", "missing/**"),
        tree.rule(4, "read", "file/beneath"),
        rule(5, "connect", "/@name"),
    ]);
    assert_eq!(tree.grants(&walked), "rw file");
    let mut left_out = tree.left_out(&walked);
    left_out.sort();
    assert_eq!(
        left_out,
        [
            "r dir: a directory without what is beneath cannot be permitted",
            "r link: a symbolic link; name its target",
            "r missing: does not exist; what is made later is refused",
            "w file: it cannot be removed, replaced or moved",
        ]
    );
}

#[test]
fn what_shows_another_part_of_the_host_is_not_granted() {
    let tree = Tree::new(&["papers/link/shadow", "papers/a", "papers/b/c"]);
    let mounts = mounted_at(&tree.root().join("papers/link"));
    let rules = [tree.rule(0, "read", "papers/**")];
    let walked = walked_with(&rules, &mounts);
    assert_eq!(tree.grants(&walked), "r papers/a | r papers/b/**");
    let left_out = tree.left_out(&walked).join("\n");
    assert!(
        left_out.contains("r papers/link: it shows another part of the host")
            && left_out.contains("r papers: the directory itself"),
        "{left_out}"
    );
    // A file that is mounted over another is no less elsewhere.
    let mounts = mounted_at(&tree.root().join("papers/a"));
    let walked = walked_with(&rules, &mounts);
    assert_eq!(tree.grants(&walked), "r papers/b/** | r papers/link/**");
}

#[test]
fn one_s_own_process_is_self_and_no_number() {
    let tree = Tree::new(&[]);
    let own = std::process::id();
    let mounts = mounted_at(Path::new("/nowhere"));
    let rules = [
        rule(0, "read", "/proc/self/**"),
        rule(1, "read", &format!("/proc/{own}/stat")),
        rule(2, "read", "/proc/1/stat"),
    ];
    // The paths that are granted are those of the rules, which the kernel's `self` leads to.
    let walked = walked_with(&rules, &mounts);
    assert_eq!(tree.grants(&walked), "r /proc/1/stat | r /proc/self/**");
    let left_out = tree.left_out(&walked);
    assert_eq!(
        left_out,
        ["r /proc/self: for processes that the command starts; its own process may use it"]
    );
}

#[test]
fn too_much_is_an_error_that_names_the_rule() {
    let tree = Tree::new(&["a/1", "a/2", "b/3", "b/4"]);
    let rules = [tree.rule(0, "read", "**"), rule(1, "deny", "/**/.env")];
    let within = |rules: &[PathRule], names, grants| {
        walk_within(rules, &Mounts::default(), Limits { names, grants }).map(|_| ())
    };
    // Two directories and four files, beneath what the rule names.
    let above = tree.root().components().count() - 1;
    assert!(within(&rules, above + 6, 4).is_ok());
    for (names, grants, limit) in [
        (
            above + 5,
            4,
            format!("{} names are not looked at", above + 5),
        ),
        (above + 6, 3, "3 are not granted".to_owned()),
    ] {
        let error = within(&rules, names, grants).unwrap_err();
        assert!(matches!(error, WalkError::TooMuch { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("deny \"/**/.env\"") && text.contains(&limit),
            "{text}"
        );
    }
    // Without the refusal it is one rule.
    assert!(within(&rules[..1], above, 1).is_ok());
}

#[test]
fn without_rules_nothing_is_granted() {
    let tree = Tree::new(&["x"]);
    for rules in [vec![], vec![tree.rule(0, "deny", "**")]] {
        let walked = walked(&rules);
        assert_eq!(tree.grants(&walked), "");
        assert_eq!(tree.left_out(&walked), Vec::<String>::new());
    }
}
