"""What crosses a process boundary: msgspec Structs, ids, errors, SSE framing. No I/O, no framework."""
