"""Looking for what would make a claim false."""
