//! The JSON twin of documents.
