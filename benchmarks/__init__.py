"""Measures the cost of waiting on many sources, next to a lower bound and the alternatives.

peers       the candidates, each with its own way of waiting
workloads   the work that each of them has to do
method      the measurement: in turn, in separate processes, as a ratio to the floor
report      the results as JSON and tables
plots       the results as charts
"""
