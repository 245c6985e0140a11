//! What is on disk, and what the agents may do with it.

use crate::host::{
    Layout,
    Thing::{Directory, File, Hard, Link, Script, Tool},
};

/// `open` may be written, `read` be read, `bin` be executed; `secret` is in no rule. Each of the first two has
/// a part that is denied.
pub(super) const LAYOUT: Layout = &[
    ("open", Directory),
    ("open/file", File("open")),
    ("open/other", File("other")),
    ("open/dir", Directory),
    ("open/dir/inner", File("inner")),
    ("open/empty", Directory),
    ("open/denied", Directory),
    ("open/denied/file", File("denied")),
    ("open/.env", File("key")),
    ("open/mount", Directory),
    ("open/tool", Tool),
    ("open/script", Script("#!$tree/bin/tool\n")),
    ("open/denied-dir", Directory),
    ("open/denied-dir/closed", Directory),
    ("open/denied-dir/closed/file", File("closed")),
    ("open/loose", Directory),
    ("open/loose/tool", Tool),
    ("read", Directory),
    ("read/file", File("read")),
    ("read/dir", Directory),
    ("read/dir/inner", File("inner")),
    ("read/denied", File("denied")),
    ("read/tool", Tool),
    ("watched", Directory),
    ("watched/file", File("watched")),
    ("bin", Directory),
    ("bin/tool", Tool),
    ("secret", Directory),
    ("secret/file", File("secret")),
    ("secret/dir", Directory),
    ("secret/dir/inner", File("inner secret")),
    ("secret/empty", Directory),
    ("secret/tool", Tool),
    ("open/link", Link("$tree/secret/file")),
    ("open/dirlink", Link("../secret")),
    ("secret/link", Link("$tree/open/file")),
    ("open/hard", Hard("secret/dir/inner")),
    // The first layout of Landlock's self-tests, in its own words.
    ("s1d1", Directory),
    ("s1d1/f1", File("1")),
    ("s1d1/s1d2", Directory),
    ("s1d1/s1d2/f1", File("12")),
    ("s1d1/s1d2/s1d3", Directory),
    ("s1d1/s1d2/s1d3/f1", File("123")),
    ("s1d1/s1d2/s1d3/f2", File("123")),
    ("s2d1", Directory),
    ("s2d1/s2d2", Directory),
    ("s2d1/s2d2/f1", File("22")),
    ("s2d1/s2d2/f2", File("22")),
    ("s2d1/s2d2/s2d3", Directory),
    ("s2d1/s2d2/s2d3/f1", File("223")),
];

/// The scopes.
pub(super) const SCOPES: &[(&str, &str)] = &[CLERK, WATCHED, TINKER, NESTED];

const CLERK: (&str, &str) = (
    "clerk",
    r#"[agent]
name     = "clerk"
owner    = "suite@example.com"
profiles = ["base"]

[files]
read  = ["$tree/read/**", { path = "$tree/watched/**", mode = "observe" }]
write = ["$tree/open/**"]
exec  = ["$program", "$tree/bin/*", "$tree/open/tight/*"]
deny  = [
  "$tree/open/denied/**",
  "$tree/open/denied-dir/closed/**",
  "$tree/read/denied",
  "**/.env",
]
"#,
);

/// Nothing is refused it, everything is recorded.
const WATCHED: (&str, &str) = (
    "watched",
    r#"[agent]
name     = "watched"
mode     = "observe"
profiles = ["base"]

[files]
write = ["$tree/open/**"]
exec  = ["$program"]
deny  = ["$tree/open/denied/**"]
"#,
);

/// It may make user namespaces, and in them mounts.
const TINKER: (&str, &str) = (
    "tinker",
    r#"[agent]
name     = "tinker"
profiles = ["base"]

[files]
read  = ["$tree/read/**"]
write = ["$tree/open/**", "/proc/self/*_map", "/proc/self/setgroups"]
exec  = ["$program", "$tree/bin/*"]
deny  = ["$tree/open/denied/**"]

[process]
user_namespaces = true
"#,
);

/// Rules within rules.
const NESTED: (&str, &str) = (
    "nested",
    r#"[agent]
name     = "nested"
profiles = ["base"]

[files]
read  = ["$tree/s1d1/s1d2/**", "$tree/s2d1/s2d2/f1"]
write = ["$tree/s1d1/s1d2/s1d3/**", "$tree/s2d1/s2d2/s2d3/**"]
exec  = ["$program"]
deny  = ["$tree/s1d1/s1d2/s1d3/f2"]
"#,
);
