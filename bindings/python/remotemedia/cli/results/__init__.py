"""What becomes of results: records, arrays, encoded sound, shards, and where each of them goes."""
