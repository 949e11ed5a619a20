"""The composition root: settings → engine and models → server and page. Nothing else builds.

python app.py            serves on http://127.0.0.1:7860
python app.py --help     lists every setting
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import re
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from settings import PROGRAM, Settings, SettingsError, flag_of, load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api.overlap import Corpus
    from model.engine.base import Engine
    from model.engine.generation import Slot
    from model.loading.catalogue import Catalogue
    from model.loading.residency import Residency
    from model.remote import RemoteModel
    from model.service import GenerationService

logger = logging.getLogger("app")

# Read by these libraries when they are imported, which is why all of theirs, and of ours that
# needs them, is imported inside of functions in this file.
LIBRARY_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # The tokenizers' own threads buy nothing here, and warn when a process forks.
    "TOKENIZERS_PARALLELISM": "false",
}
LOOPBACK_NAMES = "127.0.0.1,localhost,::1"
UNREAD_SECONDS = 600
OPEN_API = (
    "Everybody who can reach this app can use its API. Set STARCODER_API_KEY to a key that the "
    "API's clients have to send. The page, and its named end points for gradio_client, stay open "
    "to everybody."
)
OPEN_KEY = (
    "The remote model's key and the prompts go to its server unencrypted: its address begins with "
    "http:. Give one with https: in {setting}, where the server has one."
)

ZEROGPU_TITLE = "StarCoder does not run on ZeroGPU yet"
ZEROGPU_TEXT = (
    "ZeroGPU lends a GPU to one function call at a time, and this app keeps its model on the "
    "device. Please choose a CPU or a GPU of its own in this Space's settings; the app then "
    "starts as it is."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the app until it is interrupted; its exit status."""
    try:
        settings = load_settings(sys.argv[1:] if argv is None else argv)
        corpus = load_corpus(settings)
        listener = listen(settings.host, settings.port)
    except (SettingsError, PortError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logging(settings.log_level)
    prepare_environment()
    logger.info("Starting the StarCoder playground ...")
    if settings.hosting == "zerogpu":
        from api.server import build_notice_server

        logger.warning(ZEROGPU_TEXT)
        app = build_notice_server(ZEROGPU_TITLE, ZEROGPU_TEXT)
    else:
        port = listener.getsockname()[1]
        app = build_app(settings, build_service(settings), port, corpus)
    serve(app, listener, settings.log_level)
    return 0


def prepare_environment() -> None:
    """Keep libraries from calling home, and calls to ourselves off a proxy."""
    for name, value in LIBRARY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK_NAMES)))


def load_corpus(settings: Settings) -> Corpus | None:
    """What /overlap looks code up in.

    Raises:
        SettingsError: what --attribution-index names is no index of this version.
    """
    from safety.attribution.index import AttributionError, load_index
    from safety.attribution.portraits import Portraits

    if settings.attribution_url:
        return Portraits(settings.attribution_url)
    if settings.attribution_index is None:
        return None
    try:
        return load_index(settings.attribution_index)
    except AttributionError as error:
        raise SettingsError(f"{flag_of('attribution_index')}: {error}.") from None


def build_app(
    settings: Settings, service: GenerationService, port: int, corpus: Corpus | None = None
) -> FastAPI:
    """The whole app: server, routes and page. Nothing runs or loads before it is served."""
    import gradio as gr

    from api.server import build_server
    from api.share_link import keep_share_link
    from model.loading.assistant_prompt import AssistantPromptSource
    from ui.editor import STATIC_PATH, static_files
    from ui.page import build_page

    if settings.is_public and not settings.api_key:
        logger.warning(OPEN_API)
    sharing = [partial(keep_share_link, port)] if settings.share else []
    app = build_server(
        service,
        max_body_bytes=settings.max_body_bytes,
        is_public=settings.is_public,
        is_on_space=settings.hosting == "space",
        allowed_hosts=settings.allowed_host_names,
        cors_origins=settings.cors_origin_names,
        api_keys=settings.api_keys,
        background=[partial(narrate_loading, service.residency), *sharing],
        deadline=settings.deadline_seconds,
        corpus=corpus,
    )
    page = build_page(
        service,
        AssistantPromptSource(),
        is_public=settings.is_public,
        deadline=settings.deadline_seconds,
        catalogue=_build_catalogue(settings),
        needs_key=bool(settings.api_key),
        space_id=os.environ.get("SPACE_ID", "") if settings.hosting == "space" else "",
        remote=build_remote(settings),
    )
    app.mount(STATIC_PATH, static_files())
    # Gradio's own queue never queues: admission does, for the page and the routes alike.
    page.blocks.queue(default_concurrency_limit=None, api_open=False)
    gr.mount_gradio_app(
        app,
        page.blocks,
        path="/",
        theme=page.theme,
        css=page.css,
        head=page.head,
        i18n=page.i18n,
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        show_error=False,
        footer_links=[],
        max_file_size="1kb",
        allowed_paths=[],
    )
    return app


def _build_catalogue(settings: Settings) -> Catalogue | None:
    """The models that the page can load. Strangers do not choose one, nor fill the disk, and a
    server elsewhere has its own."""
    from model.loading.catalogue import Catalogue

    if settings.is_public or settings.engine == "remote":
        return None
    return Catalogue(settings.model_folder_paths)


