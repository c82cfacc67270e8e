"""What is kept of runs, in SQL. One writer task; readers beside it."""
