"""A Hugging Face Hub of one thread and one user, in memory: what its real client library says to it, it does.

Files go by the older of the two ways the Hub knows (LFS over HTTP; the client takes it when xet is turned off).
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

TOKEN = "hf_a_token_of_our_own"
_SMALL = (".json", ".jsonl", ".md", ".txt")


@dataclass
class Commit:
    """A state of a branch.

    Attributes:
        oid: Its hash.
        message: Its title.
        files: Bytes by path.
    """

    oid: str
    message: str
    files: dict[str, bytes]


@dataclass
class Repository:
    """A dataset repository."""

    private: bool
    branches: dict[str, list[Commit]] = field(
        default_factory=lambda: {"main": [Commit("0" * 40, "begin", {})]}
    )
    tags: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def files(self) -> dict[str, bytes]:
        """Bytes by path on the main branch."""
        return self.branches["main"][-1].files


@dataclass
class FakeHub:
    """Serves on 127.0.0.1 from a thread of its own.

    Attributes:
        readonly: Refuse every write with 403.
        forbidden: Paths that nobody may read.
        spoil: Told of each upload before it is taken; what it raises breaks the connection.
    """

    readonly: bool = False
    forbidden: set[str] = field(default_factory=set[str])
    spoil: Callable[[int], None] = lambda number: None
    repositories: dict[str, Repository] = field(default_factory=dict[str, Repository])
    stored: dict[str, bytes] = field(default_factory=dict[str, bytes])
    uploads: int = 0
    downloads: list[str] = field(default_factory=list[str])

    def publish(self, name: str, root: Path) -> Repository:
        """A repository with the files of a folder."""
        files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }
        self.repositories[name] = Repository(False, {"main": [Commit("1" * 40, "publish", files)]})
        return self.repositories[name]

    def __enter__(self) -> Self:
        handler = type("Handler", (self.handler(),), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def handler(self) -> type[Handler]:
        """What answers requests."""
        return Handler

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers requests, each by the first of its routes that fits.

    Attributes:
        hub: Whose requests they are.
        routes: Method, pattern of the path, and what answers with the body and the groups of the pattern.
    """

    hub: FakeHub
    routes: Sequence[tuple[str, str, Callable[..., None]]]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunked()
        path = unquote(urlsplit(self.path).path)
        for method, pattern, answer in self.routes:
            found = re.fullmatch(pattern, path)
            if found and method in (self.command, "GET" if self.command == "HEAD" else ""):
                if method != "GET" and self.hub.readonly:
                    return self._say(403, {"error": "read only"})
                return answer(self, body, *found.groups())
        return self._say(404, {"error": f"{self.command} {path}"})

    def _chunked(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _say(self, status: int, data: Any = None, headers: dict[str, str] | None = None) -> None:
        raw = data if isinstance(data, bytes) else json.dumps(data if data is not None else {}).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(raw)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _repository(self, name: str) -> Repository | None:
        found = self.hub.repositories.get(name)
        if found is None:
            self._say(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        return found

    def _at(self, repository: Repository, revision: str) -> Commit | None:
        commits = {commit.oid: commit for line in repository.branches.values() for commit in line}
        found = (
            repository.branches[revision][-1]
            if revision in repository.branches
            else commits.get(repository.tags.get(revision, revision))
        )
        if found is None:
            self._say(404, {"error": "no such revision"}, {"X-Error-Code": "RevisionNotFound"})
        return found

    def whoami(self, body: bytes) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._say(401, {"error": "Invalid username or password."})
        return self._say(200, {"type": "user", "name": "us", "auth": {}})

    def create(self, body: bytes) -> None:
        wanted = json.loads(body)
        name = f"{wanted.get('organization') or 'us'}/{wanted['name']}"
        if name in self.hub.repositories:
            return self._say(
                409,
                {"error": "You already created this dataset repo", "url": f"{self.hub.url}/datasets/{name}"},
            )
        self.hub.repositories[name] = Repository(
            bool(wanted.get("private")) or wanted.get("visibility") == "private"
        )
        return self._say(200, {"url": f"{self.hub.url}/datasets/{name}", "name": name, "id": "1"})

    def branch(self, body: bytes, name: str, branch: str) -> None:
        if repository := self._repository(name):
            if branch in repository.branches:
                return self._say(409, {"error": "Reference already exists"})
            repository.branches[branch] = list(repository.branches["main"])
            self._say(201)
        return None

    def yaml(self, body: bytes) -> None:
        assert json.loads(body)["content"].startswith("---\n")
        self._say(200, {"errors": [], "warnings": []})

    def preupload(self, body: bytes, name: str, revision: str) -> None:
        repository = self._repository(name)
        if repository is None or self._at(repository, revision) is None:
            return
        paths = [file["path"] for file in json.loads(body)["files"]]
        modes = {path: "regular" if path.endswith(_SMALL) else "lfs" for path in paths}
        found = [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()]
        self._say(200, {"files": found})

    def batch(self, body: bytes, name: str) -> None:
        objects: list[dict[str, Any]] = []
        for wanted in json.loads(body)["objects"]:
            found: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.hub.stored:
                found["actions"] = {"upload": {"href": f"{self.hub.url}/lfs/{wanted['oid']}", "header": {}}}
            objects.append(found)
        self._say(200, {"transfer": "basic", "objects": objects})

    def take(self, body: bytes, oid: str) -> None:
        try:
            self.hub.spoil(self.hub.uploads)
        except ConnectionError:
            self.close_connection = True
            return
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.uploads += 1
        self.hub.stored[oid] = body
        self._say(200)

    def commit(self, body: bytes, name: str, revision: str) -> None:
        repository = self._repository(name)
        parent = repository and self._at(repository, revision)
        if not repository or not parent:
            return
        files = dict(parent.files)
        message = ""
        for line in body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            match operation["key"]:
                case "header":
                    message = value["summary"]
                case "file":
                    files[value["path"]] = b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.hub.stored[value["oid"]]
        oid = hashlib.sha1(body).hexdigest()
        repository.branches[revision].append(Commit(oid, message, files))
        self._say(
            200,
            {"success": True, "commitUrl": f"{self.hub.url}/datasets/{name}/commit/{oid}", "commitOid": oid},
        )

    def tag(self, body: bytes, name: str, given: str) -> None:
        repository = self._repository(name)
        if repository is None:
            return None
        if self.command == "DELETE":
            if repository.tags.pop(given, None) is None:
                return self._say(404, {"error": "no such tag"}, {"X-Error-Code": "RevisionNotFound"})
            return self._say(200)
        if commit := self._at(repository, given):
            repository.tags[json.loads(body)["tag"]] = commit.oid
            self._say(200)
        return None

    def info(self, body: bytes, name: str, revision: str = "main") -> None:
        repository = self._repository(name)
        if repository and (commit := self._at(repository, revision)):
            known = {"id": name, "sha": commit.oid, "private": repository.private, "downloads": 0, "likes": 0}
            self._say(
                200, known | {"tags": [], "siblings": [{"rfilename": path} for path in sorted(commit.files)]}
            )

    def tree(self, body: bytes, name: str, revision: str, _: str | None) -> None:
        repository = self._repository(name)
        if repository and (commit := self._at(repository, revision)):
            listed = sorted(commit.files.items())
            self._say(200, [{"type": "file", "path": p, "size": len(d), "oid": _sha1(d)} for p, d in listed])

    def resolve(self, body: bytes, name: str, revision: str, path: str) -> None:
        repository = self._repository(name)
        commit = repository and self._at(repository, revision)
        if not commit:
            return None
        data = commit.files.get(path)
        known = {"X-Repo-Commit": commit.oid}
        if data is None:
            return self._say(404, {"error": "Entry not found"}, known | {"X-Error-Code": "EntryNotFound"})
        if path in self.hub.forbidden:
            return self._say(403, {"error": "no access"}, known)
        if self.command == "GET":
            self.hub.downloads.append(path)
        return self._say(200, data, known | {"ETag": f'"{_sha1(data)}"'})


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


_NAME = r"([\w.-]+/[\w.-]+)"
Handler.routes = [
    ("GET", "/api/whoami-v2", Handler.whoami),
    ("POST", "/api/repos/create", Handler.create),
    ("POST", f"/api/datasets/{_NAME}/branch/(.+)", Handler.branch),
    ("POST", "/api/validate-yaml", Handler.yaml),
    ("POST", f"/api/datasets/{_NAME}/preupload/(.+)", Handler.preupload),
    ("POST", rf"/datasets/{_NAME}\.git/info/lfs/objects/batch", Handler.batch),
    ("PUT", "/lfs/([0-9a-f]+)", Handler.take),
    ("POST", f"/api/datasets/{_NAME}/commit/(.+)", Handler.commit),
    ("POST", f"/api/datasets/{_NAME}/tag/(.+)", Handler.tag),
    ("DELETE", f"/api/datasets/{_NAME}/tag/(.+)", Handler.tag),
    ("GET", f"/api/datasets/{_NAME}", Handler.info),
    ("GET", f"/api/datasets/{_NAME}/revision/(.+)", Handler.info),
    ("GET", f"/api/datasets/{_NAME}/tree/([^/]+)(/.*)?", Handler.tree),
    ("GET", f"/datasets/{_NAME}/resolve/([^/]+)/(.+)", Handler.resolve),
]
