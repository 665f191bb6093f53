"""The parts of media values: element types, tensors, files, what samples must be, times."""
