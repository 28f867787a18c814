"""The data-quality checks, one module per stage. Each shows the actual value beside its threshold.

Belongs here: what must hold of stored values. Blocking checks stop everything downstream in the same run.
"""
