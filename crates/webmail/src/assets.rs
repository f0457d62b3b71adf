//! Style sheet, script and icon: made once, named by their content, kept by browsers for ever.

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

use crate::headers::{self, Fence};
use crate::http::{Body, Visit};
use crate::settings::Settings;
use crate::theme::Logo;

/// The files every page refers to.
pub(crate) struct Assets {
    /// The style sheet, with the theme's colours.
    pub(crate) style: Asset,
    /// The script.
    pub(crate) script: Asset,
    /// The theme's logo, or our own.
    pub(crate) icon: Asset,
}

/// One file.
pub(crate) struct Asset {
    /// Where it is: a change of content is a change of address.
    pub(crate) path: String,
    name: String,
    media_type: &'static str,
    /// What an operator gave is fenced in more closely than what we made.
    fence: Fence,
    content: Bytes,
}

impl Assets {
    /// The files in this theme.
    pub(crate) fn new(settings: &Settings) -> Self {
        let theme = &settings.theme;
        let (light, dark) = theme.properties();
        let style = format!(
            ":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{}",
            shorten(include_str!("../assets/style.css"))
        );
        let icon = match &theme.logo {
            Some(Logo { content, extension, media_type }) => Asset {
                fence: Fence::Part,
                ..Asset::new("logo", extension, media_type, content.clone())
            },
            None => {
                let main = theme.main.to_string();
                let icon = include_str!("../assets/icon.svg").replace("#1d4f91", &main);
                Asset::new("icon", "svg", "image/svg+xml", icon)
            }
        };
        Self {
            style: Asset::new("style", "css", "text/css; charset=utf-8", style),
            script: Asset::new(
                "app",
                "js",
                "text/javascript; charset=utf-8",
                include_str!("../assets/app.js").to_owned(),
            ),
            icon,
        }
    }
}

impl Asset {
    fn new(
        stem: &str,
        extension: &str,
        media_type: &'static str,
        content: impl Into<Bytes>,
    ) -> Self {
        let content = content.into();
        let hash = blake3::hash(&content).to_hex();
        let name = format!("{stem}-{}.{extension}", &hash[..12]);
        Self { path: format!("/statique/{name}"), name, media_type, fence: Fence::Asset, content }
    }
}

/// A style sheet without its comments and indentation.
fn shorten(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out.lines().map(str::trim).collect()
}

/// `/statique/{name}`
pub(crate) fn answer(visit: &Visit, name: &str) -> Response<Body> {
    let assets = visit.webmail.assets();
    let all = [&assets.style, &assets.script, &assets.icon];
    let Some(asset) = all.into_iter().find(|asset| asset.name == name) else {
        let empty = Bytes::new();
        return headers::text(visit, StatusCode::NOT_FOUND, Fence::Asset, "text/plain", empty);
    };
    let content = asset.content.clone();
    let mut response = headers::text(visit, StatusCode::OK, asset.fence, asset.media_type, content);
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, forever);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_theme_is_another_address() {
        let plain = Assets::new(&Settings::default());
        let main = crate::Colour::try_from("#7a1f5c".to_owned()).unwrap();
        let theme = crate::Theme { main, ..crate::Theme::default() };
        let themed = Assets::new(&Settings { theme, ..Settings::default() });
        assert_ne!(plain.style.path, themed.style.path);
        assert_eq!(plain.script.path, themed.script.path);
    }

    #[test]
    fn the_first_visit_stays_within_its_budget() {
        // Login page cold: at most 20 KB in 4 requests, of which the page itself takes 3.
        let assets = Assets::new(&Settings::default());
        let size = |asset: &Asset| headers::gzip(&asset.content).len();
        let (style, script) = (size(&assets.style), size(&assets.script));
        assert!(script <= 12 * 1024, "script {script}");
        assert!(style + script + size(&assets.icon) <= 16 * 1024, "style {style} script {script}");
    }
}
