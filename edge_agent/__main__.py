"""`python -m edge_agent [--config agent.toml]`: runs the agent on a camera box until SIGTERM or SIGINT."""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from edge_agent import config as configuration
from edge_agent.agent import SHUTDOWN_SECONDS, Agent, LogBuffer
from edge_agent.cameras.sources import SourceError, SourceOpener, open_source
from edge_agent.config import AgentConfig, ConfigError, is_loopback
from edge_agent.delivery.link import Link, LinkError
from edge_agent.delivery.outbox import Outbox, OutboxError
from edge_agent.delivery.settings_file import SettingsFile
from edge_agent.delivery.uploads import Uploader
from edge_agent.delivery.views import ViewSender
from edge_agent.eyes import Eyes
from edge_agent.learned.fetching import ModelFetcher
from edge_agent.learned.store import ModelStore
from edge_agent.learned.upkeep import ModelUpkeep
from edge_agent.pictures.encoding import use_one_thread_for_pictures
from edge_agent.release import software
from edge_agent.stream.server import StreamError, StreamServer
from edge_agent.text.urls import without_password
from edge_agent.vision.files import ModelsUnavailable

UP_FILE = "AGENT_UP_FILE"
"""The environment variable that names a file to write once the agent has come up; `setup/launcher.py` waits for it."""

log = logging.getLogger("edge_agent")


def main(arguments: Sequence[str] | None = None, *, open_source: SourceOpener = open_source) -> int:
    """Run the agent. Returns 0 after a signal to stop, and 2 where it cannot start: one sentence on stderr says why.

    `open_source` opens the configured source; a simulation passes one that also opens simulated sources.
    """
    parser = argparse.ArgumentParser(
        prog="python -m edge_agent",
        description="Count the people, cups and gestures before a camera, and publish them over MQTT.",
    )
    parser.add_argument(
        "--config", type=Path, help="TOML file with the settings; environment variables HEADCOUNT_… override its keys"
    )
    parser.add_argument("--version", action="version", version=software())
    options = parser.parse_args(arguments)
    try:
        config = configuration.load(options.config, os.environ)
        _run(config, open_source)
    except (ConfigError, SourceError, LinkError, OutboxError, ModelsUnavailable) as error:
        print(f"edge agent: {error}", file=sys.stderr)
        return 2
    return 0


def _run(config: AgentConfig, open_source: SourceOpener) -> None:
    use_one_thread_for_pictures()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log_buffer = _configure_logging()
    outbox = Outbox(config.outbox, config.outbox_max_bytes)
    eyes = Eyes(config)
    source = open_source(config.source, repeat=config.repeat)
    link = Link(config, outbox, software=software(), epoch_ms=_epoch_ms)
    uploader = Uploader(config, outbox) if config.upload_url else None
    stream = _open_stream(config)
    settings_file = SettingsFile(config.outbox)
    models = _model_fetcher(config)
    views = ViewSender(config, lambda: link.trouble or log_buffer.latest) if config.platform_url else None
    agent = Agent(
        config,
        source,
        eyes,
        outbox,
        log_buffer,
        stream=stream,
        settings_file=settings_file,
        models=ModelUpkeep(models),
        views=views,
        up_file=Path(os.environ[UP_FILE]) if UP_FILE in os.environ else None,
    )
    agent.restore_settings(link)
    link.start()
    for helper in (uploader, models):
        if helper:
            helper.start()
    if views:
        views.start()
    log.info("reading frames from %s as device %s", without_password(config.source), config.thing)
    try:
        agent.run(link, stop)
    finally:
        if stream:
            stream.close()
        if views:
            views.stop()
        source.close()
        for helper in (uploader, models):
            if helper:
                helper.stop(SHUTDOWN_SECONDS)
        link.stop(SHUTDOWN_SECONDS)
        outbox.close()
    log.info("stopped; %d messages remain in the outbox", outbox.messages)


def _model_fetcher(config: AgentConfig) -> ModelFetcher | None:
    """Return what fetches trained models, which needs a device token as uploads do; None without one."""
    if config.device_token is None:
        return None
    return ModelFetcher(config, ModelStore(config.outbox.with_name(f"{config.outbox.name}.models"), config.models))


def _open_stream(config: AgentConfig) -> StreamServer | None:
    """Serve the stream; None where it is off. Where the address cannot be served, that is logged."""
    if config.stream_address is None:
        return None
    host, port = config.stream_address
    try:
        stream = StreamServer(host, port)
    except StreamError as error:
        log.warning("%s", error)
        return None
    log.info("the stream is at http://%s/", config.stream)
    if not is_loopback(host):
        log.warning("everybody who can connect to %s can watch the stream, without a password", config.stream)
    return stream


def _configure_logging() -> LogBuffer:
    """Log to stderr, and return the buffer from which warnings and errors go to the platform."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    log_buffer = LogBuffer()
    logging.getLogger("edge_agent").addHandler(log_buffer)
    return log_buffer


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
