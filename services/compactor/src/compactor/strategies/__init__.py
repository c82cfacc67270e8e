"""The levels: how a conversation is made smaller."""
