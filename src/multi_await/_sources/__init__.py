"""What can be waited on: one module for each kind of source.

They import nothing from `_core`: a source knows how it is polled, but not what polls it.
"""
