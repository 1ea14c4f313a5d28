"""Outside formats to facts, without a database."""
