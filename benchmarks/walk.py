"""One walk, nothing hashed: walk.py FOLDER PATTERNS."""

from __future__ import annotations

import sys
from pathlib import Path

import trees

from hashtag.context.ignore import IgnoreRules
from hashtag.worktree.views import View, Views
from hashtag.worktree.walk import read_tree

if __name__ == "__main__":
    text = {"0": "", "12": trees.IGNORE_FILE, "112": trees.many_patterns()}[sys.argv[2]]
    read_tree(Path(sys.argv[1]), Views([View("", IgnoreRules.parse(text))]))
