//! The built-in nodes of remotemedia: families of nodes, one node a file, above what several families share (`dsp`,
//! `stream`, `io`).
#![forbid(unsafe_code)]

pub mod audio;
pub mod basic;
mod dsp;
pub mod file;
mod io;
pub mod monitor;
mod old_names;
pub mod source;
pub mod spectral;
pub mod speech;
mod stream;
pub mod text;

use remotemedia_core::node::Registry;

pub use stream::timeline::Gaps;

/// Every built-in node, family by family.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    basic::register(&mut registry);
    audio::register(&mut registry);
    monitor::register(&mut registry);
    speech::register(&mut registry);
    spectral::register(&mut registry);
    source::register(&mut registry);
    file::register(&mut registry);
    text::register(&mut registry);
    old_names::register(&mut registry);
    registry
}

/// Compiles and runs the example of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/adding-a-node.md")]
mod adding_a_node {}
