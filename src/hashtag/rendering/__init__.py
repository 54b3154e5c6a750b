"""RENDER: a plan or a graph as text for one kind of reader; one module each. Pure."""
