"""Makes a conversation smaller; the only holder of the sealing keys."""
