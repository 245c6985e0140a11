//! What a path is to the kernel side, and where links are.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsRawFd, unix::fs::symlink},
    path::Path,
    sync::mpsc,
    thread,
    time::Duration,
};

use agentguard::{
    mounts::MountedHost,
    policy::{HostPaths, Link},
};
use nix::mount::{MsFlags, mount};

use crate::stage::{Stage, bind};

fn host() -> MountedHost {
    MountedHost::read().unwrap()
}

#[track_caller]
fn is_at(path: impl AsRef<Path>, expected: impl AsRef<Path>) {
    let found = host().place(path.as_ref().to_owned());
    assert_eq!(found, expected.as_ref());
}

#[test]
fn what_is_mounted_twice_has_one_place() {
    let stage = Stage::new();
    stage.mount("tmpfs", "tmp", "");
    stage.directory("tmp/in");
    let bound = stage.directory("bound");
    bind(&stage.path("tmp"), &bound);
    let part = stage.directory("part");
    bind(&stage.path("tmp/in"), &part);
    is_at(bound.join("in/x"), stage.path("tmp/in/x"));
    is_at(part.join("x"), stage.path("tmp/in/x"));
    is_at(&part, stage.path("tmp/in"));
    is_at(&bound, stage.path("tmp"));
    // What does not exist has a place, too.
    is_at(bound.join("no/such"), stage.path("tmp/no/such"));
    is_at("/no-such/a/b", "/no-such/a/b");
    is_at("/", "/");
}

#[test]
fn without_a_name_a_path_is_as_it_is() {
    let stage = Stage::new();
    let whole = stage.mount("tmpfs", "whole", "");
    let gone = stage.directory("whole/gone");
    let bound = stage.directory("bound");
    bind(&gone, &bound);
    fs::remove_dir(&gone).unwrap();
    stage.unmount(&whole);
    is_at(bound.join("x"), bound.join("x"));
}

#[test]
fn links_are_where_they_are() {
    let stage = Stage::new();
    stage.file("real/x");
    symlink("real", stage.path("link")).unwrap();
    let found = host().link(&stage.path("link")).unwrap();
    let expected = Link {
        target: "real".into(),
        owner: 0,
    };
    assert_eq!(found, Some(expected));
    assert_eq!(host().link(&stage.path("real/x")).unwrap(), None);
    assert_eq!(host().link(Path::new("/")).unwrap(), None);
    let error = host().link(&stage.path("no")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn one_s_own_directory_is_no_link() {
    let stage = Stage::new();
    let proc = stage.mount("proc", "proc", "");
    for own in ["self", "thread-self"] {
        assert_eq!(host().link(&Path::new("/proc").join(own)).unwrap(), None);
        assert_eq!(host().link(&proc.join(own)).unwrap(), None);
    }
    let mounts = host().link(Path::new("/proc/mounts")).unwrap().unwrap();
    assert_eq!(mounts.target, Path::new("self/mounts"));
    // Only of a procfs.
    stage.mount("tmpfs", "tmp", "");
    symlink("real", stage.path("tmp/self")).unwrap();
    assert!(host().link(&stage.path("tmp/self")).unwrap().is_some());
}

#[test]
fn nobody_is_waited_for() {
    let stage = Stage::new();
    let place = stage.directory("fuse");
    // A file system whose program never answers.
    let device = File::options()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .unwrap();
    let options = format!(
        "fd={},rootmode=40000,user_id=1000,group_id=1000,allow_other",
        device.as_raw_fd()
    );
    mount(
        Some("agtest"),
        &place,
        Some("fuse.agtest"),
        MsFlags::empty(),
        Some(options.as_str()),
    )
    .unwrap();
    let (done, waiting) = mpsc::channel();
    let paths = [place.clone(), place.join("a"), place.join("a/b")];
    let thread = thread::spawn(move || {
        let host = host();
        let found = paths.map(|path| (host.link(&path).unwrap(), host.place(path)));
        done.send(found).unwrap();
    });
    let found = waiting.recv_timeout(Duration::from_secs(20));
    // Ends what waits for an answer.
    drop(device);
    let found = found.expect("it waits for a program that never answers");
    thread.join().unwrap();
    assert_eq!(
        found,
        [
            (None, place.clone()),
            (None, place.join("a")),
            (None, place.join("a/b"))
        ]
    );
    stage.unmount(&place);
}
