"""Values and tools that all stages share: images, splits, errors, statistics, figures, progress."""
