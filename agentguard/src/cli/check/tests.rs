//! What is found, as it is shown.

use std::fs;

use super::*;

struct Files {
    directory: tempfile::TempDir,
    paths: Vec<PathBuf>,
}

impl Files {
    fn new(texts: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = texts
            .iter()
            .zip('a'..)
            .map(|(text, name)| {
                let path = directory.path().join(format!("{name}.toml"));
                fs::write(&path, text).unwrap();
                path
            })
            .collect();
        Self { directory, paths }
    }

    /// The exit code and the output, without the directory.
    fn check(&self, json: bool) -> (ExitCode, String) {
        let mut out = Vec::new();
        let code = check(&self.paths, json, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        (
            code,
            out.replace(&format!("{}/", self.directory.path().display()), ""),
        )
    }
}

const GOOD: &str =
    "[agent]\nname = \"good\"\nrequire = [\"network\"]\n[network]\nallow = [\"10.0.0.1:443\"]\n";
const WIDE: &str = "[agent]\nname = \"wide\"\nrequire = [\"network\"]\n[network]\nallow = [\"127.0.0.1\", \"10.0.0.1\"]\n";
const BAD: &str = "[agent]\nname = \"bad\"\nmod = 1\n[network]\nallow = [\"10.0.0.1/8\"]\n";

#[test]
fn good_scopes_are_ok() {
    assert_eq!(
        Files::new(&[GOOD]).check(false),
        (
            ExitCode::Done,
            "a.toml: ok, agent good, 1 rule\n".to_owned()
        )
    );
    assert_eq!(
        Files::new(&[GOOD]).check(true),
        (
            ExitCode::Done,
            concat!(
                r#"{"ok":true,"files":[{"file":"a.toml","ok":true,"agent":"good","rules":1,"#,
                r#""errors":[],"warnings":[]}]}"#,
                "\n"
            )
            .to_owned()
        )
    );
}

#[test]
fn wide_scopes_are_ok_with_warnings() {
    let warning = r#""allow 127.0.0.1" permits every local service of this host"#;
    let files = Files::new(&[WIDE]);
    assert_eq!(
        files.check(false),
        (
            ExitCode::Done,
            format!("a.toml: ok, agent wide, 2 rules\na.toml:5:10: warning: {warning}\n")
        )
    );
    let (code, json) = files.check(true);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, ExitCode::Done);
    assert_eq!(json["files"][0]["warnings"][0]["line"], 5);
    assert_eq!(json["files"][0]["warnings"][0]["column"], 10);
    assert_eq!(json["files"][0]["warnings"][0]["message"], warning);
}

#[test]
fn names_of_other_letters_are_notes() {
    let scope = "[agent]\nname = \"a\"\nrequire = [\"network\"]\n[network]\n\
                 allow = [\"api.openai.com:443\", \"\u{430}pi.openai.com:443\"]\n";
    assert_eq!(
        Files::new(&[scope]).check(false),
        (
            ExitCode::Done,
            "a.toml: ok, agent a, 2 rules\n\
             a.toml:5:32: note: \"allow \u{430}pi.openai.com:443\" is xn--pi-6kc.openai.com\n"
                .to_owned()
        )
    );
}

#[test]
fn links_in_rules_are_notes() {
    let mut files = Files::new(&[]);
    let directory = files.directory.path().canonicalize().unwrap();
    std::os::unix::fs::symlink("real", directory.join("link")).unwrap();
    let (link, real) = (directory.join("link"), directory.join("real"));
    let file = directory.join("a.toml");
    let scope = format!("[agent]\nname = \"a\"\n[files]\ndeny = [{link:?}]\n");
    fs::write(&file, scope).unwrap();
    files.paths.push(file);
    let message = format!("\"deny {}\" is {}", link.display(), real.display());
    let mut out = Vec::new();
    assert_eq!(
        check(&files.paths, false, &mut out).unwrap(),
        ExitCode::Done
    );
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.ends_with(&format!("a.toml:4:9: note: {message}\n")),
        "{out}"
    );
    let (_, json) = files.check(true);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["files"][0]["notes"][0]["line"], 4);
}

#[test]
fn one_bad_scope_is_enough() {
    let files = Files::new(&[GOOD, BAD, ""]);
    let unknown = "unknown key \"mod\" in [agent]; expected name, owner, purpose, mode, \
                   profiles or require; did you mean \"mode\"?";
    let bits = "\"10.0.0.1/8\" has bits beyond its prefix; write \"10.0.0.0/8\" for the \
                prefix, or the address without a length";
    let missing = "the section [agent] is missing; add [agent] with name = \"research-bot\"";
    assert_eq!(
        files.check(false),
        (
            ExitCode::InvalidScope,
            format!(
                "a.toml: ok, agent good, 1 rule\nb.toml:3:1: {unknown}\nb.toml:5:11: {bits}\n\
                 c.toml:1:1: {missing}\n"
            )
        )
    );
    let (code, json) = files.check(true);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["ok"]), (ExitCode::InvalidScope, &false.into()));
    let errors = &json["files"][1]["errors"];
    assert_eq!(errors.as_array().unwrap().len(), 2);
    assert_eq!(
        (&errors[1]["line"], &errors[1]["column"]),
        (&5.into(), &11.into())
    );
    assert_eq!(errors[1]["message"], bits);
}

#[test]
fn conflicts_make_the_later_file_invalid() {
    let (code, text) = Files::new(&[GOOD, GOOD]).check(false);
    assert_eq!(code, ExitCode::InvalidScope);
    assert_eq!(
        text,
        "a.toml: ok, agent good, 1 rule\nb.toml:2:8: the agent \"good\" is declared already at \
         a.toml:2:8; give one of them another name, or merge the files\n"
    );
}

#[test]
fn a_file_that_cannot_be_read_has_no_line() {
    let mut out = Vec::new();
    let code = check(&[PathBuf::from("/nowhere/x.toml")], false, &mut out).unwrap();
    assert_eq!(code, ExitCode::InvalidScope);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "/nowhere/x.toml: cannot be read: No such file or directory (os error 2)\n"
    );
    let mut out = Vec::new();
    check(&[PathBuf::from("/nowhere/x.toml")], true, &mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert!(json["files"][0]["errors"][0].get("line").is_none());
}

#[test]
fn files_are_counted_and_profiles_named() {
    let files = Files::new(&[
        "[agent]\nname = \"a\"\nprofiles = [\"base\", \"shell\"]\n[network]\nallow = [\"10.0.0.1:443\"]\n\
         [files]\nread = [\"/srv/a\", \"/srv/b\"]\n",
    ]);
    assert_eq!(
        files.check(false),
        (
            ExitCode::Done,
            "a.toml: ok, agent a, 3 rules, with base, shell\n".to_owned()
        )
    );
    let (_, json) = files.check(true);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["files"][0]["profiles"],
        serde_json::json!(["base", "shell"])
    );
}

#[test]
fn warnings_about_a_scope_have_no_line() {
    let warning = "the scope confines neither files nor programs nor Unix sockets; add [files] or \
                   profiles, or require = [\"network\"] if that is meant";
    assert_eq!(
        Files::new(&["[agent]\nname = \"a\"\n"]).check(false),
        (
            ExitCode::Done,
            format!("a.toml: ok, agent a, 0 rules\na.toml: warning: {warning}\n")
        )
    );
}
