//! systemd, played by the other end of a socket pair.

use std::sync::{Arc, Mutex};

use tokio::net::UnixStream;
use zbus::{connection::Builder, object_server::SignalEmitter};

use super::*;

type Properties = Vec<(String, OwnedValue)>;

/// Plays systemd: ends every job, before it answers, with the same result.
struct Fake {
    result: &'static str,
    started: Arc<Mutex<Vec<(String, String, Properties)>>>,
}

impl Fake {
    async fn end(&self, emitter: &SignalEmitter<'_>, unit: &str) -> OwnedObjectPath {
        let job = OwnedObjectPath::try_from("/org/freedesktop/systemd1/job/7").unwrap();
        let other = OwnedObjectPath::try_from("/org/freedesktop/systemd1/job/6").unwrap();
        Self::job_removed(emitter, 6, other, "other.service", "failed")
            .await
            .unwrap();
        Self::job_removed(emitter, 7, job.clone(), unit, self.result)
            .await
            .unwrap();
        job
    }
}

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Fake {
    #[expect(clippy::unused_self, reason = "the interface has it so")]
    fn subscribe(&self) {}

    async fn start_transient_unit(
        &self,
        name: String,
        mode: String,
        properties: Properties,
        auxiliary: Vec<(String, Properties)>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<OwnedObjectPath> {
        if self.result == "exists" {
            return Err(zbus::fdo::Error::FileExists(format!(
                "Unit {name} already exists."
            )));
        }
        assert!(auxiliary.is_empty());
        let job = self.end(&emitter, &name).await;
        self.started.lock().unwrap().push((name, mode, properties));
        Ok(job)
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

type Started = Arc<Mutex<Vec<(String, String, Properties)>>>;

async fn fake(result: &'static str) -> (Systemd, Connection, Started) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let started = Started::default();
    let manager = Fake {
        result,
        started: Arc::clone(&started),
    };
    let server = Builder::unix_stream(theirs)
        .server(zbus::Guid::generate())
        .unwrap()
        .p2p()
        .serve_at("/org/freedesktop/systemd1", manager)
        .unwrap()
        .build();
    let client = Builder::unix_stream(ours).p2p().build();
    let (server, client) = tokio::join!(server, client);
    (
        Systemd::over(client.unwrap(), Instant::now() + TIME)
            .await
            .unwrap(),
        server.unwrap(),
        started,
    )
}

#[test]
fn plans_name_the_cgroup_before_it_exists() {
    let plan = ScopePlan::new("research-bot", 42);
    assert_eq!(plan.unit(), "agentguard-research-bot-42.scope");
    assert_eq!(
        plan.cgroup(),
        "/agentguard.slice/agentguard-research-bot-42.scope"
    );
    let longest = ScopePlan::new(&"a".repeat(63), u64::MAX);
    assert!(
        longest.unit().len() < 128,
        "systemd takes 255, agentguard 127 bytes"
    );
}

#[tokio::test]
async fn a_scope_is_started_with_the_process_in_it() {
    let (systemd, _server, started) = fake("done").await;
    systemd
        .start(&ScopePlan::new("bot", 1), 4321)
        .await
        .unwrap();
    let started = started.lock().unwrap();
    let scope = &started[0];
    assert_eq!(
        (scope.0.as_str(), scope.1.as_str()),
        ("agentguard-bot-1.scope", "fail")
    );
    let property = |name: &str| {
        let (_, value) = scope.2.iter().find(|(it, _)| it == name).unwrap();
        value.try_clone().unwrap()
    };
    assert_eq!(Vec::<u32>::try_from(property("PIDs")).unwrap(), [4321]);
    assert_eq!(
        String::try_from(property("Slice")).unwrap(),
        "agentguard.slice"
    );
    assert_eq!(
        Vec::<String>::try_from(property("After")).unwrap(),
        ["agentguard.service"]
    );
    assert_eq!(
        String::try_from(property("CollectMode")).unwrap(),
        "inactive-or-failed"
    );
}

#[tokio::test]
async fn a_job_that_fails_is_an_error() {
    let (systemd, _server, _) = fake("canceled").await;
    let error = systemd
        .start(&ScopePlan::new("bot", 1), 1)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "systemd could not start agentguard-bot-1.scope: canceled; \
         see `systemctl status agentguard-bot-1.scope`"
    );
}

#[tokio::test]
async fn a_refusal_is_an_error() {
    let (systemd, _server, _) = fake("exists").await;
    let error = systemd
        .start(&ScopePlan::new("bot", 1), 1)
        .await
        .unwrap_err();
    assert!(matches!(&error, SystemdError::Refused { unit, .. } if unit.contains("bot-1")));
    assert!(error.to_string().contains("already exists"), "{error}");
}

#[tokio::test]
async fn a_bus_that_is_gone_is_an_error() {
    let (systemd, server, _) = fake("done").await;
    server.close().await.unwrap();
    systemd
        .start(&ScopePlan::new("bot", 1), 1)
        .await
        .unwrap_err();
}

/// Handlers of the control API run on their own tasks.
#[test]
fn futures_can_move_between_threads() {
    fn assert_send<T: Send>(_: impl Fn(Systemd) -> T) {}
    assert_send(|systemd| async move { systemd.start(&ScopePlan::new("bot", 1), 1).await });
}
