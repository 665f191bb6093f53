"""Pictures and tables of results for notebooks, from plain numbers: SVG and HTML as text."""
