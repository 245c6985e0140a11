//! The scopes of the cases about names.

/// Most of them: exact names and wildcards, on one port and on that of HTTPS.
pub(super) const NAMED: (&str, &str) = (
    "named",
    r#"[agent]
name = "named"
owner = "suite@example.com"

[network]
allow = [
  "*.agents.example:7001",
  "udp://*.agents.example:7001",
  "*.agents.example:443",
  "*.papers.example:7001",
  "good.shared.example:443",
]
deny = ["denied.agents.example"]
listen = ["udp://127.0.0.1:53"]
"#,
);

/// Whose one name is not among the others'.
pub(super) const OTHER: (&str, &str) = (
    "other",
    r#"[agent]
name = "other"

[network]
allow = ["other.agents.example:7001", "API.Agents.Example.:8443"]
"#,
);

/// Which may know private addresses of one name, and text of another.
pub(super) const INWARD: (&str, &str) = (
    "inward",
    r#"[agent]
name = "inward"

[network]
allow = [
  { to = "inside.agents.example:7001", private = true },
  { to = "records.agents.example:7001", types = ["TXT"] },
]
"#,
);

/// Which is only watched.
pub(super) const WATCHED: (&str, &str) = (
    "watched",
    r#"[agent]
name = "watched"
mode = "observe"

[network]
allow = ["api.agents.example:7001"]
"#,
);

/// Whose names are checked on every port, and not at all.
pub(super) const CHECKED: (&str, &str) = (
    "checked",
    r#"[agent]
name = "checked"

[network]
allow = [
  { to = "api.agents.example:8443", tls = true },
  { to = "api.agents.example:443", tls = "any" },
]
"#,
);

/// Which knows no names: port 53 is a destination like any other.
pub(super) const NAMELESS: (&str, &str) = (
    "nameless",
    r#"[agent]
name = "nameless"

[network]
allow = ["udp://198.51.100.53:53"]
"#,
);
