"""What Streamlit has no widget for: a gallery, a viewer of large images, a map of points.

Each is a folder with a module and the script and style it puts into the page; all are sent by the
page's own server.
"""
