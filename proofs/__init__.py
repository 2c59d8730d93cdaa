"""Why to believe it: one theorem a file. ``engine`` holds the machinery."""
