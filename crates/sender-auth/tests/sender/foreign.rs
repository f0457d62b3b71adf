//! dkimpy verifies what we sign, and we verify what dkimpy signs: Debian's python3-dkim and
//! python3-nacl, which `tools/setup.sh test` installs.

use std::io::Write;
use std::process::{Command, Stdio};

use sender_auth::{Algorithm, DkimResult};
use serde_json::{Value, json};

use crate::support::{der, key, keys_of, selector, signed, verify};

const SCRIPT: &str = r#"
import base64, json, sys, dkim
data = json.load(sys.stdin)
txt = lambda name, timeout=5: data["keys"].get(name.decode().rstrip("."), "").encode()
raw = lambda text: text.encode("latin-1")
out = {"verified": [], "signed": []}
for message in data["verify"]:
    out["verified"].append([dkim.DKIM(raw(message)).verify(idx=i, dnsfunc=txt) for i in (0, 1)])
pkcs1 = base64.encodebytes(base64.b16decode(data["rsa"])[26:])
rsa = b"-----BEGIN RSA PRIVATE KEY-----\n" + pkcs1 + b"-----END RSA PRIVATE KEY-----\n"
ed = base64.b64encode(base64.b16decode(data["ed25519"]))
for message in data["sign"]:
    for form in (b"relaxed", b"simple"):
        for selector, key, algorithm in ((b"rsa", rsa, b"rsa-sha256"), (b"ed", ed, b"ed25519-sha256")):
            line = dkim.sign(raw(message), selector, b"sender.test", key, canonicalize=(form, form),
                             signature_algorithm=algorithm)
            out["signed"].append(line.decode("latin-1") + message)
json.dump(out, sys.stdout)
"#;

/// Bodies and headers on which canonical forms differ. Latin-1: each character is a byte.
fn messages() -> Vec<String> {
    let header = "From: Ann <a@sender.test>\r\nTo: b@ac.test\r\nSubject: Note\r\n";
    let bodies = [
        "",
        "\r\n",
        "\r\n\r\n\r\n",
        "Bonjour.\r\n",
        "Bonjour.",
        "Bonjour.\r\n\r\n\r\n",
        "Bonjour. \t \r\n \t\r\n\t\r\n  \r\n",
        " \t\r\n \r\n",
        "a  b\tc \t d\r\n\r\n  indented\r\n \r\nend",
        // Without a CRLF after it dkimpy keeps this space (RFC 6376 §3.4.4: "at the end of lines");
        // over SMTP a message ends with one.
        "trailing space at the end \r\n",
        "\u{e9}t\u{e9} \u{a0}\u{e8}\r\n\u{ff}\u{80}\r\n",
        ".\r\n..\r\n",
    ];
    let mut messages: Vec<String> =
        bodies.iter().map(|body| format!("{header}\r\n{body}")).collect();
    messages.push(format!("{header}\r\n{}\r\n", "long line ".repeat(20_000)));
    messages.push(format!("{header}\r\n{}x\r\n", "\r\n".repeat(5_000)));
    messages.push(
        "From:\r\n\tAnn\r\n  <a@sender.test>\r\nSUBJECT:   a\r\n\t b   c  \r\n \r\n\td\r\n\
         References: <1@x>\r\n <2@x>\r\n <3@x>\r\nTo: b@ac.test\r\nX-Other: y\r\n\r\nBody\r\n"
            .into(),
    );
    messages
}

fn dkimpy(input: &Value) -> Value {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 runs; tools/setup.sh test installs it");
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "run tools/setup.sh test\n{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn input(verify: &[String], sign: &[String]) -> Value {
    let both =
        [Algorithm::Rsa, Algorithm::Ed25519].map(|kind| key("sender.test", selector(kind), kind));
    let keys: serde_json::Map<String, Value> =
        both.iter().map(|key| (key.record_name(), json!(key.record().unwrap()))).collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    json!({
        "verify": verify, "sign": sign, "keys": keys,
        "rsa": hex(der(Algorithm::Rsa)),
        // RFC 8410 §7: the seed behind 16 bytes of structure.
        "ed25519": hex(&der(Algorithm::Ed25519)[16..48]),
    })
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[test]
fn dkimpy_verifies_both_of_our_signatures_over_any_body() {
    let kinds = [Algorithm::Rsa, Algorithm::Ed25519];
    // Signing wants bytes; what is no UTF-8 is signed as it is in `we_verify…`.
    let ours: Vec<String> = messages()
        .iter()
        .filter(|message| message.is_ascii())
        .map(|message| signed("sender.test", &kinds, message))
        .collect();
    assert!(ours.len() >= 14);
    let output = dkimpy(&input(&ours, &[]));
    for (message, verified) in ours.iter().zip(output["verified"].as_array().unwrap()) {
        let start = &message[..message.len().min(3000)];
        assert_eq!(verified, &json!([true, true]), "{start}");
    }
}

#[tokio::test]
async fn we_verify_what_dkimpy_signs_in_every_form_and_algorithm() {
    let output = dkimpy(&input(&[], &messages()));
    let signed = output["signed"].as_array().unwrap();
    assert_eq!(signed.len(), messages().len() * 4);
    for message in signed {
        let message = latin1(message.as_str().unwrap());
        let verdict = verify(keys_of("sender.test"), "a@sender.test", &message).await;
        let results: Vec<_> = verdict.dkim.iter().map(|one| (one.result, one.reason)).collect();
        let start = String::from_utf8_lossy(&message[..message.len().min(1500)]);
        assert_eq!(results, [(DkimResult::Pass, "")], "{start}");
    }
}
