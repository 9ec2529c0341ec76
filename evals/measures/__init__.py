"""What metrics are computed from: one module for each kind of statistics."""
