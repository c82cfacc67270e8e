"""What `make bench-coordination` measures, by subject. Each room takes the table and fills it."""
