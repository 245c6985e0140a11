//! Many agents that know many addresses: what that costs one of them, and the kernel.
//! `cargo test --release -p agentguard --lib -- --ignored --nocapture --test-threads 1 crowd`.

use std::net::TcpListener;

use agentguard_common::{address::Address, scope::FLAG_NAMES};

use super::{
    agent::run,
    names::{SECOND, boot_ns},
    stage::{AGENT, Stage, rule, scope},
};

const AGENTS: u32 = 1000;
const ADDRESSES: u32 = 10_000;
/// Connections in a measurement.
const COUNT: u32 = 50;

#[test]
#[ignore = "a measurement, for a machine that does nothing else; it takes two gigabytes of the kernel's memory"]
fn crowd() {
    let listener = TcpListener::bind("127.0.0.79:0").unwrap();
    let to = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let mut stage = Stage::new(to.port());
    let later = boot_ns() + 3600 * SECOND;
    let own = Address::from_v4(0x7f00_004f);
    assert!(stage.names().learn(&own, rule(), later).unwrap());
    let measure = |stage: &Stage| -> u64 {
        let said = run(&stage.cgroup.0, &format!("connects {to} {COUNT}"));
        said[0].parse().unwrap()
    };
    let alone = measure(&stage);

    let scope = scope(to.port(), FLAG_NAMES);
    let all: Vec<_> = (AGENT..AGENTS).map(|agent| (agent, &scope)).collect();
    stage.tables.install(&all, |_| Ok(())).unwrap();
    let memory = |stage: &Stage| -> u64 {
        let tables = (AGENT..AGENTS).map(|agent| stage.tables.names(agent).unwrap().unwrap());
        tables.map(|table| table.memory()).sum()
    };
    let empty = memory(&stage);
    for agent in AGENT..AGENTS {
        let table = stage.tables.names(agent).unwrap().unwrap();
        assert!(table.learn(&own, rule(), later).unwrap());
        for number in 1..ADDRESSES {
            let address = Address::from_v4(0x0800_0000 + number);
            assert!(table.learn(&address, rule(), later).unwrap());
        }
        assert_eq!(table.len(), ADDRESSES as usize);
    }
    let (crowded, full) = (measure(&stage), memory(&stage));
    let again = measure(&stage);
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52 ns")]
    let ratio = crowded.min(again) as f64 / alone as f64;
    println!(
        "{AGENTS} agents with {ADDRESSES} addresses each: connect {ratio:.3} of alone ({} ns); \
         tables {} MB empty, {} MB full",
        alone / u64::from(COUNT),
        empty >> 20,
        full >> 20,
    );
    assert!(ratio < 1.05, "{ratio}");
}
