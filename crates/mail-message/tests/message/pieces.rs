//! Near-mail for property tests.

use proptest::prelude::*;

/// Pieces of mail in any order: near enough to mail to get anywhere.
pub(crate) fn mail() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(&b"Content-Type: multipart/mixed; boundary=x\r\n"[..]),
        Just(&b"Content-Type: multipart/alternative; boundary=\"x--\"\r\n\r\n"[..]),
        Just(&b"Content-Type: multipart/digest; boundary*0=y; boundary*1=z\r\n\r\n"[..]),
        Just(&b"Content-Type: message/rfc822\r\n"[..]),
        Just(&b"Content-Type: text/html; charset=utf-16\r\n"[..]),
        Just(&b"Content-Transfer-Encoding: base64\r\n"[..]),
        Just(&b"Content-Transfer-Encoding: quoted-printable\r\n"[..]),
        Just(&b"Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1*=%A9\r\n"[..]),
        Just(&b"Subject: =?utf-8?b?w6k=?= [x] Re: (fwd)\r\n"[..]),
        Just(&b"From: g: \"a\" <@r:a@b.test>, (c) d;\r\n"[..]),
        Just(&b"Date: Tue, 24 Nov 2026 10:00:00 +0100\r\n"[..]),
        Just(&b"References: <a@b> <c@d\r\n"[..]),
        Just(&b"\r\n"[..]),
        Just(&b"\n"[..]),
        Just(&b"\r"[..]),
        Just(&b"--x\r\n"[..]),
        Just(&b"--x--\r\n"[..]),
        Just(&b"--x-- \n"[..]),
        Just(&b"--yz\n"[..]),
        Just(&b"--x----\r\n"[..]),
        Just(&b" folded\r\n"[..]),
        Just(&b"<p>caf&eacute;</p>\r\n"[..]),
        Just(&b"w6k=\r\n=C3=\r\n=A9\r\n"[..]),
        Just(&b"\xe9\xff\0"[..]),
    ];
    let any = proptest::collection::vec(any::<u8>(), 0..8);
    let any_piece = prop_oneof![8 => piece.prop_map(<[u8]>::to_vec), 1 => any];
    proptest::collection::vec(any_piece, 0..40).prop_map(|pieces| pieces.concat())
}
