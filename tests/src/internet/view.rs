//! What a program sees in `/etc` of how names are resolved, by a mount namespace of its own.

use std::{ffi::CString, fs, io, net::IpAddr, os::unix::process::CommandExt, process::Command};

use crate::{
    error::{Context, Error, Outcome},
    host::Scratch,
    sys,
};

/// Files that programs see instead of the host's.
#[derive(Debug)]
pub struct View {
    scratch: Scratch,
    /// A file, and where it is seen.
    files: Vec<(CString, CString)>,
}

/// A host that asks this name server, and knows no names itself.
pub fn looking(at: IpAddr) -> Outcome<View> {
    View::new(
        &format!("nameserver {at}\noptions timeout:2 attempts:2\n"),
        "",
    )
}

impl View {
    /// With these `resolv.conf` and `hosts`.
    pub fn new(resolver: &str, hosts: &str) -> Outcome<Self> {
        let mut view = Self {
            scratch: Scratch::new()?,
            files: Vec::new(),
        };
        view.add("resolv.conf", resolver)?;
        view.add(
            "hosts",
            &format!("127.0.0.1 localhost\n::1 localhost\n{hosts}"),
        )?;
        view.add(
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n",
        )?;
        Ok(view)
    }

    fn add(&mut self, name: &str, text: &str) -> Outcome {
        let (file, place) = (self.scratch.path().join(name), format!("/etc/{name}"));
        fs::write(&file, text).context(format!("write {}", file.display()))?;
        if !fs::exists(&place).context("look for a file")? {
            return Err(Error::Skipped(format!("this machine has no {place}")));
        }
        let file = file.into_os_string().into_encoded_bytes();
        let text = |bytes: Vec<u8>| {
            CString::new(bytes).map_err(|error| Error::from(io::Error::other(error)))
        };
        self.files.push((text(file)?, text(place.into_bytes())?));
        Ok(())
    }

    /// The command sees them. Whoever starts it is nobody's agent yet.
    pub fn show(&self, command: &mut Command) {
        let files = self.files.clone();
        // SAFETY: between fork and exec only unshare and mount are called, which are async-signal-safe, with
        // texts that the closure owns.
        unsafe { command.pre_exec(move || enter(&files)) };
    }
}

/// A mount namespace in which these files are seen.
fn enter(files: &[(CString, CString)]) -> io::Result<()> {
    // SAFETY: no pointers.
    sys::check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    mount(None, c"/", libc::MS_REC | libc::MS_PRIVATE)?;
    for (file, place) in files {
        mount(Some(file), place, libc::MS_BIND)?;
    }
    Ok(())
}

fn mount(from: Option<&CString>, at: &std::ffi::CStr, flags: libc::c_ulong) -> io::Result<()> {
    let from = from.map_or(std::ptr::null(), |from| from.as_ptr());
    let (none, nothing) = (std::ptr::null(), std::ptr::null());
    // SAFETY: the texts end with a zero byte and live until the call returns.
    sys::check(unsafe { libc::mount(from, at.as_ptr(), none, flags, nothing) }).map(drop)
}
