"""Maps of images as files: masks, pictures, outlines, percentages."""
