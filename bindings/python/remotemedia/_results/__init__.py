"""What comes back from an execution: outputs, packets, progress. It knows no C."""
