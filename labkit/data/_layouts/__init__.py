"""Layouts: what a row of the data is; per layout its columns, cells, findings and repairs."""
