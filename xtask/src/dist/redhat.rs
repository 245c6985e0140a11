//! Packages in the format of RPM.

use anyhow::{Context as _, Result};
use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileOptions, PackageBuilder};

use super::{
    Build, DESCRIPTION, HOMEPAGE, MAINTAINER, NAME, SUMMARY,
    contents::{Content, Entry},
    scripts, version,
};

/// Under this directory are what RPM calls documents.
const DOC: &str = "/usr/share/doc/";
const MANUALS: &str = "/usr/share/man/";

/// The package of these entries.
pub(super) fn package(entries: &[Entry], build: Build, arch: &str) -> Result<Vec<u8>> {
    let licence = env!("CARGO_PKG_LICENSE");
    let mut package = PackageBuilder::new(NAME, &version(), licence, arch, SUMMARY);
    let config = BuildConfig::default()
        .compression(CompressionWithLevel::Gzip(9))
        .source_date(build.moment.0);
    package
        .using_config(config)
        .release(build.revision.to_string())
        .description(DESCRIPTION.join("\n"))
        .url(HOMEPAGE)
        .packager(MAINTAINER)
        .build_host("localhost")
        .recommends(Dependency::any("systemd"))
        .post_install_script(scripts::get("packaging/rpm/post")?)
        .pre_uninstall_script(scripts::get("packaging/rpm/preun")?)
        .post_uninstall_script(scripts::get("packaging/rpm/postun")?);
    for entry in entries {
        add(&mut package, entry).with_context(|| format!("cannot package {}", entry.path))?;
    }
    let mut bytes = Vec::new();
    let package = package.build().context("cannot make the RPM")?;
    package.write(&mut bytes).context("cannot make the RPM")?;
    Ok(bytes)
}

fn add(package: &mut PackageBuilder, entry: &Entry) -> Result<(), rpm::Error> {
    let path = entry.path.as_str();
    let file = |mode| {
        let options = FileOptions::new(path).permissions(mode);
        if path.starts_with(DOC) || path.starts_with(MANUALS) {
            return options.doc();
        }
        options
    };
    match &entry.content {
        Content::Program(content) => package.with_file_contents(content.clone(), file(0o755))?,
        Content::Document(content) => package.with_file_contents(content.clone(), file(0o644))?,
        Content::Directory => package.with_dir_entry(FileOptions::dir(path).permissions(0o755))?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use rpm::FileMode;

    use super::{Content, Entry, package};
    use crate::dist::{Build, moment::Moment};

    #[test]
    fn modes_owners_and_scripts_are_in_it() {
        let entry = |path: &str, content| Entry {
            path: path.to_owned(),
            content,
        };
        let entries = [
            entry("/etc/agentguard", Content::Directory),
            entry("/usr/bin/agentguard", Content::Program(vec![7; 10])),
            entry("/usr/share/doc/agentguard/text", Content::Document(vec![])),
        ];
        let build = Build {
            revision: 3,
            moment: Moment::ANY,
        };
        let bytes = package(&entries, build, "x86_64").unwrap();
        assert!(
            bytes == package(&entries, build, "x86_64").unwrap(),
            "the same is the same"
        );
        let read = rpm::Package::parse(&mut &bytes[..]).unwrap();
        read.verify_digests().unwrap();
        let metadata = &read.metadata;
        assert_eq!(metadata.get_release().unwrap(), "3");
        let files = metadata.get_file_entries().unwrap();
        let found: Vec<_> = files
            .iter()
            .map(|file| {
                let owner = (file.user(), file.group());
                assert_eq!(owner, ("root", "root"));
                (file.path().to_str().unwrap().to_owned(), file.mode())
            })
            .collect();
        assert_eq!(
            found,
            [
                ("/etc/agentguard".to_owned(), FileMode::dir(0o755)),
                ("/usr/bin/agentguard".to_owned(), FileMode::regular(0o755)),
                (
                    "/usr/share/doc/agentguard/text".to_owned(),
                    FileMode::regular(0o644)
                ),
            ]
        );
        let script = metadata.get_pre_uninstall_script().unwrap().script;
        assert!(
            script.starts_with("#!/bin/sh\n") && script.contains("removing"),
            "{script}"
        );
    }
}
