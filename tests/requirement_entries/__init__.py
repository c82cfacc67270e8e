"""The requirements, one module per part of the product, each with a list `ENTRIES`."""
