"""How a panel converges: answer blind, vote, refine, decide, present.

Pure: events in, commands out. No I/O, no clock, no randomness of its own; the seed and the time
come with the events. The same events always give the same commands and the same log.
"""
