//! Hellos of all kinds.

/// A hello to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) session: Vec<u8>,
    pub(crate) suites: Vec<u8>,
    pub(crate) compression: Vec<u8>,
    pub(crate) extensions: Option<Vec<(u16, Vec<u8>)>>,
    pub(crate) after: Vec<u8>,
}

impl Message {
    /// The bytes of the record, and what follows it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = [&[3, 3][..], &[9; 32]].concat();
        body.extend(vector(1, &self.session));
        body.extend(vector(2, &self.suites));
        body.extend(vector(1, &self.compression));
        if let Some(extensions) = &self.extensions {
            let extensions: Vec<u8> = extensions
                .iter()
                .flat_map(|(kind, body)| [&kind.to_be_bytes()[..], &vector(2, body)].concat())
                .collect();
            body.extend(vector(2, &extensions));
        }
        let message = [&[1][..], &vector(3, &body)].concat();
        [&[22, 3, 1][..], &vector(2, &message), &self.after].concat()
    }
}

/// Bytes with their length before them, a number of so many bytes.
pub(crate) fn vector(width: usize, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    [&length[length.len() - width..], bytes].concat()
}

/// The extension of a server name.
pub(crate) fn server_name(name: &[u8]) -> (u16, Vec<u8>) {
    (0, vector(2, &[&[0][..], &vector(2, name)].concat()))
}
