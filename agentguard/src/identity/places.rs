//! Where the network programs are attached: the nearest lasting ancestors of what is declared.
//!
//! A link dies with its cgroup, so a cgroup that may be removed and made again is no place for one;
//! programs on an ancestor cover the new cgroup from its first process on. No place is beneath
//! another: the kernel runs the programs of all ancestors, and everything would be decided twice.

use std::{collections::BTreeSet, fs, io};

use super::systemd;
use crate::{kernel::cgroup2::Cgroup2, policy::Matches};

/// Name of the empty cgroup that keeps a place from being removed: a cgroup with a child cannot be.
const HOLD: &str = "agentguard-hold";

/// The places for what is declared.
///
/// With systemd, only the root and `system.slice` are sure to last: any other slice is removed and
/// made again with its units. A unit may be in any slice, so it needs the root. Without systemd the
/// parent of a declared cgroup lasts, because the daemon keeps it ([`keep`]).
///
/// `before` are the places as they are: those that guard an instance in `running`, and that no new
/// place would, stay.
pub fn places<'a>(
    own: &str,
    declared: impl Iterator<Item = &'a Matches>,
    before: &[String],
    running: &[String],
) -> BTreeSet<String> {
    let mut places = BTreeSet::from([own.to_owned()]);
    let managed = systemd::is_running();
    for matches in declared {
        places.extend(matches.cgroups.iter().map(|path| place(path, managed)));
        if !matches.units.is_empty() {
            places.insert("/".to_owned());
        }
    }
    let covers = |place: &String, path: &String| place == path || is_beneath(path, place);
    let guards = |place: &&String| {
        running
            .iter()
            .any(|path| covers(place, path) && !places.iter().any(|new| covers(new, path)))
    };
    let staying: Vec<String> = before.iter().filter(guards).cloned().collect();
    places.extend(staying);
    outermost(&places)
}

fn place(declared: &str, managed: bool) -> String {
    const SYSTEM: &str = "/system.slice";
    let parent = match declared.rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => parent,
        _ => "/",
    };
    if !managed {
        return parent.to_owned();
    }
    if is_beneath(declared, SYSTEM) {
        return SYSTEM.to_owned();
    }
    "/".to_owned()
}

/// Without those that are beneath another.
fn outermost(places: &BTreeSet<String>) -> BTreeSet<String> {
    places
        .iter()
        .filter(|place| !places.iter().any(|other| is_beneath(place, other)))
        .cloned()
        .collect()
}

/// Whether a cgroup is a descendant of another.
pub fn is_beneath(path: &str, ancestor: &str) -> bool {
    if ancestor == "/" {
        return path != "/";
    }
    path.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Makes a place if it is not there, and keeps it from being removed, unless it is systemd's: of
/// those only the slice of instances can be absent, and systemd takes to what it finds there.
pub fn keep(cgroups: &Cgroup2, place: &str) -> io::Result<()> {
    if place == "/" {
        return Ok(());
    }
    let mut directory = cgroups.directory(place);
    if !systemd::is_running() {
        directory.push(HOLD);
    }
    match fs::create_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Undoes [`keep`]; a place that is empty then is left, since others may have it declared.
pub fn release(cgroups: &Cgroup2, place: &str) {
    if place == "/" || systemd::is_running() {
        return;
    }
    let hold = cgroups.directory(place).join(HOLD);
    if let Err(error) = fs::remove_dir(&hold)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("cannot remove {}: {error}", hold.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_a_declared_cgroup_is_its_place() {
        assert_eq!(place("/agents.slice/research", false), "/agents.slice");
        assert_eq!(place("/a/b/c", false), "/a/b");
        assert_eq!(place("/research", false), "/");
    }

    #[test]
    fn with_systemd_only_what_lasts_is_a_place() {
        assert_eq!(place("/system.slice/x.service", true), "/system.slice");
        assert_eq!(place("/system.slice", true), "/");
        assert_eq!(place("/agents.slice/research", true), "/");
    }

    #[test]
    fn a_place_stays_while_an_instance_needs_it() {
        let text = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let before = text(&["/own", "/old", "/older"]);
        let running = text(&["/old/research", "/own/bot.1"]);
        let now = places("/own", std::iter::empty(), &before, &running);
        assert_eq!(now, text(&["/old", "/own"]).into_iter().collect());
        let wider = Matches {
            cgroups: text(&["/research"]),
            ..Matches::default()
        };
        let now = places("/own", std::iter::once(&wider), &before, &running);
        assert_eq!(now, text(&["/"]).into_iter().collect());
    }

    #[test]
    fn no_place_is_beneath_another() {
        let places = |list: &[&str]| outermost(&list.iter().map(|it| (*it).to_owned()).collect());
        let of = |list: &[&str]| {
            list.iter()
                .map(|it| (*it).to_owned())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(places(&["/a", "/a/b", "/a/b/c", "/ab"]), of(&["/a", "/ab"]));
        assert_eq!(places(&["/", "/a", "/b/c"]), of(&["/"]));
        assert_eq!(places(&["/b", "/a-b"]), of(&["/a-b", "/b"]));
    }
}
