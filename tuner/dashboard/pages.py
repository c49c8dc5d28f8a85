"""The pages to log in and out: plain HTML, without scripts."""

from __future__ import annotations

import base64
import hashlib
import html

STYLE = """
:root { color-scheme: light dark; --paper: #f4f6f9; --card: #fff; --ink: #1c2733;
  --faint: #5b6b7c; --line: #c8d1db; --accent: #0c6198; --accent-ink: #fff; --alarm: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #12181f; --card: #1b242e; --ink: #e6ecf2;
  --faint: #9fb0c0; --line: #3a4856; --accent: #5db3e6; --accent-ink: #0b1620;
  --alarm: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { width: 100%; max-width: 23rem; padding: 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .75rem; box-shadow: 0 .5rem 2rem #0000001a; }
h1 { margin: 0; font-size: 1.35rem; }
p { margin: .25rem 0 1.5rem; color: var(--faint); }
label { display: block; margin-bottom: .35rem; font-weight: 600; }
input, button { width: 100%; padding: .65rem .8rem; border-radius: .45rem; font: inherit; }
input { border: 1px solid var(--line); background: var(--paper); color: var(--ink); }
button { margin-top: 1rem; border: 0; background: var(--accent); color: var(--accent-ink);
  font-weight: 600; cursor: pointer; }
button:hover { filter: brightness(1.1); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a { display: block; margin-top: 1rem; text-align: center; color: var(--accent); }
[role=alert] { margin: .6rem 0 0; color: var(--alarm); }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'"


def login(problem: str = "") -> str:
    """The page that asks for the password.

    Args:
        problem: What was wrong with the last attempt, if there was one.
    """
    alert = f'<p role="alert" id="problem">{html.escape(problem)}</p>' if problem else ""
    # Without an action the form goes back to its own address, which holds where to go on to.
    return _page(
        "Log in",
        f"""<h1>Tuner dashboard</h1>
<p>Studies, trials, learning curves.</p>
<form method="post">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 required autofocus{' aria-describedby="problem"' if problem else ""}>
{alert}
<button>Log in</button>
</form>""",
    )


def logout() -> str:
    """The page that ends a session."""
    return _page(
        "Log out",
        """<h1>Log out?</h1>
<p>This browser will need the password again.</p>
<form method="post" action="/logout"><button>Log out</button></form>
<a href="/">Back to the dashboard</a>""",
    )


def _page(title: str, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Tuner</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
