"""Models that come with code of their own, and a loopback Hub that serves models."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CODE = """\
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel


class Config(PreTrainedConfig):
    model_type = "evil"


class Norm(nn.Identity):
    kernel_layer_name = "Norm"


class Model(PreTrainedModel):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        self.norm = Norm()
        self.post_init()
"""


@contextmanager
def serve_models(
    repositories: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[str, list[str]]]:
    """Serve the files of repositories, by id and name, on a free port until the block ends.

    Yields the address, for HF_ENDPOINT, and the growing list of requests. What is not there is a
    404, as is all else of the Hub.
    """
    requests: list[str] = []
    files = {
        f"/{repo_id}/resolve/main/{name}": text.encode()
        for repo_id, texts in repositories.items()
        for name, text in texts.items()
    }

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._reply(with_body=False)

        def do_GET(self) -> None:
            self._reply(with_body=True)

        def do_POST(self) -> None:
            self._reply(with_body=True)

        def _reply(self, *, with_body: bool) -> None:
            requests.append(f"{self.command} {self.path}")
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("X-Repo-Commit", "a" * 40)
            self.send_header("ETag", f'"{hash(content)}"')
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if with_body and content is not None:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: the requests are kept in the list."""

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
