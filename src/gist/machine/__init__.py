"""The computer: device, memory, processes, signals."""
