"""Problems of a manifest, and text from outside as messages show it."""
