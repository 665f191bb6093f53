"""The proof of the ABI: every area of it with its tool, and for each tool a planted defect that it has to see.

`python3 build.py prove` runs all of it in less than twenty minutes and prints a table.
"""
