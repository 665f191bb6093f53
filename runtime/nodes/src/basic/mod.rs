//! Nodes for any value.
