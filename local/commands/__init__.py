"""The make commands that need the virtual environment, one module each: dev, demo, docs, reset, types, engine."""
