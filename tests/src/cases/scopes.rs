//! Scope files that several groups use.

/// One allowed host per family, one port, TCP and UDP.
pub(super) const GUARDED: (&str, &str) = (
    "guarded",
    r#"[agent]
name = "guarded"
owner = "suite@example.com"

[network]
allow = [
  "10.77.0.2:7001",
  "udp://10.77.0.2:7001",
  "[fd77::2]:7001",
  "udp://[fd77::2]:7001",
]
"#,
);

/// Everything that is IPv4.
pub(super) const ALL_IPV4: (&str, &str) = (
    "all-ipv4",
    r#"[agent]
name = "all-ipv4"

[network]
allow = ["0.0.0.0/0", "udp://0.0.0.0/0"]
"#,
);

/// Everything that is IPv6.
pub(super) const ALL_IPV6: (&str, &str) = (
    "all-ipv6",
    r#"[agent]
name = "all-ipv6"

[network]
allow = ["any://::/0"]
"#,
);

/// Wide, with holes.
pub(super) const HOLES: (&str, &str) = (
    "holes",
    r#"[agent]
name = "holes"

[network]
allow = ["any://0.0.0.0/0", "any://::/0"]
deny = ["10.77.0.3", "169.254.0.0/16", "fd77::3", "udp://10.77.0.4:7002"]
"#,
);

/// ICMP to one host per family.
pub(super) const PINGER: (&str, &str) = (
    "pinger",
    r#"[agent]
name = "pinger"

[network]
allow = ["icmp://10.77.0.2", "icmp://fd77::2"]
"#,
);

/// A second agent without any destination, that may listen on loopback.
pub(super) const SERVER: (&str, &str) = (
    "server",
    r#"[agent]
name = "server"

[network]
listen = ["127.0.0.1:8200", "udp://127.0.0.1:8200"]
"#,
);
