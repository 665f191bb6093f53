//! From the bytes of a manifest to a checked blueprint of nodes and edges.
