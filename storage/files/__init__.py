"""Files of studies: checkpoints and models, in a local folder or at a URL."""
