"""The files under generated/: what `examples/` becomes; `python -m tests.support.showcase` renews them.

Most examples are architectures without weights, so only their source is checked in.
"""

from __future__ import annotations

from pathlib import Path

from codegen import convert
from codegen.commands.convert import source_text

ROOT = Path(__file__).parents[2]
EXAMPLES, GENERATED = ROOT / "examples", ROOT / "generated"
CUSTOM = (EXAMPLES / "custom_layers.py",)

WHOLE = ("mlp.h5", "gated.keras")
ARCHITECTURES = tuple(
    f"{name}.json"
    for name in (
        "detector",
        "mixer",
        "mobilenet_v2",
        "resnet50",
        "siamese",
        "text_encoder",
        "translator",
        "unet",
        "vgg16",
    )
)


def main() -> None:
    """Write every file."""
    for name in WHOLE:
        print(convert(EXAMPLES / name, output=GENERATED, custom=CUSTOM, force=True).source_path.name)
    for name in ARCHITECTURES:
        module = Path(name).stem
        text = source_text(EXAMPLES / name, name=module)
        (GENERATED / f"{module}.py").write_text(text, encoding="utf-8", newline="\n")
        print(f"{module}.py")


if __name__ == "__main__":
    main()
