"""The gallery: one HTML page to filter, sort and select duplicates, removed rows, label issues and rejected files."""
