//! Promises that hold for every node in the registry, whichever family it is of.

mod docs;
mod forms;
mod live_params;
mod manifest_schema;
mod not_finite;
mod numbers;
mod old_names;
mod security;
mod times;
