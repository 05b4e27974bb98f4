"""How notebooks show a picture: as what Jupyter writes, and so all viewers show, PNG, JPEG and SVG.

GIF and WebP, which nbconvert does not show, become PNG, which can be animated too.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image
from sphinx.util.images import get_image_size

#: The width at which figures are shown, in pixels; their files have more for high-density screens.
MAX_WIDTH = 640
#: The types of pictures that do not become PNG, by suffix.
TYPES = {".jpg": "image/jpeg", ".svg": "image/svg+xml"}


def display(path: Path, alt: str) -> dict[str, Any]:
    """Return the output that shows the picture at *path*."""
    kind, content = TYPES.get(path.suffix, "image/png"), path.read_bytes()
    about: dict[str, Any] = {"alt": alt}
    if path.suffix in (".gif", ".webp"):
        with Image.open(path) as picture, io.BytesIO() as file:
            picture.save(file, "PNG", save_all=True)
            content = file.getvalue()
    if size := get_image_size(str(path)):
        width = min(size[0], MAX_WIDTH)
        about |= {"width": width, "height": round(size[1] * width / size[0])}
    data = content.decode("utf-8-sig").splitlines(True) if path.suffix == ".svg" else base64.b64encode(content).decode()
    return {"output_type": "display_data", "data": {kind: data, "text/plain": [alt]}, "metadata": {kind: about}}
