"""What crosses a process boundary: typed messages, errors, endpoint descriptors."""
