"""Radiographs as users have them -> square, grey, labelled, split archives without identity."""
