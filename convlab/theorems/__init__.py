"""The theorems, one file a topic: a file in this folder is its registration."""
