"""`tuneos chat`: a conversation about data and goals, and the run that comes of it."""
