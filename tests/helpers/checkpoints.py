"""Checkpoints of other versions."""

import json

from paceline.store import checkpoint


def other_schema(path):
    """What a later version might write."""
    manifest = json.loads((path / "MANIFEST.json").read_text())
    del manifest["sha256"]
    manifest = checkpoint._sealed({**manifest, "schema": 2, "more": []})
    (path / "MANIFEST.json").write_bytes(checkpoint._text(manifest))
