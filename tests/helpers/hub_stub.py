"""A hub on this machine: as much of its HTTP as making a repository, sending files and reading
them again needs. The client is the real one."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """What the hub holds, and how it answers."""

    name: str = "me"
    role: str = "write"
    orgs: tuple[str, ...] = ("team",)
    known: bool = True
    """False: no token is known."""
    may_write: bool = True
    loses: str = ""
    """The name of a file that a commit drops."""
    takes_commits: bool = True
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    address: str = ""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """A context in which the hub answers at its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _mode(name: str) -> str:
    return "lfs" if name.endswith((".safetensors", ".gguf")) else "regular"


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                found = b""
                while size := int(self.rfile.readline(), 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return found
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def answer(
            self, code: int, data: Any = None, raw: bytes | None = None, **headers: str
        ) -> None:
            sent = json.dumps(data).encode() if raw is None else raw
            self.send_response(code)
            for key, value in {"Content-Length": str(len(sent)), **headers}.items():
                self.send_header(key.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(sent)

        def refused(self) -> bool:
            if not hub.known:
                self.answer(401, {"error": "Invalid username or password."})
            return not hub.known

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.calls.append(f"GET {path}")
            if self.refused():
                return
            if path == "/api/whoami-v2":
                self.answer(200, {
                    "type": "user", "name": hub.name, "orgs": [{"name": one} for one in hub.orgs],
                    "auth": {"accessToken": {"role": hub.role, "displayName": "x"}},
                })  # fmt: skip
                return
            repository = "/".join(path.removeprefix("/api/models/").split("/")[:2])
            if "/resolve/" in path:
                repository, _, rest = path[1:].partition("/resolve/")
                content = hub.repositories.get(repository, {}).get(rest.partition("/")[2])
                if content is None:
                    self.answer(404, {"error": "not found"}, X_Error_Code="EntryNotFound")
                else:
                    etag = f'"{hashlib.sha1(content).hexdigest()}"'
                    self.answer(200, raw=content, ETag=etag, X_Repo_Commit="0" * 40)
                return
            if repository not in hub.repositories:
                self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
                return
            files = hub.repositories[repository]
            if "/tree/" in path:
                self.answer(200, [
                    {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                    for name, content in files.items()
                ])  # fmt: skip
                return
            self.answer(200, {
                "id": repository, "sha": "0" * 40, "private": hub.private[repository],
                "siblings": [{"rfilename": n, "size": len(c)} for n, c in files.items()],
            })  # fmt: skip

        do_HEAD = do_GET

        def do_PUT(self) -> None:
            hub.blobs[self.path.rpartition("/")[2]] = self.body()
            self.answer(200, {})

        def do_POST(self) -> None:
            body, path = self.body(), urlsplit(self.path).path
            hub.calls.append(f"POST {path}")
            if self.refused():
                return
            if path.startswith("/api/validate-yaml"):
                self.answer(200, {"errors": [], "warnings": []})
            elif path == "/api/repos/create":
                self.make(json.loads(body))
            elif "/preupload/" in path:
                names = [one["path"] for one in json.loads(body)["files"]]
                self.answer(200, {"files": [
                    {"path": name, "shouldIgnore": False, "oid": None, "uploadMode": _mode(name)}
                    for name in names
                ]})  # fmt: skip
            elif path.endswith("/info/lfs/objects/batch"):
                self.answer(200, {"transfer": "basic", "objects": [
                    {**one, "actions": {"upload": {"href": f"{hub.address}/lfs/{one['oid']}"}}}
                    for one in json.loads(body)["objects"]
                ]})  # fmt: skip
            elif "/commit/" in path and not hub.takes_commits:
                self.answer(500, {"error": "try again later"})
            elif "/commit/" in path:
                self.commit(path.removeprefix("/api/models/").partition("/commit/")[0], body)
            else:
                self.answer(404, {"error": path})

        def do_DELETE(self) -> None:
            asked = json.loads(self.body())
            hub.calls.append(f"DELETE {urlsplit(self.path).path}")
            name = f"{asked.get('organization') or hub.name}/{asked['name']}"
            del hub.repositories[name], hub.private[name]
            self.answer(200, {})

        def make(self, asked: dict[str, Any]) -> None:
            name = f"{asked.get('organization') or hub.name}/{asked['name']}"
            if not hub.may_write:
                self.answer(403, {"error": "You don't have the rights to create a model"})
                return
            there = name in hub.repositories
            if not there:
                hub.repositories[name] = {".gitattributes": b""}
                hub.private[name] = asked.get("visibility") == "private"
            self.answer(
                409 if there else 200, {"url": f"{hub.address}/{name}", "id": "1", "name": name}
            )

        def commit(self, repository: str, body: bytes) -> None:
            files = hub.repositories[repository]
            for line in body.decode().splitlines():
                one = json.loads(line)
                value = one["value"]
                if one["key"] == "file" and value["path"] != hub.loses:
                    files[value["path"]] = base64.b64decode(value["content"])
                if one["key"] == "lfsFile" and value["path"] != hub.loses:
                    files[value["path"]] = hub.blobs[value["oid"]]
            address = f"{hub.address}/{repository}/commit/abc"
            self.answer(200, {"commitUrl": address, "commitOid": "abc", "success": True})

    return Handler
