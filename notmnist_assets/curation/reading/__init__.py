"""Reads archives: from the bytes of a `.tar.gz` to the images of each letter and the rejected files."""
