"""`python -m edge_agent [--config agent.toml]`: runs the agent until SIGTERM or SIGINT."""

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
from edge_agent.agent import GOODBYE_SECONDS, Agent, Troubles
from edge_agent.cameras.sources import SourceError, SourceOpener, open_source, without_password
from edge_agent.config import AgentConfig, ConfigError, is_loopback
from edge_agent.delivery.link import Link, LinkError
from edge_agent.delivery.outbox import Outbox, OutboxError
from edge_agent.delivery.remembered import Remembered
from edge_agent.delivery.uploads import Uploader
from edge_agent.eyes import Eyes
from edge_agent.pictures.encoding import use_one_thread_for_pictures
from edge_agent.stream.server import Stream, StreamError
from edge_agent.vision.files import ModelsUnavailable

SOFTWARE = "headcount-edge-agent 0.1.0"

log = logging.getLogger("edge_agent")


def main(arguments: Sequence[str] | None = None, *, open_source: SourceOpener = open_source) -> int:
    """Run the agent. Returns 0 after a signal to stop, and 2 where it cannot start: one sentence on stderr says why.

    `open_source` opens the configured source; a simulation passes one that also opens simulated sources.
    """
    parser = argparse.ArgumentParser(prog="python -m edge_agent", description="The program on a camera box.")
    parser.add_argument("--config", type=Path, help="TOML file; HEADCOUNT_… environment variables override it")
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
    troubles = _log_to_stderr_and_platform()
    outbox = Outbox(config.outbox, config.outbox_max_bytes)
    eyes = Eyes(config)
    source = open_source(config.source, repeat=config.repeat)
    link = Link(config, outbox, software=SOFTWARE, epoch_ms=_epoch_ms)
    uploader = Uploader(config, outbox) if config.upload_url else None
    stream = _stream(config)
    agent = Agent(config, source, eyes, outbox, troubles, stream=stream, remembered=Remembered(config.outbox))
    agent.resume(link)
    link.start()
    if uploader:
        uploader.start()
    log.info("looking at %s as %s", without_password(config.source), config.thing)
    try:
        agent.run(link, stop)
    finally:
        if stream:
            stream.close()
        source.close()
        if uploader:
            uploader.stop(GOODBYE_SECONDS)
        link.stop(GOODBYE_SECONDS)
        outbox.close()
    log.info("stopped; %d messages wait in the outbox", outbox.messages)


def _stream(config: AgentConfig) -> Stream | None:
    """The stream, where one is wanted. That it cannot be served is no reason not to count."""
    if config.stream_address is None:
        return None
    host, port = config.stream_address
    try:
        stream = Stream(host, port)
    except StreamError as error:
        log.warning("%s", error)
        return None
    log.info("the stream is at http://%s/", config.stream)
    if not is_loopback(host):
        log.warning("the stream is open to everybody who reaches %s", config.stream)
    return stream


def _log_to_stderr_and_platform() -> Troubles:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    troubles = Troubles()
    logging.getLogger("edge_agent").addHandler(troubles)
    return troubles


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
