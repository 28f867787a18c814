"""The assets, one module per stage of the flow; each declares its assets whole."""
