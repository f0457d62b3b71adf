//! The sanitiser against payloads of our own; `tests/browser/payloads.mjs` has many more, for a
//! real browser.

use std::collections::HashMap;

use super::html::*;
use super::links;

/// Own payloads after the classes of attacks seen in other webmails: SVG and SMIL, remote
/// loading, CSS, mutation and namespaces, clobbering, forms, links.
const PAYLOADS: [&str; 74] = [
    // Scripts and handlers.
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//x.test/a></SCRIPT>",
    "<scr<script>ipt>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=\"x` onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<div onmouseover='alert(1)' onclick=alert(1)>x</div>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=' jAvAsCrIpT:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='//x.test/'>x</a>",
    "<a href='/deconnexion'>x</a>",
    "<iframe src=https://x.test></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=https://x.test></object><embed src=https://x.test>",
    "<applet code=x></applet>",
    // SVG, SMIL, MathML.
    "<svg onload=alert(1)>",
    "<svg><use href='data:image/svg+xml;base64,AAAA#x'/></svg>",
    "<svg><use href='data: image/svg+xml ;base64,AAAA#x'/></svg>",
    "<svg><animate attributeName=href values=javascript:alert(1) /><a id=x><text>x</text></a></svg>",
    "<svg><a><animate attributeName='href ' by=javascript:alert(1) /><text>x</text></a></svg>",
    "<svg><set attributeName=style to='background:url(https://x.test)'/></svg>",
    "<svg><rect fill=url(https://x.test/a) mask=url(https://x.test/b) cursor=url(https://x.test) /></svg>",
    "<svg><filter><feImage href=https://x.test/a /></filter></svg>",
    "<svg><image href=https://x.test/a /></svg>",
    "<svg><style>*{background:url(https://x.test)}</style></svg>",
    "<svg><foreignObject><img src=https://x.test onerror=alert(1)></foreignObject></svg>",
    "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x</maction></math>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    // Mutation and namespaces.
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<textarea><img title=\"</textarea><img src onerror=alert(1)>\"></textarea>",
    "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\">",
    "<title><img title=\"</title><img src onerror=alert(1)>\"></title>",
    "<template><script>alert(1)</script></template>",
    "<select><style><img src onerror=alert(1)></style></select>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--!><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<svg><![CDATA[</svg><img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><img src=x onerror=alert(1)>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<table><td><a href=\"x\"title=\"'></a><img src=x onerror=alert(1)>\">x",
    "<a title=\"&quot;><img src=x onerror=alert(1)>\">x</a>",
    // Remote loading.
    "<img src=https://x.test/a.png>",
    "<img src='cid:other@x'>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<img srcset='https://x.test/a 1x' src=x>",
    "<picture><source srcset=https://x.test/a><img></picture>",
    "<video poster=https://x.test/a><source src=https://x.test/b></video>",
    "<audio src=https://x.test/a autoplay></audio>",
    "<body background=https://x.test/a>",
    "<table background=https://x.test/a><tr><td background=https://x.test/b>x",
    "<link rel=stylesheet href=https://x.test/a>",
    "<link rel=prefetch href=https://x.test/a>",
    "<style>@import 'https://x.test/a';</style>",
    "<style>a[href^='x']{background:url(https://x.test)}</style>",
    "<p style=\"background:url(https://x.test/a)\">x</p>",
    "<p style=\"background-color:u\\72l(https://x.test/a)\">x</p>",
    "<p style=\"--a:url(https://x.test);color:var(--a)\">x</p>",
    "<p style='color:red;}</style><script>alert(1)</script>'>x</p>",
    "<p style=\"position:fixed;top:0;left:0;width:100%;height:100%\">x</p>",
    "<font color='red\" onload=\"alert(1)'>x</font>",
    "<td bgcolor='url(https://x.test)'>x</td>",
    // Documents and clobbering.
    "<base href=https://x.test/><a href=a>x</a>",
    "<meta http-equiv=refresh content='0;url=https://x.test'>",
    "<form action=https://x.test><input type=password name=p><button>x</button></form>",
    "<a id=location name=cookie class=facteur>x</a>",
    "<div id=contenu><span name=jeton>x</span></div>",
];

fn clean(html: &str) -> Sanitized {
    let own = HashMap::from([("logo@x".to_owned(), "/contenu/own".to_owned())]);
    sanitize(html, own).unwrap()
}

