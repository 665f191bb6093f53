"""Audio files in one call: read, write, inspect, and find speech."""
