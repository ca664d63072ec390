"""The blind reader test: planned, made, read and scored."""
