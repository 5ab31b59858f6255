"""One module a page; each has ``show(opened)``.

Not named ``pages``: Streamlit would take each module of a folder of that name for a script.
"""
