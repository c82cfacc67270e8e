"""Prose that no two of which say the same."""

SKY = "The sky looks blue because air scatters short waves of sunlight far more than long ones"
SEA = "Water swallows red light first and so whatever lies deep in it appears blue or green to us"
ICE = "Frozen water floats since its crystal keeps the molecules further apart than the liquid"
FIRE = "A flame shines because hot particles of soot inside of it glow like the wire of a bulb"
PROSE = {"ada": SKY, "bob": SEA, "cyd": ICE, "dan": FIRE}
