//! RFC 6376: signatures over messages.

pub(crate) mod canonical;
pub(crate) mod observe;
pub(crate) mod sign;
pub(crate) mod verify;

/// RFC 6376 §3.2 `tag-list`: names and values without the white space around them.
pub(crate) fn tags(list: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    list.split(|&byte| byte == b';').filter_map(|tag| {
        let equals = tag.iter().position(|&byte| byte == b'=')?;
        Some((tag[..equals].trim_ascii(), tag[equals + 1..].trim_ascii()))
    })
}
