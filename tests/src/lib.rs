//! What no single crate can prove: foreign clients, crash and power cut, browser.
