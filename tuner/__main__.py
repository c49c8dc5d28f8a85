"""``python -m tuner``, the same as ``tuner``."""

import sys

if not sys.flags.safe_path:
    # The current folder stands first on the path: a `storage/` of the user's would hide ours.
    sys.path.append(sys.path.pop(0))

from tuner.cli import main

if __name__ == "__main__":
    main(prog_name="tuner")
