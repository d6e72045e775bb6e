"""Label journals: the lines of decisions, merging them, and putting them over the data."""
