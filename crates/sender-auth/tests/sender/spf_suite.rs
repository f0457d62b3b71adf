//! The test suite of RFC 7208 (203 cases), with the zones it brings.
//!
//! Debian's python3-spf ships it; `tools/setup.sh test` installs it and python3-yaml.

use std::process::Command;

use sender_auth::{Record, SpfResult};
use serde_json::Value;

use crate::support::{Entry, Zone, verifier};

const SUITE: &str = "/usr/share/doc/python3-spf/rfc7208-tests.yml.gz";
const TO_JSON: &str = "import gzip, json, sys, yaml\n\
    print(json.dumps(list(yaml.safe_load_all(gzip.open(sys.argv[1]))), default=str))";

#[tokio::test]
async fn every_case_of_the_rfc_7208_suite_has_the_result_it_asks_for() {
    // Debian's own Python has Debian's yaml, whatever comes first in PATH.
    let output = Command::new("/usr/bin/python3").args(["-c", TO_JSON, SUITE]).output();
    let output = output.expect("python3 runs; tools/setup.sh test installs it");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{SUITE}: run tools/setup.sh test\n{error}");
    let scenarios: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let (mut cases, mut wrong) = (0, Vec::new());
    for scenario in &scenarios {
        for (name, case) in scenario["tests"].as_object().unwrap() {
            cases += 1;
            let found = run(&scenario["zonedata"], case).await.as_str();
            let wanted = match &case["result"] {
                Value::Array(wanted) => wanted.iter().filter_map(Value::as_str).collect(),
                wanted => vec![wanted.as_str().unwrap()],
            };
            if !wanted.contains(&found) {
                wrong.push(format!("{name}: {found}, not {wanted:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!((scenarios.len(), cases), (16, 203));
}

async fn run(zone: &Value, case: &Value) -> SpfResult {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let helo = text("helo");
    let mail_from = match text("mailfrom") {
        "" => format!("postmaster@{helo}"),
        address => address.to_owned(),
    };
    verifier(load(zone)).check_spf(text("host").parse().unwrap(), helo, &mail_from).await
}

fn load(data: &Value) -> Zone {
    let mut zone = Zone::default();
    for (name, entries) in data.as_object().unwrap() {
        let entries = entries.as_array().unwrap();
        // The suite's rule: SPF records stand for TXT records unless there are some.
        let has_txt = entries.iter().any(|entry| entry.get("TXT").is_some());
        for entry in entries {
            match entry {
                Value::String(_) => zone.add(name, Entry::Fails),
                Value::Object(records) => {
                    for (kind, value) in records {
                        if let Some(entry) = record(kind, value, has_txt) {
                            zone.add(name, entry);
                        }
                    }
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
    zone
}

fn record(kind: &str, value: &Value, has_txt: bool) -> Option<Entry> {
    let text = || value.as_str().unwrap();
    let host = |name: &str| name.trim_end_matches('.').to_owned();
    Some(match kind {
        _ if value == "TIMEOUT" => Entry::Fails,
        "TXT" | "SPF" if value == "NONE" || (kind == "SPF" && has_txt) => return None,
        "TXT" | "SPF" => Entry::Record(Record::Txt(match value {
            Value::Array(strings) => strings.iter().flat_map(bytes).collect(),
            value => bytes(value),
        })),
        "A" => Entry::Record(Record::A(text().parse().unwrap())),
        "AAAA" => Entry::Record(Record::Aaaa(text().parse().unwrap())),
        "PTR" => Entry::Record(Record::Ptr(host(text()))),
        "MX" => Entry::Record(Record::Mx {
            preference: value[0].as_u64().unwrap() as u16,
            exchange: host(value[1].as_str().unwrap()),
        }),
        "CNAME" => Entry::Cname(host(text())),
        other => panic!("a record of type {other}"),
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().unwrap().as_bytes().to_vec()
}
