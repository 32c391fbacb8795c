"""Running an algorithm: cases, engine, random streams, exact expectations."""
