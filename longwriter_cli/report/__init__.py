"""What is shown of a run: figures, and their form in a terminal."""
