"""What is on disk, and how it becomes images."""
