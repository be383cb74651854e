"""Files that vendors let a user download, as another way to what their APIs answer."""
