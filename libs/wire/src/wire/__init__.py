"""What crosses a process boundary: Structs, ids, errors, SSE framing. No I/O, no framework."""
