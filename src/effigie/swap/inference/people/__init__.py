"""Who is swapped for whom in a clip: assignment, tracks, plans, and what is remembered of each person."""
