"""How an answer is come by: passed through, translated, or run by the orchestrator."""
