"""What nearest neighbours tell: classes of items, maps of images, words that fit."""
