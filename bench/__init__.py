"""Side-by-side benchmarks: ratios from one run, never seconds. `python -m bench`, or `make bench`."""
