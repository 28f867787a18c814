"""Checks of stored values, one module per stage, each with the actual value beside its threshold.

A failed blocking check stops everything downstream.
"""
