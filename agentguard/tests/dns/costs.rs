//! What an answer costs: `cargo test --release -p agentguard --test dns -- --ignored --nocapture costs`.

use std::{
    net::UdpSocket,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    fakes::A,
    stage::{Stage, config, question},
    zone::zone,
};

/// Runs the resolver on two threads of its own.
fn stage() -> (tokio::runtime::Runtime, Stage) {
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
        Arc::new(zone),
        agentguard::dns::Config { limits, ..config() },
    ));
    (runtime, stage)
}

fn client(server: std::net::SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    socket
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn round_trips(socket: &UdpSocket, count: usize, name: impl Fn(usize) -> String) -> Duration {
    let mut buffer = [0; 4096];
    let times = (0..count).map(|number| {
        let message = question(&name(number), A);
        let begun = Instant::now();
        socket.send(&message).unwrap();
        socket.recv(&mut buffer).unwrap();
        begun.elapsed()
    });
    median(times.collect())
}

#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn latency() {
    let (_runtime, stage) = stage();
    let socket = client(stage.v4);
    round_trips(&socket, 100, |_| "a.example".into());
    let cached = round_trips(&socket, 5000, |_| "a.example".into());
    // A name that is asked for the first time, and the server itself: the difference is what we add.
    let through = round_trips(&socket, 3000, |number| format!("n{number}.example"));
    let direct = round_trips(&client(stage.upstream.address), 3000, |number| {
        format!("n{number}.example")
    });
    let added = through.saturating_sub(direct);
    println!("cached {cached:?}, through {through:?}, direct {direct:?}, added {added:?}");
    assert!(cached <= Duration::from_micros(60), "{cached:?}");
    assert!(added <= Duration::from_micros(100), "{added:?}");
}

#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn throughput() {
    const QUESTIONS: u32 = 100_000;
    const PER_SECOND: u32 = 20_000;
    let (_runtime, stage) = stage();
    let socket = Arc::new(client(stage.v4));
    round_trips(&socket, 100, |_| "a.example".into());
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
    assert_eq!(answered, QUESTIONS as usize);
}
