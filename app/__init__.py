"""The page of georetrieve: widgets only; what they do is done by functions of the package."""
