"""Takes in what cameras have recorded before they were connected: archives in folders and buckets."""
