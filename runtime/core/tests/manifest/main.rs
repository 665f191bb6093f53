//! Tests of reading, checking and planning manifests. What a hostile manifest costs in memory stands in `manifest_memory`,
//! a program of its own, since it counts all that a program holds.

mod blueprint;
mod fuzz;
mod limits;
mod messages;
mod node_types;
mod schema;
