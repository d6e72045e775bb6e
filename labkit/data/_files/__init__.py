"""Files: where data lies, how it is encoded, and what formats it comes in."""
