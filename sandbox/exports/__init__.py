"""What each vendor lets a user download as files, of the same company that is served."""
