"""Arguments in, exit status out; one module a verb."""
