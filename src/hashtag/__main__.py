"""python -m hashtag."""
