"""Statistics of reader tests: shares, signal detection, agreement, readers and images as random samples."""
