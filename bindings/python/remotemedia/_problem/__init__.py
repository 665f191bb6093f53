"""Problems of a manifest, text from outside as messages show it, and what to write for values that were mistaken."""