def build_service(settings: Settings) -> GenerationService:
    """The engine, where its models come from, and what runs requests on them."""
    from model.engine.generation import SLOTS
    from model.loading.remote_sources import build_remote_sources
    from model.loading.residency import Residency
    from model.loading.slot import ModelSource
    from model.loading.sources import build_sources
    from model.presets import ModelPreset
    from model.service import GenerationService

    engine = build_engine(settings)
    # Where strangers share the app, one of them must not put the other's model out of memory.
    may_swap = not settings.is_public
    names: dict[Slot, str] = {"base": settings.base_model, "chat": settings.chat_model}
    sources: dict[Slot, ModelSource]
    if settings.engine == "scripted":
        script = ModelPreset("scripted", "Script without a model")
        sources = {slot: ModelSource(script, lambda report: None) for slot in SLOTS}
    elif settings.engine == "remote":
        sources = build_remote_sources(names, _endpoint_models(settings))
    else:
        sources = build_sources(names, settings.quantization, engine, may_swap=may_swap)
    residency = Residency(engine, sources, may_swap=may_swap, tells_reasons=not settings.is_public)
    return GenerationService(residency, engine)


def build_remote(settings: Settings) -> RemoteModel | None:
    """The model on another machine that the page may offer; None where there is none, or where
    strangers would use it up."""
    from model.remote import RemoteModel

    if not settings.offers_remote:
        return None
    if settings.exposes_remote_key:
        logger.warning(OPEN_KEY.format(setting="STARCODER_REMOTE_URL"))
    return RemoteModel(
        settings.remote_url,
        settings.remote_model,
        settings.remote_key.get_secret_value() if settings.remote_key else "",
        tells_reasons=not settings.is_public,
    )


def build_engine(settings: Settings) -> Engine:
    if settings.engine == "scripted":
        from model.engine.scripted import ScriptedEngine

        return ScriptedEngine(
            max_waiting=settings.max_waiting,
            tokens_per_second=settings.scripted_speed,
            load_seconds=settings.scripted_load_seconds,
        )
    if settings.engine == "remote":
        return _build_remote_engine(settings)
    from model.engine.local import LocalEngine
    from model.loading.cache import user_cache_folder

    return LocalEngine(
        cache_folder=user_cache_folder(),
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
        max_waiting=settings.max_waiting,
        prefill_chunk=settings.prefill_chunk,
        memory_limit=settings.memory_limit_bytes,
    )


def _build_remote_engine(settings: Settings) -> Engine:
    from model.engine.remote import RemoteEngine
    from model.remote_host import RemoteHost

    if settings.exposes_endpoint_key:
        logger.warning(OPEN_KEY.format(setting="STARCODER_ENDPOINT_URL"))
    host = RemoteHost(
        settings.endpoint_url,
        settings.endpoint_key.get_secret_value() if settings.endpoint_key else "",
        settings="STARCODER_ENDPOINT",
        tells_reasons=not settings.is_public,
        # Where a server stands is no stranger's business.
        alias=settings.endpoint_model if settings.is_public else "",
    )
    return RemoteEngine(
        host,
        _endpoint_models(settings),
        kind=settings.endpoint_kind,
        max_waiting=settings.max_waiting,
        num_at_once=settings.endpoint_requests,
    )


def _endpoint_models(settings: Settings) -> dict[Slot, str]:
    return {"base": settings.endpoint_model, "chat": settings.endpoint_chat_model}


class PortError(OSError):
    """The address cannot be served on; the text says why."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, before anything slow is imported or loaded.

    Raises:
        PortError: the address is taken, forbidden or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        advice = f"Choose another one: {PROGRAM} --port {port + 1 if port < 65535 else 7860}"
        if error.errno == errno.EADDRINUSE:
            raise PortError(f"Port {port} of {host} is in use already. {advice}") from error
        raise PortError(f"Cannot serve on {host}:{port}: {error.strerror}. {advice}") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections inherit it. A closed one waits for its client to read the rest, and one that
        # never reads would keep it for ever.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
    return listener


def serve(app: FastAPI, listener: socket.socket, log_level: str) -> None:
    """Serve on the main thread until Ctrl+C or SIGTERM."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            logger.info("\n  Open  %s\n  Stop  Ctrl+C\n", address_of(listener))

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # An open page holds streams that never end. Hanging up ends them in order, on the
            # path of a client that has gone.
            for connection in list(self.server_state.connections):
                connection.transport.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="debug" if log_level == "debug" else "warning",
        # Query strings hold session names.
        access_log=False,
        # A client's address is taken from nobody's word.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    # `Server.run` would wait for the threads of a model that is still loading.
    loop = (config.get_loop_factory() or asyncio.new_event_loop)()
    with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises anew when it is done
        loop.run_until_complete(Server(config).serve(sockets=[listener]))
    logger.info("Stopped.")


def address_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds the app."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


async def narrate_loading(residency: Residency) -> None:
    """Log what happens to the models, for as long as the app runs. A failure is logged where it
    is caught."""
    from model.engine.generation import SLOTS
    from model.loading.narration import narrate

    async def log(slot: Slot) -> None:
        async for line in narrate(residency, slot):
            logger.info(line)

    await asyncio.gather(*map(log, SLOTS))


class PlainFormatter(logging.Formatter):
    """News as plain lines, the rest with its level and source; each with the id of its request;
    access tokens blacked out."""

    _TOKEN = re.compile(r"hf_\w{8,}")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.levelno != logging.INFO:
            text = f"{record.levelname.lower()}: {record.name}: {text}"
        if request_id := getattr(record, "request_id", ""):
            text = f"{text} [{request_id}]"
        return self._TOKEN.sub("hf_***", text)


def configure_logging(level: str) -> None:
    """Everything to the terminal, once. Libraries speak up from a warning on."""
    from api.request_ids import RequestIdFilter

    handler = logging.StreamHandler()
    handler.addFilter(RequestIdFilter())
    handler.setFormatter(PlainFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("app", "api", "model", "ui"):
        logging.getLogger(name).setLevel(level.upper())


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:
        status = 130
    logging.shutdown()
    sys.stdout.flush()
    # Threads that load a model cannot be interrupted; leaving without them is what Ctrl+C asks.
    os._exit(status)
