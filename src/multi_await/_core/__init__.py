"""The engine: polls sources, delivers what they produce, and ends them.

It imports nothing from `_sources`: to the engine, a source is a `Source`, whatever its kind.
"""
