//! What real clients send first.

/// The first bytes of real clients, and the name that each asks for.
///
/// OpenSSL 3.0 (`s_client`), curl, Python and Node.js with it; rustls 0.23; and the browsers' as
/// curl-impersonate sends them, of which Chrome's and Firefox's carry an encrypted hello that is none (GREASE).
pub(crate) const CLIENTS: [(&str, &[u8], &str); 12] = [
    ("openssl", include_bytes!("openssl.bin"), NAME),
    (
        "openssl, TLS 1.2",
        include_bytes!("openssl-tls12.bin"),
        NAME,
    ),
    (
        "openssl, no name",
        include_bytes!("openssl-no-name.bin"),
        "",
    ),
    (
        "openssl, upper case",
        include_bytes!("openssl-upper-case.bin"),
        "API.Example.COM",
    ),
    ("curl", include_bytes!("curl.bin"), NAME),
    ("curl, an address", include_bytes!("curl-address.bin"), ""),
    ("python", include_bytes!("python.bin"), NAME),
    ("node", include_bytes!("node.bin"), NAME),
    ("rustls", include_bytes!("rustls.bin"), NAME),
    ("safari", include_bytes!("safari.bin"), NAME),
    ("chrome", include_bytes!("chrome.bin"), NAME),
    ("firefox", include_bytes!("firefox.bin"), NAME),
];
/// The name that the clients are told.
pub(crate) const NAME: &str = "api.example.com";
