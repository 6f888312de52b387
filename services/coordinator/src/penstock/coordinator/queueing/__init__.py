"""In which order ready attempts go to workers, and what they may ask of one: pure, without clock,
streams or executions."""
