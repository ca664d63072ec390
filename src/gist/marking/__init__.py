"""Marks by which a synthetic picture is known: in the pixels, beside them, signed, and in a table."""
