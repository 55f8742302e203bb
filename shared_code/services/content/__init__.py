"""The content service: words, sentences and lessons, found, read and edited."""
