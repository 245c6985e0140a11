//! Patterns that match the same path.

use super::pattern;

#[test]
fn patterns_overlap_if_a_path_matches_both() {
    for (a, b, expected) in [
        ("/a/b", "/a/b", true),
        ("/a/b", "/a", false),
        ("/", "/", true),
        ("/", "/**", true),
        ("/", "/*", false),
        ("/**", "/a/b", true),
        ("/a/**", "/**/b", true),
        ("/a/**", "/b/**", false),
        ("/a/**", "/a", true),
        ("/**/x/**", "/**/y/**", true),
        ("/*/x", "/a/*", true),
        ("/*/x", "/a/y", false),
        ("/a*", "/*b", true),
        ("/a*b", "/ac*", true),
        ("/a*b", "/c*", false),
        ("/*.so", "/lib*", true),
        ("/*.so", "/lib*.a", false),
        ("/**/a*c", "/x/abc", true),
        ("/home/*/.bashrc", "/home/alice/**", true),
        ("/home/*/.bashrc", "/home/alice/src/**", false),
    ] {
        assert_eq!(pattern(a).overlaps(&pattern(b)), expected, "{a} {b}");
        assert_eq!(pattern(b).overlaps(&pattern(a)), expected, "{b} {a}");
    }
}

#[test]
fn a_pattern_covers_what_lies_within_it() {
    for (a, b, expected) in [
        ("/a/**", "/a", true),
        ("/a/**", "/a/*/x/**", true),
        ("/a", "/a/**", false),
        ("/a/*", "/a/**", false),
        ("/a/*/**", "/a/**", false),
        ("/**/.git/hooks/**", "/home/*/**/.git/hooks/*", true),
        ("/**/.ssh/**", "/home/*/.ssh/authorized_keys", true),
        ("/**/*.pem", "/a/b*.pem", true),
        ("/**/b.pem", "/a/b*.pem", false),
        ("/**", "/**", true),
        ("/home/alice/**", "/home/*/x", false),
    ] {
        assert_eq!(pattern(a).covers(&pattern(b)), expected, "{a} {b}");
    }
}
