"""Run a server under another account where we are root, because servers refuse root."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

Identity = dict[str, Any]
"""Arguments of `subprocess.Popen` that change the account; empty where we keep our own."""


def unprivileged(*names: str) -> Identity:
    """The first of the accounts called ``names`` that exists, or our own if we are not root.

    Raises:
        LookupError: we are root and none of the accounts exists.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd  # exists on POSIX only

    for name in names:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise LookupError(f"expected one of the accounts {', '.join(names)} for a server, found none")


def can_execute(program: Path, identity: Identity) -> bool:
    """Whether the account can reach and start the program; tried, not guessed."""
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, cwd=os.path.abspath(os.sep), **identity
        )
    except OSError:
        return False
    return answer.returncode == 0


def private_folder(prefix: str, identity: Identity) -> Path:
    """Make a temporary folder that belongs to the account and that it can reach.

    pytest's own `tmp_path` will not do: its parents are closed to every other account.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_open_parent(identity)))
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    return folder


def _open_parent(identity: Identity) -> Path:
    chosen = Path(tempfile.gettempdir()).resolve()
    if not identity:
        return chosen
    for parent in (chosen, Path("/tmp"), Path("/var/tmp")):
        if parent.is_dir() and all(p.stat().st_mode & 0o001 for p in (parent, *parent.parents)):
            return parent
    raise LookupError("expected a temporary folder that other accounts can reach, found none")
