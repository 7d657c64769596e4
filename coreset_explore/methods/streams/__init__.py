"""Streams, one paper a file: what to keep of rows that come by once, in a memory of fixed size."""
