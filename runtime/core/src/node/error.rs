//! Errors of nodes. The scheduler adds the node, the item and the place in the stream.

use std::sync::Arc;

use crate::outside::message;

/// A failure inside a node: the cause, the cure where there is one, and the place in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeError {
    /// The cause, as a clause without full stop: `the file ends in the middle of a frame`.
    pub cause: String,
    /// The cure, as a sentence: `Fetch the file again.` Empty if there is none.
    pub cure: String,
    /// The position in the item's media time, in nanoseconds, if known.
    pub position: Option<i64>,
    /// The errors of other libraries that led to the cause, nearest first.
    pub chain: Vec<String>,
    /// The host's own number for an exception of its code, handed back with the error.
    pub host_token: Option<Arc<HostToken>>,
}

/// The host's number for an object of its own; released when the last clone of the error is gone.
pub struct HostToken {
    token: u64,
    /// None once another one reports the release.
    release: Option<Box<dyn Fn(u64) + Send + Sync>>,
}

impl NodeError {
    /// A failure with its cause.
    pub fn new(cause: impl Into<String>) -> Self {
        Self { cause: message(cause), cure: String::new(), position: None, chain: Vec::new(), host_token: None }
    }

    /// With the cure.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = message(cure);
        self
    }

    /// With the place in media time, in nanoseconds.
    #[must_use]
    pub fn at(mut self, position: Option<i64>) -> Self {
        self.position = position;
        self
    }

    /// With the error that led to this one, and all that led to it.
    #[must_use]
    pub fn because(mut self, source: &dyn std::error::Error) -> Self {
        let mut next = Some(source);
        while let Some(error) = next {
            self.chain.push(message(error.to_string()));
            next = error.source();
        }
        self
    }
}

impl HostToken {
    /// A token that `release` gives back.
    pub fn new(token: u64, release: Box<dyn Fn(u64) + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { token, release: Some(release) })
    }

    /// Drops this clone. If it was the last one, returns the number, which the caller reports as released.
    pub fn end(self: Arc<Self>) -> Option<u64> {
        let mut token = Arc::into_inner(self)?;
        token.release = None;
        Some(token.token)
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.token
    }
}

impl Drop for HostToken {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            release(self.token);
        }
    }
}

impl std::fmt::Debug for HostToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "HostToken({})", self.token)
    }
}

impl PartialEq for HostToken {
    fn eq(&self, other: &Self) -> bool {
        self.token == other.token
    }
}

impl Eq for HostToken {}
