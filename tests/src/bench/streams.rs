//! What is done on streams, at both ends.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

/// What one operation of a bulk transfer writes, in bytes.
static CHUNK: [u8; 64 << 10] = [7; 64 << 10];

/// Makes connections, one after another.
pub(super) fn connect(to: SocketAddr, count: u64) -> io::Result<()> {
    for _ in 0..count {
        end(TcpStream::connect(to)?)?;
    }
    Ok(())
}

/// Waits for the server to close, which keeps its queue from filling up.
pub(super) fn end(mut stream: TcpStream) -> io::Result<()> {
    match stream.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(io::Error::other("the server speaks")),
    }
}

/// One byte there and one byte back, again and again.
pub(super) fn exchange(stream: &mut TcpStream, count: u64) -> io::Result<()> {
    let mut byte = [0];
    for _ in 0..count {
        stream.write_all(&[1])?;
        stream.read_exact(&mut byte)?;
    }
    Ok(())
}

/// The other end of an [exchange], once.
pub(super) fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    stream.write_all(&byte)
}

/// 64 KiB, again and again, and one byte back.
pub(super) fn pour(stream: &mut TcpStream, count: u64) -> io::Result<()> {
    let length = count * CHUNK.len() as u64;
    stream.write_all(&length.to_ne_bytes())?;
    for _ in 0..count {
        stream.write_all(&CHUNK)?;
    }
    stream.read_exact(&mut [0])
}

/// The other end of what is [poured](pour): reads a length, then that many bytes, then says that it has them all.
pub(super) fn swallow(stream: &mut TcpStream) -> io::Result<()> {
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    let mut rest = usize::try_from(u64::from_ne_bytes(length)).map_err(io::Error::other)?;
    let mut buffer = vec![0; 256 << 10];
    while rest > 0 {
        let wanted = rest.min(buffer.len());
        match stream.read(&mut buffer[..wanted])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => rest -= count,
        }
    }
    stream.write_all(&[1])
}
