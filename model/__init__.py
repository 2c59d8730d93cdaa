"""What runs: the loops, their events, the page allocator, and readers of real machines' memory."""
