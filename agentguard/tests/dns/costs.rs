//! What an answer costs: `cargo test --release -p agentguard --test dns -- --ignored --nocapture costs`.

use std::{
    net::UdpSocket,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::sys::socket::{setsockopt, sockopt};

use crate::{
    fakes::A,
    stage::{Stage, config, question},
    zone::{Script, record, reply, zone},
};

/// Runs the resolver on two threads of its own.
fn stage(script: Script) -> (tokio::runtime::Runtime, Stage) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let limits = agentguard::dns::Limits {
        forwarded: 1_000_000,
        ..agentguard::dns::Limits::default()
    };
    let stage = runtime.block_on(Stage::with(
        script,
        agentguard::dns::Config { limits, ..config() },
    ));
    (runtime, stage)
}

fn client(server: std::net::SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    // What is lost is lost by the resolver.
    setsockopt(&socket, sockopt::RcvBufForce, &(16 << 20))
        .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &(16 << 20)))
        .unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    socket
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn round_trip(socket: &UdpSocket, name: &str) -> Duration {
    let mut buffer = [0; 4096];
    let message = question(name, A);
    let begun = Instant::now();
    socket.send(&message).unwrap();
    let length = socket.recv(&mut buffer).unwrap();
    let took = begun.elapsed();
    assert_eq!(
        buffer[6..8],
        [0, 1],
        "an address in {:?}",
        &buffer[..length]
    );
    took
}

fn round_trips(socket: &UdpSocket, count: usize, name: &str) -> Duration {
    median((0..count).map(|_| round_trip(socket, name)).collect())
}

/// Each name has an address of its own, so that each is learned.
fn addresses() -> Script {
    let number = std::sync::atomic::AtomicU32::new(0);
    Arc::new(move |question, _| {
        let mut reply = reply(question);
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let address = std::net::Ipv4Addr::from_bits(0x0800_0000 + number);
        let owner = question.queries[0].name().clone();
        reply.add_answer(record(&owner, 300, &address.to_string()));
        vec![reply.to_vec().unwrap()]
    })
}

#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn latency() {
    const NAMES: usize = 5000;
    let (_runtime, stage) = stage(addresses());
    let socket = client(stage.v4);
    round_trips(&socket, 100, "a.example");
    let cached = round_trips(&socket, NAMES, "a.example");
    // Names that are asked for the first time, in turn with the server itself, so that whatever else the machine does
    // slows both: the difference is what we add.
    let server = client(stage.upstream.address);
    let (mut through, mut direct) = (Vec::new(), Vec::new());
    for number in 0..NAMES {
        let name = format!("n{number}.example");
        through.push(round_trip(&socket, &name));
        direct.push(round_trip(&server, &name));
    }
    assert_eq!(
        stage.agent.known_count(),
        (NAMES + 1, NAMES + 1),
        "all are learned"
    );
    let (through, direct) = (median(through), median(direct));
    println!("cached {cached:?}, through {through:?}, direct {direct:?}");
    let added = through
        .checked_sub(direct)
        .expect("no server is slower than itself and a resolver before it");
    assert!(cached <= Duration::from_micros(60), "{cached:?}");
    assert!(added <= Duration::from_micros(100), "{added:?}");
}

#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn throughput() {
    const QUESTIONS: u32 = 100_000;
    const PER_SECOND: u32 = 20_000;
    let (_runtime, stage) = stage(Arc::new(zone));
    let socket = Arc::new(client(stage.v4));
    round_trips(&socket, 100, "a.example");
    let receiver = {
        let socket = Arc::clone(&socket);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            (0..QUESTIONS)
                .take_while(|_| socket.recv(&mut buffer).is_ok())
                .count()
        })
    };
    let message = question("a.example", A);
    let begun = Instant::now();
    for number in 0..QUESTIONS {
        // In bursts of a millisecond.
        if number % (PER_SECOND / 1000) == 0 {
            let due = Duration::from_secs(1) * number / PER_SECOND;
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        socket.send(&message).unwrap();
    }
    let took = begun.elapsed();
    let answered = receiver.join().unwrap();
    println!(
        "{answered} of {QUESTIONS} answered, {:.0}/s",
        f64::from(QUESTIONS) / took.as_secs_f64()
    );
    println!("{:?}", stage.agent.stats());
    assert_eq!(answered, QUESTIONS as usize);
}
