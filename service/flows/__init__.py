"""Each event is one flow: read facts, decide (pure), write, and the edge commits."""
