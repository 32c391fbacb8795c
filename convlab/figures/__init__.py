"""The lecture's figures, one declaration a file. A file in this folder is its registration."""
