"""chunk-index-aligned: the first slot of every chunk is a multiple of the chunk's page count.

Assumed:   Nothing of the allocator.

One turn:  I moves by the size of the chunk stored.

Claimed:   At the entry of order o, i is a multiple of 2^o: it moved by blocks at least as large, in an array that
           descends.

Not empty: Chunks of every order begin at slot 0 and elsewhere.
"""

from proofs.engine.theorem import REFUTED, Theorem

theorem = Theorem("chunk-index-aligned", pre_patch=REFUTED)

if __name__ == "__main__":
    theorem.main()
