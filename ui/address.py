"""Where this server is reached, which the browser alone knows for certain."""

from __future__ import annotations

import re

import gradio as gr

# For an event whose last input is to be the address: behind a share link, on a Space or behind a
# proxy the server itself knows neither its name nor whether it is reached by https.
ADD_ADDRESS = """(...inputs) =>
    [...inputs.slice(0, -1), location.origin + location.pathname.replace(/\\/+$/, "")]"""
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]+(?:/[A-Za-z0-9._~/-]*)?")


def read_address(address: str, request: gr.Request) -> str:
    """What `ADD_ADDRESS` put in, without a slash at its end; the host of `request` where it is
    no address."""
    if isinstance(address, str) and _ADDRESS.fullmatch(address):
        return address
    return f"http://{request.headers.get('host', '')}"
