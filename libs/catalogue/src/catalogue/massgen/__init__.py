"""MassGen's own configuration files as panels. Read as data: nothing they name is ever executed."""
