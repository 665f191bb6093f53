"""What other libraries plug in: one module for each, which imports its library when something of it is first used."""
