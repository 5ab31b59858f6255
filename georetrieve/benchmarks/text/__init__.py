"""Words and images: what finds what, and what is named rightly."""
