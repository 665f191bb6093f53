"""What the words of a command line mean: pipelines, inputs, names of files."""
