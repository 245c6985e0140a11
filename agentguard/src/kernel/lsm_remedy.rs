//! How a security module is added to the active ones, by distribution.

use std::fs;

/// How this kernel was booted.
#[derive(Debug, Default)]
pub(super) struct Boot {
    /// The value of `lsm=` on its command line, if that is there.
    lsm: Option<String>,
}

impl Boot {
    /// That of the running kernel. What cannot be read is taken for absent: it only words a remedy.
    pub(super) fn read() -> Self {
        Self::of(&fs::read_to_string("/proc/cmdline").unwrap_or_default())
    }

    fn of(line: &str) -> Self {
        // The last one counts.
        let mut words = line.split_whitespace().rev();
        let lsm = words.find_map(|word| word.strip_prefix("lsm="));
        Self {
            lsm: lsm.map(str::to_owned),
        }
    }
}

/// What the remedy depends on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Distribution {
    /// `ID`, then the words of `ID_LIKE`.
    ids: Vec<String>,
    /// Whether its files come as an image, with rpm-ostree.
    is_ostree: bool,
}

/// Where a distribution has the kernel's command line, and what puts a change of it in force.
/// `{}` stands for the parameter.
const PLACES: &[(&[&str], &str)] = &[
    (
        &["raspbian"],
        "add {} to the line in /boot/firmware/cmdline.txt",
    ),
    (
        &["debian", "ubuntu"],
        "add {} to GRUB_CMDLINE_LINUX in /etc/default/grub, and run update-grub",
    ),
    (
        &["fedora", "rhel", "centos", "amzn"],
        "run grubby --update-kernel=ALL --args=\"{}\"",
    ),
    (
        &["opensuse", "suse", "sles"],
        "add {} to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, and run \
         grub2-mkconfig -o /boot/grub2/grub.cfg",
    ),
    (
        &["arch"],
        "add {} to the line \"options\" of /boot/loader/entries/*.conf (systemd-boot), or to \
         GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, and run grub-mkconfig -o \
         /boot/grub/grub.cfg (GRUB)",
    ),
    (
        &["alpine"],
        "add {} to default_kernel_opts in /etc/update-extlinux.conf, and run update-extlinux \
         (extlinux), or to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, and run grub-mkconfig \
         -o /boot/grub/grub.cfg (GRUB)",
    ),
    (
        &["gentoo"],
        "add {} to GRUB_CMDLINE_LINUX in /etc/default/grub, and run grub-mkconfig -o \
         /boot/grub/grub.cfg",
    ),
    (
        &["nixos"],
        "add \"{}\" to boot.kernelParams in /etc/nixos/configuration.nix, and run nixos-rebuild boot",
    ),
];

/// For every other distribution.
const ELSEWHERE: &str = "add {} to the kernel's command line, where the boot loader has it";
/// For images with rpm-ostree, whatever they are called.
const OSTREE: &str = "run rpm-ostree kargs --append-if-missing={}";

impl Distribution {
    /// The running one.
    pub(super) fn read() -> Self {
        // `/usr/lib` is where the former is a link to, and where it is if /etc is empty.
        let read = |path| fs::read_to_string(path).ok();
        Self::of(
            &read("/etc/os-release")
                .or_else(|| read("/usr/lib/os-release"))
                .unwrap_or_default(),
        )
    }

