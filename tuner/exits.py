"""What a worker process and its supervisor agree upon."""

URL_VARIABLE = "TUNER_STORAGE"  # not an argument: the process list shows arguments to everybody
CANNOT_WORK = 2  # exit code of a worker: another attempt would fail in the same way
REPLACE = 3  # exit code of a worker that has grown too large: start a fresh one
