//! The agents. `clerk` and `neighbour` have witnesses.

/// It is confined in everything.
pub(super) const CLERK: (&str, &str) = (
    "clerk",
    r#"[agent]
name     = "clerk"
owner    = "suite@example.com"
profiles = ["base"]

[network]
allow = ["any://10.77.0.2", "any://fd77::2"]

[files]
read  = ["$tree/read/**"]
write = ["$tree/open/**", "$sockets/clerk/**"]
exec  = ["$program"]
deny  = ["$sockets/stranger/granted.not"]

[sockets]
connect = [
  "$sockets/stranger/granted.*",
  "$sockets/stranger/offer",
  "$sockets/clerk/rebound.sock",
  "@$name-stranger-granted*",
]
"#,
);

/// Somebody else's.
pub(super) const NEIGHBOUR: (&str, &str) = (
    "neighbour",
    r#"[agent]
name     = "neighbour"
profiles = ["base"]

[files]
write = ["$sockets/neighbour/**"]
exec  = ["$program"]
"#,
);

/// Nothing is refused it, everything is recorded.
pub(super) const WATCHED: (&str, &str) = (
    "watched",
    r#"[agent]
name     = "watched"
mode     = "observe"
profiles = ["base"]

[network]
allow = ["any://10.77.0.2", "any://fd77::2"]

[files]
write = ["$tree/open/**"]
exec  = ["$program"]

[sockets]
connect = ["$sockets/stranger/offer"]
"#,
);

/// It may make user namespaces, and trace itself.
pub(super) const TINKER: (&str, &str) = (
    "tinker",
    r#"[agent]
name     = "tinker"
profiles = ["base"]

[files]
read  = ["$tree/read/**"]
write = ["$tree/open/**"]
exec  = ["$program"]

[process]
user_namespaces = true
ptrace          = "agent"
"#,
);

/// It may write every file there is.
pub(super) const KEEPER: (&str, &str) = (
    "keeper",
    r#"[agent]
name = "keeper"

[files]
write = ["/**"]
exec  = ["/**"]
"#,
);

/// Only its network is confined.
pub(super) const PLAIN: (&str, &str) = (
    "plain",
    r#"[agent]
name = "plain"

[network]
allow = ["any://10.77.0.2", "any://fd77::2"]
"#,
);