/// Tags with their attributes, as the serialiser writes them.
fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    for rest in html.split('<').skip(1) {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        let mut attributes = Vec::new();
        let mut rest = &rest[name.len()..];
        while let Some((attribute, after)) = rest.split_once("=\"") {
            let Some((value, after)) = after.split_once('"') else { break };
            if attribute.contains('>') {
                break;
            }
            attributes.push((attribute.trim().to_owned(), value.to_owned()));
            rest = after;
        }
        attributes.sort();
        found.push((name, attributes));
    }
    found
}

fn check(payload: &str, html: &str) {
    let context = format!("{payload}\n-> {html}");
    for (name, attributes) in tags(html) {
        assert!(name.is_empty() || TAGS.contains(&name.as_str()), "{name}: {context}");
        for (attribute, value) in attributes {
            let own = ELEMENT_ATTRIBUTES
                .iter()
                .any(|(tag, names)| *tag == name && names.contains(&attribute.as_str()));
            let known = own
                || ATTRIBUTES.contains(&attribute.as_str())
                || (name == "a" && ["rel", "target"].contains(&attribute.as_str()));
            assert!(known, "{attribute}: {context}");
            match attribute.as_str() {
                "src" => assert_eq!(value, "/contenu/own", "{context}"),
                "href" => {
                    let plain = value.replace("&amp;", "&");
                    assert_eq!(links::target(&plain), Some(plain), "{context}");
                }
                "style" => assert!(!value.contains("url") && !value.contains('@'), "{context}"),
                _ => {}
            }
        }
    }
}

#[test]
fn no_payload_runs_a_script_or_reaches_out() {
    for payload in PAYLOADS {
        check(payload, &clean(payload).html);
        // Nested in what real mail looks like.
        let nested = format!("<table><tr><td><b>{payload}</b></td></tr></table><p>fin</p>");
        check(payload, &clean(&nested).html);
    }
}

#[test]
fn what_is_clean_stays_as_it_is_when_read_again() {
    // A browser reads the result once more: nothing may change its place or nature then.
    for payload in PAYLOADS {
        let once = clean(payload).html;
        let twice = clean(&once.replace("/contenu/own", "cid:logo@x")).html;
        assert_eq!(tags(&once), tags(&twice), "{payload}");
    }
}

#[test]
fn a_letter_keeps_its_shape() {
    let letter = "<h1>Été</h1><p style=\"color:#333\">Bonjour <b>tous</b>,<br>\
        <a href=\"https://ac-paris.test/?a=1&amp;b=2\">lien</a></p>\
        <table border=\"1\"><tbody><tr><td colspan=\"2\">1</td></tr></tbody></table>";
    let html = clean(letter).html;
    for kept in ["<h1>Été</h1>", "style=\"color:#333;\"", "<b>tous</b>", "<td colspan=\"2\">"] {
        assert!(html.contains(kept), "{kept} in {html}");
    }
    let link = &tags(&html).into_iter().find(|(name, _)| name == "a").unwrap().1;
    let get = |name: &str| link.iter().find(|(found, _)| found == name).map(|(_, v)| v.as_str());
    assert_eq!(get("href"), Some("https://ac-paris.test/?a=1&amp;b=2"));
    assert_eq!(get("rel"), Some("noopener noreferrer nofollow"));
    assert_eq!(get("target"), Some("_blank"));
}

#[test]
fn own_pictures_are_shown_and_remote_ones_counted() {
    let letter = "<img src=\"CID:logo@x\" alt=\"Logo\"><img src=https://x.test/1>\
        <img src=' HTTP://x.test/2'><img src=x>";
    let sanitized = clean(letter);
    assert_eq!(sanitized.html.matches("/contenu/own").count(), 1);
    assert!(!sanitized.html.contains("x.test"), "{}", sanitized.html);
    assert_eq!(sanitized.remote_images, 2);
}

#[test]
fn too_many_tags_are_refused_and_the_deepest_end() {
    assert!(sanitize(&"<b>".repeat(TAGS_MAX + 1), HashMap::new()).is_none());
    for unit in ["<div>", "<b><i>", "<a><table>", "<p><font color=a>", "<table><td>", "<q>"] {
        let letter = unit.repeat(TAGS_MAX / unit.matches('<').count());
        assert!(sanitize(&letter, HashMap::new()).is_some());
    }
}
