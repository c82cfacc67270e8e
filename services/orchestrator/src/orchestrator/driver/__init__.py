"""The rules' hands: performs the core's commands, feeds back what happened."""
