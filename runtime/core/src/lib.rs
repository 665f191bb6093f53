//! The core of remotemedia: values, their wire format, manifests, graphs, the node contract and the scheduler.
//!
//! Nothing here does I/O, knows a concrete node, or knows C or Python.
#![forbid(unsafe_code)]

pub mod exec;
pub mod graph;
pub mod lock;
mod lock_order;
pub mod manifest;
pub mod node;
pub mod outside;
mod syntax;
pub mod value;
pub mod wire;
