"""What waiting on many sources costs, beside the least it can cost and what else there is.

peers       what is compared, each with its own way of waiting
workloads   what each of them has to do
method      how it is measured: in turn, in processes of their own, as a ratio to the floor
report      the results as JSON and tables
plots       and as drawings
"""
