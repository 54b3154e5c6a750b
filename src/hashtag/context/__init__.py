"""SELECT and HASH: from a listing of a build context to the fingerprint of an image. Pure."""
