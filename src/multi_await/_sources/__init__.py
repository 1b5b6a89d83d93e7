"""The sources: one module for each kind.

They import nothing from `_core`: a source knows how it is polled, but not what polls it.
"""