    /// That of a text as in os-release(5).
    pub(super) fn of(text: &str) -> Self {
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .map(unquoted)
        };
        let ids = [value("ID"), value("ID_LIKE")];
        Self {
            ids: ids
                .iter()
                .flatten()
                .flat_map(|value| value.split_whitespace())
                .map(str::to_ascii_lowercase)
                .collect(),
            is_ostree: value("OSTREE_VERSION").is_some(),
        }
    }

    fn place(&self) -> &'static str {
        if self.is_ostree {
            return OSTREE;
        }
        // openSUSE calls itself opensuse-leap, opensuse-tumbleweed and so on.
        let is = |id: &str, name: &str| id == name || id.starts_with(&format!("{name}-"));
        // Its own name first, then those that it is like.
        let place = self.ids.iter().find_map(|id| {
            PLACES
                .iter()
                .find(|(names, _)| names.iter().any(|name| is(id, name)))
        });
        place.map_or(ELSEWHERE, |(_, place)| place)
    }

    /// How a module is added to the active ones, which are not known if `active` is empty.
    pub(super) fn add_module(&self, module: &str, active: &str, boot: &Boot) -> String {
        // What the command line says already counts more than what became of it: a module that is
        // named there and not active is not built into this kernel.
        let before = boot.lsm.as_deref().unwrap_or(active);
        let parameter = match (before, &boot.lsm) {
            // Alone it would switch the others off.
            ("", None) => format!("lsm=…,{module} (… is what /sys/kernel/security/lsm lists)"),
            ("", Some(_)) => format!("lsm={module}"),
            (before, _) => format!("lsm={before},{module}"),
        };
        let instead = match &boot.lsm {
            Some(old) => format!(" in place of lsm={old}"),
            None => String::new(),
        };
        let place = self.place().replace("{}", &parameter);
        format!("{place}{instead}, and boot again")
    }
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distribution_has_its_own_place() {
        for (release, expected) in [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n",
                "add lsm=capability,bpf to GRUB_CMDLINE_LINUX in /etc/default/grub, and run update-grub, and boot again",
            ),
            ("ID=ubuntu\nID_LIKE=debian\n", "update-grub"),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                "/etc/default/grub, and run update-grub",
            ),
            (
                "ID=raspbian\nID_LIKE=debian\n",
                "/boot/firmware/cmdline.txt",
            ),
            (
                "ID=fedora\n",
                "run grubby --update-kernel=ALL --args=\"lsm=capability,bpf\", and boot again",
            ),
            ("ID=\"rhel\"\nID_LIKE=\"fedora\"\n", "grubby"),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                "grubby --update-kernel=ALL",
            ),
            ("ID=\"amzn\"\nID_LIKE=\"fedora\"\n", "grubby"),
            (
                "ID=fedora\nVARIANT_ID=coreos\nOSTREE_VERSION='40.2'\n",
                "rpm-ostree kargs --append-if-missing=lsm=capability,bpf, and boot again",
            ),
            (
                "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n",
                "grub2-mkconfig -o /boot/grub2/grub.cfg",
            ),
            ("ID=\"sles\"\nID_LIKE=\"suse\"\n", "grub2-mkconfig"),
            ("ID=arch\n", "/boot/loader/entries/*.conf (systemd-boot)"),
            ("ID=manjaro\nID_LIKE=arch\n", "systemd-boot"),
            ("ID=alpine\n", "update-extlinux"),
            ("ID=gentoo\n", "GRUB_CMDLINE_LINUX"),
            ("ID=nixos\n", "boot.kernelParams"),
            (
                "ID=plan9\n",
                "add lsm=capability,bpf to the kernel's command line, where the boot loader has it, and boot again",
            ),
            ("", "where the boot loader has it"),
            // What it is like must not be found in the middle of a word.
            ("ID=archangel\n", "where the boot loader has it"),
        ] {
            let remedy =
                Distribution::of(release).add_module("bpf", "capability", &Boot::default());
            assert!(remedy.contains(expected), "{release}: {remedy}");
            assert!(remedy.lines().count() == 1 && remedy.ends_with(", and boot again"));
        }
    }

    #[test]
    fn what_the_command_line_says_is_kept() {
        let boot = Boot::of("root=/dev/vda lsm=landlock,yama quiet\n");
        let remedy = Distribution::of("ID=debian").add_module("bpf", "capability,yama", &boot);
        assert!(
            remedy.starts_with("add lsm=landlock,yama,bpf to GRUB")
                && remedy.contains("in place of lsm=landlock,yama"),
            "{remedy}"
        );
        let remedy = Distribution::of("ID=debian").add_module("bpf", "", &Boot::default());
        assert!(remedy.contains("lsm=…,bpf"), "{remedy}");
        // The last one counts, and an empty one is one.
        let boot = Boot::of("lsm=yama lsm=\n");
        let remedy = Distribution::of("ID=debian").add_module("bpf", "capability", &boot);
        assert!(
            remedy.starts_with("add lsm=bpf to GRUB") && remedy.contains("in place of lsm=,"),
            "{remedy}"
        );
    }
}
