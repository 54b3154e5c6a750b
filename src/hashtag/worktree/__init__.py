"""READ: the only package that opens the files of a repository, and asks git."""
