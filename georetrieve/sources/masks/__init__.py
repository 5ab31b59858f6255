"""What is known of the pixels of an image: masks, outlines, clicks."""
