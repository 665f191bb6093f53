//! Values to bytes and back: msgpack with extension types, and its JSON twin.
