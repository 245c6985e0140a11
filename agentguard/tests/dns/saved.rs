//! What is known over a restart of the daemon.

use std::{collections::HashMap, fs, os::unix::fs::PermissionsExt, sync::Arc};

use agentguard::dns::{Agent, RestoreError};

use crate::{
    fakes::{A, AGENT, Log, Names, Table, rules},
    stage::Stage,
};

fn again(stage: &Stage, names: Names) -> (Arc<Agent>, Arc<Table>) {
    let table = Arc::new(Table::default());
    let agent = Agent::new(
        AGENT,
        Arc::new(names),
        table.clone(),
        Arc::clone(&stage.resolver),
        Arc::new(Log::default()),
    );
    (agent, table)
}

#[tokio::test]
async fn what_was_known_is_known_again_by_the_rules_of_now() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("7.names");
    let stage = Stage::new().await;
    stage.ask("a.example", A).await;
    stage.ask("alias.example", A).await;
    stage.agent.save(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let (agent, table) = again(&stage, Names(HashMap::from([("a.example", 9)])));
    assert_eq!(agent.restore(&path).unwrap(), 2);
    assert_eq!(table.rules_of("192.0.2.1"), Some(rules(&[1, 9])));
    assert_eq!(
        table.expires_ns("192.0.2.9"),
        stage.table.expires_ns("192.0.2.9")
    );
    assert_eq!(table.names.lock().unwrap().len(), 2);
    assert_eq!(agent.known_count(), (2, 2));

    fs::remove_file(&path).unwrap();
    stage.agent.save(&path).unwrap();
    assert!(!path.exists(), "nothing has changed since");
}

#[tokio::test]
async fn a_file_that_is_not_as_it_was_written_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("7.names");
    let stage = Stage::new().await;
    let (agent, table) = again(&stage, Names::default());
    assert_eq!(agent.restore(&path).unwrap(), 0, "there is none");
    stage.ask("a.example", A).await;
    stage.agent.save(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let address = r#"["192.0.2.1","#;
    assert!(good.contains(address), "{good}");
    for bad in [
        String::new(),
        good[..good.len() / 2].to_owned(),
        good.replace("\"version\":1", "\"version\":2"),
        good.replace("a.example", "A.example"),
        good.replace("a.example", "a..example"),
        good.replace("192.0.2.1", "192.0.2.1000"),
        good.replace(address, r#"["192.0.2.1",9"#),
        good.replace("\"names\"", "\"more\":1,\"names\""),
        format!("{good}{{}}"),
    ] {
        fs::write(&path, &bad).unwrap();
        assert!(
            matches!(agent.restore(&path), Err(RestoreError::Damaged(_))),
            "{bad}"
        );
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fs::write(&path, good.replace(boot.trim(), "another")).unwrap();
    assert_eq!(
        agent.restore(&path).unwrap(),
        0,
        "times of another boot mean nothing"
    );
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(agent.restore(&link), Err(RestoreError::Read(_))));
    assert!(table.addresses.lock().unwrap().is_empty());
    fs::write(&path, &good).unwrap();
    assert_eq!(agent.restore(&path).unwrap(), 1);
}
