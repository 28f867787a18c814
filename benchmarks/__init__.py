"""Compares the costs of this project with those of the assignment's notebook, stage by stage, on the same archives.

`python -m benchmarks --help` explains the options. `place` defines sizes and folders; `assignment`, and `ours` with
`graph`, define the stages of both ways in order; `measure` runs a stage in a process of its own; `peers` compares
duplicate searches; `report` and `plot` write the results. notmnist_assets imports nothing of this package.
"""
