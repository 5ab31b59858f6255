"""Maps of images by the nearest patches of labelled ones."""
