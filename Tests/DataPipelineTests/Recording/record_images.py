#!/usr/bin/env python3
"""Records what Pillow decodes and resizes, for ImageDecoderTests.swift and ImageResizeTests.swift, and writes small
pictures of every kind.

Run: python3 record_images.py (Pillow, numpy); it writes ../Recorded/images.json.
"""
import base64
import io
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image


def pattern(width, height, channels):
    """Whole numbers by a formula; a smooth wave for the lossy format."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    return ((x * 9 + y * 5 + c * 60 + (x * y) % 7) % 256).astype(np.uint8)


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_of_16_bits(width, height):
    """Pillow does not write RGB of 16 bits."""
    rows = b""
    for y in range(height):
        rows += b"\0" + b"".join(struct.pack(">3H", x * 4000, y * 3000, x * y * 500) for x in range(width))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def huge_png():
    header = struct.pack(">2I5B", 30000, 30000, 8, 2, 0, 0, 0)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100))


def huge_jpeg():
    """A small JPEG whose header tells 30,000 x 30,000."""
    data = bytearray(encoded(Image.fromarray(pattern(16, 16, 3)), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5:at + 9] = struct.pack(">2H", 30000, 30000)
    return bytes(data)


colour = Image.fromarray(pattern(13, 9, 3))
grey = Image.fromarray(pattern(13, 9, 1)[:, :, 0])
files = {
    "png rgb": encoded(colour, "PNG"),
    "png grey": encoded(grey, "PNG"),
    "png one bit": encoded(grey.point(lambda v: 255 if v > 99 else 0).convert("1"), "PNG"),
    "png palette": encoded(colour.quantize(7), "PNG"),
    "png palette transparent": encoded(colour.quantize(7), "PNG", transparency=2),
    "png alpha": encoded(Image.fromarray(pattern(13, 9, 4)), "PNG"),
    "png grey alpha": encoded(Image.fromarray(pattern(13, 9, 2), "LA"), "PNG"),
    "jpeg rgb": encoded(colour, "JPEG", quality=90),
    "jpeg rgb not subsampled": encoded(colour, "JPEG", quality=95, subsampling=0),
    "jpeg progressive": encoded(colour, "JPEG", quality=90, progressive=True),
    "jpeg cmyk": encoded(Image.fromarray(pattern(16, 16, 4), "CMYK"), "JPEG", quality=95),
    "jpeg grey": encoded(grey, "JPEG", quality=90),
}
cases = []
for name, data in files.items():
    image = Image.open(io.BytesIO(data)).convert("RGB")
    cases.append({"name": name, "file": base64.b64encode(data).decode(), "width": image.width,
                  "height": image.height, "pixels": base64.b64encode(image.tobytes()).decode()})

# libpng's scaling from 16 bits: the nearest of value * 255 / 65535.
values = [[[x * 4000, y * 3000, x * y * 500] for x in range(5)] for y in range(4)]
scaled = np.array([[[(v * 255 + 32767) // 65535 for v in p] for p in row] for row in values], np.uint8)
cases.append({"name": "png 16 bits", "file": base64.b64encode(png_of_16_bits(5, 4)).decode(), "width": 5, "height": 4,
              "pixels": base64.b64encode(scaled.tobytes()).decode()})
resized = []
for width, height in [(6, 4), (20, 17), (13, 4), (5, 9), (1, 1), (29, 3)]:
    pixels = colour.resize((width, height), Image.Resampling.BILINEAR)
    resized.append({"width": width, "height": height, "pixels": base64.b64encode(pixels.tobytes()).decode()})

path = pathlib.Path(__file__).parent.parent / "Recorded" / "images.json"
path.write_text(json.dumps({
    "recordedWith": f"Pillow {PIL.__version__}", "decoded": cases, "bilinear": resized,
    "hugePNG": base64.b64encode(huge_png()).decode(), "hugeJPEG": base64.b64encode(huge_jpeg()).decode(),
}, indent=0) + "\n")
print(path.name, path.stat().st_size, "bytes")
