"""The make commands that use the local stack, one module each: dev, demo, docs, reset, types, engine."""
