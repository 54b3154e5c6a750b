"""The registry's nouns: references, digests, platforms, manifests, and the ports that move them."""
