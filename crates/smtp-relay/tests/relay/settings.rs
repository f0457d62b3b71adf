//! Settings read what they write.

use smtp_relay::{DnsSettings, MxTls, RouteSettings, RouteTls, Settings, Via};

#[test]
fn settings_read_what_they_write_and_refuse_what_they_do_not_know() {
    let route = RouteSettings {
        recipients: vec!["*".into()],
        via: Via::Smarthost,
        hosts: vec!["relay.test:587".into()],
        tls: RouteTls::Verified,
        ..RouteSettings::default()
    };
    let settings = Settings { tls: MxTls::None, route: vec![route], ..Settings::default() };
    let text = toml::to_string(&settings).unwrap();
    assert!(text.contains("via = \"smarthost\"") && text.contains("[[route]]"), "{text}");
    assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
    assert_eq!(toml::from_str::<Settings>("").unwrap(), Settings::default());
    assert!(toml::from_str::<Settings>("retry = 1").is_err());
    assert!(toml::from_str::<Settings>("[[route]]\nhost = \"x\"").is_err());
    let dns: DnsSettings = toml::from_str("servers = [\"127.0.0.1:5353\", \"[::1]:53\"]").unwrap();
    assert_eq!(dns.servers.len(), 2);
    assert!(toml::from_str::<DnsSettings>("servers = [\"127.0.0.1\"]").is_err(), "no port");
}
