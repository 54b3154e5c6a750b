"""RESOLVE: from parsed Dockerfiles to a graph of images, each lowered to what BuildKit executes. Pure."""
