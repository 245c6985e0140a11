//! `agentguard tail --follow`.

use std::{
    fs,
    io::{self, Write},
};

use agentguard::cli::tail::{TailError, TailOptions, tail};

use super::tail::{agents, append, line, log, options, shown};

#[test]
fn following_survives_rotation_truncation_and_absence() {
    let (directory, path) = log();
    let rotated = directory.path().join("v.jsonl.1");
    let steps: Vec<Box<dyn FnOnce()>> = vec![
        Box::new(|| {}),
        Box::new(|| append(&path, &line(1))),
        Box::new(|| append(&path, line(2).trim_end())),
        Box::new(|| append(&path, "\n")),
        // Written by whoever still has the old file open.
        Box::new(|| {
            fs::rename(&path, &rotated).unwrap();
            append(&rotated, &line(3));
        }),
        Box::new(|| append(&rotated, &line(4))),
        Box::new(|| {
            append(&rotated, &line(5));
            append(&path, &(line(6) + &line(7)));
        }),
        Box::new(|| fs::write(&path, line(8)).unwrap()),
        Box::new(|| {
            fs::remove_file(&path).unwrap();
            append(&path, &line(9));
        }),
        Box::new(|| append(&path, &line(10))),
    ];
    let follow = TailOptions {
        follow: true,
        ..options(&path)
    };
    let expected: Vec<_> = (1..=10).map(|n| format!("a{n}")).collect();
    assert_eq!(agents(&shown(&follow, steps)), expected);
}

#[test]
fn following_starts_with_the_last_lines() {
    let (_directory, path) = log();
    fs::write(
        &path,
        (1..=30).map(line).collect::<String>() + line(31).trim_end(),
    )
    .unwrap();
    let follow = TailOptions {
        follow: true,
        lines: 3,
        ..options(&path)
    };
    let steps: Vec<Box<dyn FnOnce()>> =
        vec![Box::new(|| append(&path, &format!("\n{}", line(32))))];
    assert_eq!(
        agents(&shown(&follow, steps)),
        ["a28", "a29", "a30", "a31", "a32"]
    );
}

/// A reader that has gone.
struct Gone(io::ErrorKind);

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn only_a_reader_that_has_gone_is_no_error() {
    let (_directory, path) = log();
    fs::write(&path, line(1)).unwrap();
    let follow = TailOptions {
        follow: true,
        ..options(&path)
    };
    let mut wait = || panic!("it goes on without a reader");
    tail(&follow, &mut Gone(io::ErrorKind::BrokenPipe), &mut wait).unwrap();
    let error = tail(&follow, &mut Gone(io::ErrorKind::StorageFull), &mut wait).unwrap_err();
    assert!(matches!(error, TailError::Write(_)), "{error}");
}
