//! What TLS begins with, as a program of today sends it: as long, and with the name where it is.

/// Its bytes.
pub(super) const HELLO: usize = 517;

/// A `ClientHello` for a name: a record that holds a handshake, with random numbers that are none, one cipher, the name, the
/// version, and padding (RFC 8446, section 4.1.2; RFC 6066, section 3; RFC 7685).
pub(super) fn hello(name: &str) -> Vec<u8> {
    let mut list = vec![0];
    block(&mut list, 2, name.as_bytes());
    let mut names = Vec::new();
    block(&mut names, 2, &list);
    let mut extensions = Vec::new();
    extension(&mut extensions, 0, &names);
    extension(&mut extensions, 43, &[2, 3, 4]);
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    block(&mut body, 1, &[7; 32]);
    block(&mut body, 2, &[0x13, 1]);
    block(&mut body, 1, &[0]);
    // The record's header, the handshake's, the length of the extensions, and the header of the last.
    let rest = HELLO - 5 - 4 - body.len() - 2 - extensions.len() - 4;
    extension(&mut extensions, 21, &vec![0; rest]);
    block(&mut body, 2, &extensions);
    let mut handshake = vec![1];
    block(&mut handshake, 3, &body);
    let mut record = vec![22, 3, 1];
    block(&mut record, 2, &handshake);
    record
}

fn extension(to: &mut Vec<u8>, kind: u16, data: &[u8]) {
    to.extend(kind.to_be_bytes());
    block(to, 2, data);
}

/// Appends bytes behind their number, which takes `width` bytes.
fn block(to: &mut Vec<u8>, width: usize, data: &[u8]) {
    let length = (data.len() as u64).to_be_bytes();
    to.extend(&length[8 - width..]);
    to.extend(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_long_as_it_says() {
        let hello = hello("far.bench.example");
        assert_eq!(hello.len(), HELLO);
        assert_eq!(hello[3..5], 512_u16.to_be_bytes());
        assert_eq!(hello[6..9], [0, 1, 252]);
    }
}
