//! The kernel modules that the machines load.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// What the suite uses and Debian's cloud kernels do not have built in; a kernel that lacks one of
/// them (DCCP has left the kernel) goes without.
const WANTED: &[&str] = &[
    "veth",
    "dummy",
    "tun",
    "sctp",
    "dccp_ipv4",
    "dccp_ipv6",
    "vsock_loopback",
    "overlay",
    // Families of sockets that agents are refused.
    "algif_hash",
    "tipc",
    "kcm",
    "af_key",
    "xfrm_user",
    // A kernel that talks to servers.
    "nfsv3",
    // A file system that ignores case.
    "loop",
    "vfat",
    "nls_cp437",
    "nls_ascii",
];

/// A module: its name and its content, decompressed.
pub(super) type Module = (String, Vec<u8>);

/// The wanted modules, those that this machine needs besides, and what they depend on, in the order
/// of loading.
///
/// The package has no `modules.dep` (depmod makes it at installation): each module names its
/// dependencies itself.
pub(super) fn in_order(directory: &Path, besides: &[&str]) -> Result<Vec<Module>> {
    let mut files = BTreeMap::new();
    find(&directory.join("kernel"), &mut files)?;
    let mut loaded = Vec::new();
    for name in WANTED.iter().chain(besides) {
        if files.contains_key(*name) {
            add(name, &files, &mut loaded)?;
        }
    }
    Ok(loaded)
}

fn add(name: &str, files: &BTreeMap<String, PathBuf>, loaded: &mut Vec<Module>) -> Result<()> {
    if loaded.iter().any(|(present, _)| present == name) {
        return Ok(());
    }
    // A dependency without a file is built in.
    let Some(path) = files.get(name) else {
        return Ok(());
    };
    let content = read(path)?;
    for dependency in dependencies(&content).with_context(|| path.display().to_string())? {
        add(&dependency, files, loaded)?;
    }
    loaded.push((name.to_owned(), content));
    Ok(())
}

fn find(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if let Some((name, _)) = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.split_once(".ko"))
        {
            files.insert(name.replace('-', "_"), path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    if path.extension().is_some_and(|extension| extension == "ko") {
        return fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    }
    let output = Command::new("xz")
        .args(["--decompress", "--stdout", "--"])
        .arg(path)
        .output()
        .context("cannot start xz")?;
    if !output.status.success() {
        bail!(
            "xz: {}: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}

/// What the module's `.modinfo` says under `depends`: strings, each ended by a zero byte.
fn dependencies(module: &[u8]) -> Result<Vec<String>> {
    const KEY: &[u8] = b"\0depends=";
    let start = module
        .windows(KEY.len())
        .position(|window| window == KEY)
        .context("the module does not name its dependencies")?
        + KEY.len();
    let value = module[start..]
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    let value = std::str::from_utf8(value).context("the module's dependencies are not text")?;
    Ok(value
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::dependencies;

    #[test]
    fn dependencies_are_read_from_modinfo() {
        let module = b"\x7fELF\0license=GPL\0depends=udp_tunnel,ip6-udp\0name=sctp\0";
        assert_eq!(dependencies(module).unwrap(), ["udp_tunnel", "ip6_udp"]);
        assert!(dependencies(b"\0depends=\0name=veth\0").unwrap().is_empty());
        assert!(dependencies(b"\x7fELF").is_err());
    }
}
