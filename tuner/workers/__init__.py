"""Worker processes: started, watched, replaced, and how many of them pay."""
