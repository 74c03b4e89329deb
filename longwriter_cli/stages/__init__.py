"""The steps of the method. The only place that joins text, models, files and the engine."""
