"""Whole scenes for tests: our services on free ports, with doubles for their neighbours."""
