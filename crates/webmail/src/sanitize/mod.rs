//! Mail content made harmless: HTML and CSS through allow lists, plain text into escaped pieces.
//!
//! Everything here is pure. What comes out of [`html`] is written into a document and never
//! touched again: changing sanitised text afterwards is how sanitisers are undone.

pub(crate) mod css;
pub(crate) mod html;
#[cfg(test)]
mod html_tests;
pub(crate) mod links;
pub(crate) mod text;
