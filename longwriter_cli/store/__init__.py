"""Files: reading instructions, keeping a run, exporting records."""
