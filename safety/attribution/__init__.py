"""Whether code stands in a corpus that an index was built from."""
