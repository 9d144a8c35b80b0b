"""A whole input judged as one run: a manifest, a folder of images, a data set of the Hub."""
