"""Judges every label by models that were fitted on other fonts, and estimates how many labels are wrong."""
