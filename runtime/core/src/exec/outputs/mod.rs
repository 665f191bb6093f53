//! What comes out: of a one-shot all at its end, of a session as its reader takes it.

pub(super) mod collector;
pub(super) mod completion;
pub(super) mod session_outputs;
