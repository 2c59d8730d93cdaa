"""Where we could be wrong: sampling, known bugs, the engine itself, the model against real code."""
