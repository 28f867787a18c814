"""Fault injection: runs the package under kills, damaged input, bad servers and bad machines, and counts what survives.

`python -m faults --help` lists the kinds. Each case has a seed and a number, with which it can be repeated alone.
"""
