"""Original and kernel side by side, on what reaches the layers of a model: right, and faster?"""
