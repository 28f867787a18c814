"""What our way costs beside the assignment's own way, stage by stage, on the same archives in the same run.

Belongs here: measuring and telling. `python -m benchmarks --help` explains the choices. `place` says what one size
works on, `assignment` and `ours` are the two ways with their stages in order, `measure` runs one stage in a process of
its own, `peers` compares duplicate searches, `report` and `plot` tell. Nothing here is imported by notmnist_assets,
and no timing fails anything.
"""
