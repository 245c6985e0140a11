//! A daemon's programs and the workers that they are measured with.

use super::{
    Options,
    case::Case,
    link::{FAR, Link},
    operation::Operation,
    server::Servers,
    switch::Switch,
    worker::{WORKER, Worker},
};
use crate::{
    daemon::{Daemon, Settings},
    error::{Context, Outcome},
    host::{self, cgroup::Cgroup},
};

/// Everything that a measurement needs.
pub(super) struct Stage {
    workers: Vec<(Case, Worker)>,
    switch: Switch,
    _daemon: Daemon,
    _cgroups: [Cgroup; 3],
    _servers: Servers,
    _link: Link,
}

impl Stage {
    pub(super) fn new(options: &Options) -> Outcome<Self> {
        let link = Link::new()?;
        let servers = Servers::start(&link)?;
        let name = host::own_name();
        // The daemon puts a cgroup of its own there, too, which goes with it.
        let place = Cgroup::create(&format!("/{name}-place"))?;
        let beneath = Cgroup::create(&format!("{}/untagged", place.path()))?;
        let outside = Cgroup::create(&format!("/{name}-outside"))?;
        let scopes: Vec<_> = Case::ALL
            .into_iter()
            .filter_map(Case::agent)
            .map(|(agent, rules)| (agent, scope(agent, rules)))
            .chain([("declared", declared(place.path()))])
            .collect();
        let scopes: Vec<_> = scopes
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let mut daemon = Daemon::start(Settings::new(&options.agentguard), &scopes)?;
        let program = std::env::current_exe().context("find the own program")?;
        let mut workers = Vec::new();
        for case in Case::ALL {
            let mut command = match case.agent() {
                Some((agent, _)) => daemon.run_as(agent, &link.near, &program),
                None => link.near.command(&program),
            };
            command.arg(WORKER);
            match case {
                Case::Untagged | Case::Empty => beneath.place(&mut command)?,
                Case::Outside | Case::Control => outside.place(&mut command)?,
                Case::FewRules | Case::ManyRules => {}
            }
            workers.push((case, Worker::start(command)?));
        }
        let switch = Switch::take(daemon.pid(), &options.only)?;
        daemon.kill()?;
        Ok(Self {
            workers,
            switch,
            _daemon: daemon,
            _cgroups: [beneath, place, outside],
            _servers: servers,
            _link: link,
        })
    }

    /// The workers, and what is switched between their measurements.
    pub(super) fn parts(&mut self) -> (&mut [(Case, Worker)], &mut Switch) {
        (&mut self.workers, &mut self.switch)
    }
}

/// A scope with a declared cgroup: the daemon attaches its programs to the parent of that, `place`.
fn declared(place: &str) -> String {
    format!("[agent]\nname = \"declared\"\n\n[match]\ncgroups = [\"{place}/declared\"]\n")
}

/// A scope of so many rules; those that permit what is measured come last.
fn scope(agent: &str, rules: usize) -> String {
    let tcp = (Operation::Connect.port(), Operation::Bulk.port());
    let udp = (Operation::Datagram.port(), Operation::Delivery.port());
    let mut allow: Vec<_> = (0..rules - 2)
        .map(|number| format!("10.{}.{}.0/24:{}", number % 64, number, 4000 + number))
        .collect();
    allow.push(format!("{FAR}:{}-{}", tcp.0, tcp.1));
    allow.push(format!("udp://{FAR}:{}-{}", udp.0, udp.1));
    format!("[agent]\nname = \"{agent}\"\n\n[network]\nallow = {allow:?}\n")
}
