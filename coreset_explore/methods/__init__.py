"""Selection methods, one paper a file; the folder is the table of contents, and the registry lists it."""
