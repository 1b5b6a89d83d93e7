"""The engine: polls sources, delivers what they produce, and ends them.

It imports nothing of `_sources`: to it, a source is a `Source`, whatever kind it is.
"""
