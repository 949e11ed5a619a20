"""A public demo link to this server, through Gradio's tunnel."""

from __future__ import annotations

import asyncio
import logging
import secrets
from urllib.parse import urlsplit

logger = logging.getLogger(__name__)


def open_share_link(port: int) -> str | None:
    """The address of a new link to 127.0.0.1:`port`; None where there is no tunnel to be had.

    Blocks for up to a minute: Gradio's service is asked for a tunnel server, and the tunnel's
    program is downloaded once. Whatever goes wrong is told in one line, and the app goes on.
    """
    from gradio.networking import setup_tunnel

    try:
        address: str = setup_tunnel(
            local_host="127.0.0.1",
            local_port=port,
            share_token=secrets.token_urlsafe(32),
            share_server_address=None,
            share_server_tls_certificate=None,
        )
    except Exception as error:  # noqa: BLE001 - a thread's border: the app goes on without a link
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        logger.warning("No share link: %s The app goes on without one.", reason)
        return None
    # The tunnel names itself by http, and Gradio's servers speak https.
    return urlsplit(address)._replace(scheme="https").geturl()


def close_share_links() -> None:
    """End the tunnels' processes, so that none outlives the app."""
    from gradio.tunneling import CURRENT_TUNNELS

    for tunnel in CURRENT_TUNNELS:
        tunnel.kill()


async def keep_share_link(port: int) -> None:
    """Open a link, say where it is, and hold it until this is cancelled."""
    try:
        address = await asyncio.to_thread(open_share_link, port)
        if address is not None:
            logger.info("Anyone with this link can use the app, for up to a week: %s", address)
            await asyncio.Event().wait()
    finally:
        close_share_links()
