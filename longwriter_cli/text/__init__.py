"""Pure functions on text: strings in, values out. They never raise on text."""
