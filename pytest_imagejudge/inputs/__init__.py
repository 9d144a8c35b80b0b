"""Rows to judge: manifests, folders of images, files of Hub data sets, and people's opinion scores."""
