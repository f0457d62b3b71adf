//! Bytes as dialogs write them: `\r`, `\n`, `\0`, `\\` and `\xHH`.

pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        (bytes, rest) = match (first, tail) {
            (b'\\', [b'r', tail @ ..]) => ([bytes, b"\r".to_vec()].concat(), tail),
            (b'\\', [b'n', tail @ ..]) => ([bytes, b"\n".to_vec()].concat(), tail),
            (b'\\', [b'0', tail @ ..]) => ([bytes, b"\0".to_vec()].concat(), tail),
            (b'\\', [b'\\', tail @ ..]) => ([bytes, b"\\".to_vec()].concat(), tail),
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let hex = String::from_utf8(vec![*high, *low]).unwrap();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
                (bytes, tail)
            }
            (byte, tail) => {
                bytes.push(*byte);
                (bytes, tail)
            }
        };
    }
    bytes
}

pub(crate) fn escape(bytes: Vec<u8>) -> String {
    bytes.escape_ascii().to_string()
}
