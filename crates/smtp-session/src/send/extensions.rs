//! RFC 5321 §4.1.1.1: what a server offers in its reply to EHLO.

/// The extensions we use. Reading them again forgets the old ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// RFC 2920.
    pub(super) pipelining: bool,
    /// RFC 1870: the largest message, when there is a fixed limit.
    pub(super) size_max: Option<u64>,
    /// RFC 1870: whether MAIL takes SIZE.
    pub(super) size: bool,
    /// RFC 3207.
    pub(super) start_tls: bool,
    /// RFC 6152.
    pub(super) eight_bit_mime: bool,
    /// RFC 6531.
    pub(super) smtputf8: bool,
    /// RFC 3030.
    pub(super) chunking: bool,
    /// RFC 3461.
    pub(super) dsn: bool,
    /// RFC 4954 with RFC 4616.
    pub(super) auth_plain: bool,
    /// AUTH LOGIN, which has no RFC.
    pub(super) auth_login: bool,
}

impl Extensions {
    /// Reads the lines after the first. What is unknown or unreadable is left out: a server that
    /// says "SIZE lots" takes mail all the same.
    pub(super) fn read(lines: &[Vec<u8>]) -> Self {
        let mut extensions = Self::default();
        for line in lines.iter().skip(1) {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let mut words = line.split_ascii_whitespace();
            let Some(keyword) = words.next() else { continue };
            extensions.add(&keyword.to_ascii_uppercase(), words);
        }
        extensions
    }

    // ehlo-line = ehlo-keyword *( SP ehlo-param )
    fn add<'a>(&mut self, keyword: &str, mut parameters: impl Iterator<Item = &'a str>) {
        match keyword {
            "PIPELINING" => self.pipelining = true,
            "SIZE" => {
                self.size = true;
                let number = parameters.next().and_then(|number| number.parse().ok());
                // RFC 1870 §4: "A value of 0 (zero) indicates that no fixed maximum message size
                // is in force."
                self.size_max = number.filter(|&size| size > 0);
            }
            "STARTTLS" => self.start_tls = true,
            "8BITMIME" => self.eight_bit_mime = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "CHUNKING" => self.chunking = true,
            "DSN" => self.dsn = true,
            "AUTH" => {
                for mechanism in parameters {
                    self.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                    self.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Extensions {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        Extensions::read(&lines)
    }

    #[test]
    fn keywords_are_read_in_any_case_and_junk_is_left_out() {
        let all = read(&[
            "mx.test PIPELINING",
            "size 1000",
            "8bitmime",
            "",
            "XXXXXXXA",
            "AUTH CRAM-MD5 plain",
            "dsn",
        ]);
        let expect = Extensions {
            size: true,
            size_max: Some(1000),
            eight_bit_mime: true,
            auth_plain: true,
            dsn: true,
            ..Extensions::default()
        };
        assert_eq!(all, expect, "and the first line names the server and nothing else");
    }

    #[test]
    fn only_a_number_above_zero_limits_the_size() {
        for (line, size_max) in [
            ("SIZE", None),
            ("SIZE 0", None),
            ("SIZE lots", None),
            ("SIZE -1", None),
            ("SIZE 99999999999999999999999", None),
            ("SIZE 1", Some(1)),
        ] {
            let extensions = read(&["mx.test", line]);
            assert_eq!((extensions.size, extensions.size_max), (true, size_max), "{line}");
        }
    }
}
