"""Tables, blobs and the data lake."""
