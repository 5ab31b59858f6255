"""Networks of several libraries behind one face: pixels in, class and patch tokens out."""
