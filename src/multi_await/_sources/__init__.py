"""What can be waited on: one module for each kind of source.

They import nothing of `_core`: a source knows how it is polled, and not who polls it.
"""
