"""The report: one self-contained page that a clinician can read, and the same facts for machines."""
