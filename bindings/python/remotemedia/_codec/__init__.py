"""Python values as documents of the wire, and documents as Python values."""
