"""The release gate: what may be passed on of a run, in a package that proves what is in it."""
