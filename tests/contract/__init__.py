"""The two ends of one wire, held against each other: what one writes the other reads back."""
