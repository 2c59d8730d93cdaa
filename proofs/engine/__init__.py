"""The prover: symbols, the explorer of a turn's paths, invariants, ranking functions and the search for scenarios."""
