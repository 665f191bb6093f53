"""What is generated for the bindings in other languages than Python, and how their tests run: one module for each language."""
